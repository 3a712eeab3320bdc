"""Edges: staff come through their own organisation's single sign-on; the code is handed over between two hosts."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from flask import request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.access_errors import StaffSSOUnavailable
from admin_ui.door import SIGN_IN_PATH
from admin_ui.staff_cookies import door, keep_sign_in_secret, sign_in_secret
from admin_ui.staff_door import HAND_OVER_PATH, enter_console, see_other, staff_blueprint, wanted_target
from admin_ui.staff_sso import begin_sso, begun_at, finish_with_hand_over, hand_over
from identity.browsers import SESSION_COOKIE
from identity.sessions import CurrentSession, current_session
from tenants import web
from tenants.errors import NotFound
from tenants.organisations.access import SSO

RETURN_PATH = SIGN_IN_PATH + "/sso/return"

sso_routes = staff_blueprint("staff_sso", __name__)


@sso_routes.get(SIGN_IN_PATH + "/sso")
def sso() -> WerkzeugResponse:
    """Leave for the staff tenant's host."""
    slug = web.settings().staff_tenant
    if slug is None:
        raise StaffSSOUnavailable("STAFF_TENANT is not set")
    secret, browser_hash = begin_sso(wanted_target(), door())
    query = {"for": browser_hash} | ({"again": "1"} if request.args.get("again") == "1" else {})
    response = see_other(f"{web.settings().tenant_origin(slug)}{HAND_OVER_PATH}?{urlencode(query)}")
    keep_sign_in_secret(response, secret)
    return response


@sso_routes.get(HAND_OVER_PATH)
def hand_over_page() -> WerkzeugResponse:
    """At the staff tenant's host: say who this is; whoever is not signed in there does so first."""
    tenant = web.tenant()
    if tenant.slug != web.settings().staff_tenant or not tenant.canonical:
        raise NotFound("not the staff tenant's host")
    now, asked = door().now, request.args.get("for", "")
    began = begun_at(asked, now)
    token = request.cookies.get(SESSION_COOKIE)
    found = current_session(tenant, web.trust().organisations, token, now) if token else None
    again = request.args.get("again") == "1"
    # A password of that tenant's own, or of its directory, is no single sign-on: it opens no console of staff.
    if found is None or found.way != SSO or (again and not _is_proved(found, began)):
        back = request.full_path.rstrip("?")
        return see_other(f"/saml/login?{urlencode({'next': back} | ({'force': '1'} if again else {}))}")
    code = hand_over(asked, tenant.id, found, now)
    response = see_other(f"{web.settings().app_url}{RETURN_PATH}?{urlencode({'code': code})}")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _is_proved(session: CurrentSession, since: dt.datetime) -> bool:
    """Whether the person has signed in anew at the identity provider since then; that it remembered them is no proof."""
    return session.proved_at is not None and session.proved_at >= since


@sso_routes.get(RETURN_PATH)
def sso_return() -> WerkzeugResponse:
    """Back at the app host, with a code that this browser alone can use, once."""
    response = enter_console(finish_with_hand_over(sign_in_secret(), request.args.get("code", ""), door()))
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
