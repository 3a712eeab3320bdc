"""The browser that asks: its cookies on a tenant's host, and what its requests say of it."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Mapping

from flask import request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.application import this_request
from identity.exchanges import EXCHANGE_LIFETIME
from identity.login_hints import HINT_PARAMETER, open_hint
from identity.sessions import BrowserFacts, CurrentSession, current_session
from tenants import web, wiring

SESSION_COOKIE = "__Host-vestibule_session"
LOGIN_COOKIE = "__Host-vestibule_login"
STAY_COOKIE = "__Host-vestibule_stay"
STAY_SECONDS = 120
LOGIN_SECRET_BYTES = 32
_LOGIN_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `secrets.token_urlsafe` makes of so many bytes; whatever else the cookie holds is not ours, and never sent back."""
_COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]+")
MAX_HEADER_TEXT = 1_000
"""Octets of a header that are looked at; its column holds fewer characters still."""


def login_secret() -> str | None:
    """The secret that this browser got when it left for an identity provider, if it still holds one of ours."""
    cookies = this_request().cookies
    if LOGIN_COOKIE not in cookies:
        return None
    value = cookies[LOGIN_COOKIE]
    return value if _LOGIN_SECRET.fullmatch(value) else None


def login_secret_or_new() -> str:
    """The secret to leave with: two tabs that leave at once share one, so neither undoes the other."""
    return login_secret() or secrets.token_urlsafe(LOGIN_SECRET_BYTES)


def keep_login_secret(response: WerkzeugResponse, secret: str) -> None:
    """`SameSite=None`: it has to come with the identity provider's cross-site POST."""
    max_age = int(EXCHANGE_LIFETIME.total_seconds())
    _set_cookie(response, LOGIN_COOKIE, secret, same_site="None", max_age=max_age)


def hint_of(asked: Mapping[str, str], now: dt.datetime) -> str | None:
    """The address that its owner typed on a page of ours a moment ago, for this tenant, from the query that it went into."""
    hint = asked.get(HINT_PARAMETER)
    return None if hint is None else open_hint(wiring.keys(), web.tenant().id, hint, now)


def hint_here(now: dt.datetime) -> str | None:
    """The same, of this request."""
    return hint_of(request.args, now)


def stay_here(response: WerkzeugResponse) -> WerkzeugResponse:
    """After a sign-out or a refusal: for a while the front page leads nobody straight on, or they would go round in circles."""
    _set_cookie(response, STAY_COOKIE, "1", same_site="Lax", max_age=STAY_SECONDS)
    return response


def stays_here() -> bool:
    """Whether this browser has signed out, or was refused, a moment ago."""
    return STAY_COOKIE in request.cookies


def session_here(now: dt.datetime) -> CurrentSession | None:
    """The live session of this browser at this tenant."""
    token = request.cookies.get(SESSION_COOKIE)
    return current_session(web.tenant(), web.trust().organisations, token, now) if token else None


def bearer_token() -> str | None:
    """The token that an application shows (RFC 6750, 2.1); None where the request has none, or another scheme."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def session_of_caller(now: dt.datetime) -> CurrentSession | None:
    """The live session of whoever asks: an application by its token, or a browser by its cookie where no token came."""
    token = bearer_token()
    if token is None:
        return session_here(now)
    return current_session(web.tenant(), web.trust().organisations, token, now, of_client=True)


def keep_session(response: WerkzeugResponse, token: str) -> None:
    """Until the browser is closed; how long the session lasts is the database's to say."""
    _set_cookie(response, SESSION_COOKIE, token, same_site="Lax", max_age=None)


def browser_facts() -> BrowserFacts:
    """What this request says of the browser that made it."""
    asked = this_request()
    user_agent = asked.environ.get("HTTP_USER_AGENT", "")
    return BrowserFacts(user_agent=_header_text(user_agent), address=_header_text(asked.remote_addr or ""))


def _header_text(value: str) -> str:
    """What a header says, in characters that can be stored and shown. WSGI hands its octets on as Latin-1 (PEP 3333)."""
    text = value[:MAX_HEADER_TEXT].encode("latin-1", "replace").decode("utf-8", "replace")
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())


def _set_cookie(response: WerkzeugResponse, name: str, value: str, *, same_site: str, max_age: int | None) -> None:
    """`__Host-`: this host alone, over HTTPS (or a loopback name), so that no sibling subdomain can set or read it.

    Written as it goes out (RFC 6265 4.1.1): values are our own, and need none of the escaping that `set_cookie` looks for.
    """
    if not _COOKIE_VALUE.fullmatch(value):
        raise ValueError(f"a value of {name} that would have to be escaped")
    age = "" if max_age is None else f"; Max-Age={max_age}"
    response.headers.add("Set-Cookie", f"{name}={value}{age}; Secure; HttpOnly; Path=/; SameSite={same_site}")
