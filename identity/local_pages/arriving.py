"""What a request to these pages brings: that its form is our own, the cookies, and the door that flows are asked at."""

from __future__ import annotations

import datetime as dt

from flask import g, request
from werkzeug.wrappers import Response

from identity.browsers import SESSION_COOKIE, browser_facts
from identity.credentials.passkeys import RelyingParty, relying_party
from identity.local_accounts.errors import OwnFormsOnly
from identity.local_accounts.sign_in_records import BROWSER_LIFETIME, LIFETIME
from identity.local_sign_in.door import Door, Means
from identity.targets import is_target
from tenants import web, wiring

SIGN_IN_COOKIE = "__Host-vestibule_sign_in"
BROWSER_COOKIE = "__Host-vestibule_browser"
MAX_FORM = 64 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_own_form() -> None:
    """Refuse what may change something and does not come from a page of this very host.

    Signing in is no exception: who is signed in under somebody else's account without noticing tells that account things.
    Other tenants' hosts are the same *site*, so SameSite does not stop their forms; and no session is there yet that a
    token could be bound to. Every browser says where a POST comes from; one that does not is refused (RFC 6454 7, Fetch
    Metadata Request Headers 2.3).
    """
    if request.method in _SAFE_METHODS:
        return
    request.max_content_length = MAX_FORM
    own = web.settings().tenant_origin(web.tenant().slug)
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    wrong = [said for said, good in ((origin, own), (site, "same-origin")) if said is not None and said.lower() != good]
    if wrong or (origin is None and site is None):
        raise OwnFormsOnly(f"from {str(wrong)[:100]}")


def door() -> Door:
    """This request's."""
    return Door(
        tenant=web.tenant(),
        organisations=web.trust().organisations,
        browser=browser_facts(),
        now=dt.datetime.now(dt.UTC),
        former=request.cookies.get(SESSION_COOKIE, ""),
        device=request.cookies.get(BROWSER_COOKIE, ""),
        reference=g.reference,
        limited=web.settings().rate_limits,
    )


def means() -> Means:
    """What this deployment gives."""
    return Means(wiring.settings(), wiring.keys(), wiring.admins_of())


def our_party() -> RelyingParty:
    """The tenant's own host, as authenticators know it: another tenant's passkeys mean nothing here."""
    tenant = web.tenant()
    return relying_party(web.settings().tenant_origin(tenant.slug), tenant.name)


def wanted_target(default: str = "/") -> str:
    """Where to go afterwards: a local path, whatever was asked for."""
    wanted = request.values.get("next", "")
    return wanted if wanted and is_target(wanted) else default


def sign_in_secret() -> str:
    """What the cookie of a sign-in under way holds."""
    return request.cookies.get(SIGN_IN_COOKIE, "")


def keep_sign_in_secret(response: Response, secret: str) -> None:
    """Hand a sign-in under way to the browser."""
    _set(response, SIGN_IN_COOKIE, secret, int(LIFETIME.total_seconds()))


def forget_sign_in_secret(response: Response) -> None:
    """Take the cookie of a finished sign-in away."""
    response.delete_cookie(SIGN_IN_COOKIE, path="/", secure=True, httponly=True, samesite="Strict")


def keep_browser(response: Response, token: str) -> None:
    """Let the browser be known again; the token opens nothing, it only has a budget of failures of its own."""
    _set(response, BROWSER_COOKIE, token, int(BROWSER_LIFETIME.total_seconds()))


def _set(response: Response, name: str, value: str, max_age: int) -> None:
    """`__Host-`: this host alone, over HTTPS (or a loopback name); `Strict`: never with a request from elsewhere."""
    response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Strict")
