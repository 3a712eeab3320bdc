"""What all edges of a tenant's host share: where a former MyDomain leads, bounded forms, how many refusals are recorded."""

from __future__ import annotations

import datetime as dt
import time

from flask import g, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from config.database import transaction
from config.throttle import Throttle
from identity.errors import RequestInvalid, TooLarge
from tenants import web
from tenants.errors import RateLimited
from tenants.rates import Rate, require_rate

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"

RECORDED_REFUSALS = Rate("recorded_refusals", per_minute=60, burst=120)
"""For each tenant: anyone may post nonsense, and each record of it is a few KiB that stay for 30 days."""
_FLOODS = Throttle(per_minute=RECORDED_REFUSALS.per_minute, burst=RECORDED_REFUSALS.burst)
"""The same in this process, so that a flood of nonsense does not reach the database only to be counted there."""


def to_current_mydomain() -> WerkzeugResponse | None:
    """A former MyDomain leads to the present one; SAML endpoints there go on answering (T1).

    The identity provider may know the former host's ACS for ever: 307 has the browser repeat its POST at the present
    host, where its login cookie is. Destination and Recipient are compared with the stored ACS URL, never with the host.
    """
    tenant = g.get("tenant")
    if tenant is None or tenant.canonical or request.endpoint == "identity.metadata":
        return None
    location = web.settings().tenant_origin(tenant.slug) + request.full_path.rstrip("?")
    return redirect(location, 307 if request.method == "POST" else 302)


def read_posted(max_octets: int) -> bytes:
    """The body, one octet beyond the bound at most: werkzeug cuts a chunked one off at its limit without a word.

    Raises:
        TooLarge: there is more than that.
    """
    request.max_content_length = max_octets + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > max_octets:
        raise TooLarge(f"a form of more than {max_octets // 1024} KiB")
    return body


def require_same_origin() -> None:
    """Another tenant's host is the same *site*, so SameSite alone does not stop its forms.

    Raises:
        RequestInvalid: the form stood on a page of another origin.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        same = fetch_site in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin")
        same = origin is None or origin.lower() in (f"http://{request.host.lower()}", f"https://{request.host.lower()}")
    if not same:
        raise RequestInvalid("a form of another site")


def see_other(location: str) -> WerkzeugResponse:
    """Go on by GET; nobody may keep the answer."""
    response = redirect(location, 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def may_record(tenant_id: int, now: dt.datetime) -> bool:
    """Whether one more refusal is written down for the tenant, counted for all workers in a transaction of its own."""
    if not web.settings().rate_limits:
        return True
    if not _FLOODS.lets_through(tenant_id, time.monotonic()):
        return False
    try:
        with transaction():
            require_rate(tenant_id, RECORDED_REFUSALS, now)
    except RateLimited:
        return False
    return True
