"""What all edges of a tenant's host share: where a former MyDomain leads, bounded forms, how many refusals are recorded."""

from __future__ import annotations

import datetime as dt

from flask import redirect, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from config.application import this_g, this_request
from identity.errors import RequestInvalid, TooLarge
from identity.refusal_budget import takes_one_more
from tenants import web

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"

def to_current_mydomain() -> WerkzeugResponse | None:
    """A former MyDomain leads to the present one; SAML endpoints there go on answering (T1).

    The identity provider may know the former host's ACS for ever: 307 has the browser repeat its POST at the present
    host, where its login cookie is. Destination and Recipient are compared with the stored ACS URL, never with the host.
    """
    tenant = getattr(this_g(), "tenant", None)
    if tenant is None or tenant.canonical or request.endpoint == "identity.metadata":
        return None
    location = web.settings().tenant_origin(tenant.slug) + request.full_path.rstrip("?")
    return redirect(location, 307 if request.method == "POST" else 302)


def read_posted(max_octets: int) -> bytes:
    """The body, one octet beyond the bound at most: werkzeug cuts a chunked one off at its limit without a word.

    Raises:
        TooLarge: there is more than that.
    """
    posted = this_request()
    posted.max_content_length = max_octets + 1
    try:
        body = posted.get_data(cache=False)
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
    return not web.settings().rate_limits or takes_one_more(tenant_id, now)
