"""Edges of the app host's front page (H1)."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.database import transaction
from identity.errors import MethodNotAllowed
from identity.front_door.finding import MAX_COOKIE, MAX_TYPED, Found, find_way, open_found, seal_found
from identity.front_door.pages import RememberedPlace, front_page, onward_page
from identity.front_door.records import Place
from identity.front_door.remembered import REMEMBERED_COOKIE, REMEMBERED_SECONDS, remembered_in, with_latest, without
from identity.login_hints import HINT_PARAMETER, seal_hint
from identity.tenant_host import require_same_origin, see_other
from tenants import web, wiring
from tenants.hosts import HostKind
from tenants.rates import Rate, require_visitor_rate

FOUND_COOKIE = "__Host-vestibule_onward"
FOUND_SECONDS = 300
ONWARD_PATH, FORGET_PATH = "/onward", "/forget"
MAX_FORM = 4 * 1024
"""Bytes of a form."""
TYPED = "organisation"
ASKING = Rate("front_page", per_minute=10, burst=20)
"""For each network, in all workers together: a family or an office behind one address gets on, a list of domains does not."""

front_door_routes = Blueprint("front_door", __name__)


def front_door_page() -> Response:
    """The app host's `/`."""
    return front_page(_places())


@front_door_routes.before_request
def _on_the_app_host() -> None:
    if request.endpoint == f"{front_door_routes.name}.ask" and g.host_kind is not HostKind.APP:
        raise MethodNotAllowed(request.method, allow="GET, HEAD, OPTIONS")  # a tenant's `/` is there, to be read
    web.require_app_host()
    request.max_content_length = MAX_FORM
    if request.method == "POST":
        require_same_origin()


@front_door_routes.post("/")
def ask() -> WerkzeugResponse:
    """Take what was typed. Whatever it leads to, the answer is one: 303 to the next page, and a sealed cookie of one length."""
    now, typed = _now(), request.form.get(TYPED, "")
    if web.settings().rate_limits:
        with transaction():
            require_visitor_rate(request.remote_addr or "", ASKING, now)
    response = see_other(ONWARD_PATH)
    _keep(response, FOUND_COOKIE, seal_found(wiring.keys(), find_way(typed, web.settings()), now), FOUND_SECONDS)
    return response


@front_door_routes.get(ONWARD_PATH)
def onward() -> WerkzeugResponse:
    """Lead on to the organisation's own address, or say what can be done where there is none to lead to."""
    sealed, now = request.cookies.get(FOUND_COOKIE, ""), _now()
    found = open_found(wiring.keys(), sealed, now) if len(sealed) <= MAX_COOKIE else None
    if found is None:
        return see_other("/")
    if found.place is None:
        return front_page(_places(), typed=found.email or "", found_nothing=True)
    location = _location_of(found.place, found, now)
    response = onward_page(location, urlsplit(location).netloc)
    _remember(response, with_latest(_remembered(), found.place.slug))
    return response


@front_door_routes.post(FORGET_PATH)
def forget() -> WerkzeugResponse:
    """Take one of the remembered organisations away."""
    response = see_other("/")
    _remember(response, without(_remembered(), request.form.get("place", "")[:MAX_TYPED]))
    return response


def _location_of(place: Place, found: Found, now: dt.datetime) -> str:
    """The organisation's front page; it decides itself how people sign in. The address goes along sealed, for it alone."""
    location = web.settings().tenant_origin(place.slug) + "/"
    if found.email is None:
        return location
    return f"{location}?{urlencode({HINT_PARAMETER: seal_hint(wiring.keys(), place.tenant_id, found.email, now)})}"


def _places() -> list[RememberedPlace]:
    origin = web.settings().tenant_origin
    return [RememberedPlace(label, origin(label) + "/") for label in _remembered()]


def _remembered() -> tuple[str, ...]:
    return remembered_in(request.cookies.get(REMEMBERED_COOKIE, ""))


def _remember(response: WerkzeugResponse, value: str) -> None:
    if value:
        _keep(response, REMEMBERED_COOKIE, value, REMEMBERED_SECONDS)
    else:
        response.delete_cookie(REMEMBERED_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")


def _keep(response: WerkzeugResponse, name: str, value: str, seconds: int) -> None:
    """`__Host-`: this host alone, over HTTPS (or a loopback name), so that no tenant's host can set or read it."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="Lax")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
