"""Who stands at the console's door: the edge that reads its cookies, and shows those who are not signed in the way."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from flask import g, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.console_sessions import STAFF_COOKIE
from admin_ui.errors import NoConsoleRole
from admin_ui.principal import Principal
from admin_ui.principals import staff_principal, tenant_principal
from identity.browsers import SESSION_COOKIE
from identity.errors import NotSignedIn
from identity.sessions import current_session
from tenants import web
from tenants.hosts import HostKind

CONSOLE_PATH = "/admin"
SIGN_IN_PATH = CONSOLE_PATH + "/sign-in"


def console_principal() -> Principal | WerkzeugResponse:
    """Who asks; or, where nobody is signed in and a page is asked for, the way to sign in.

    Raises:
        NotSignedIn: a program, or a form, without a session. NoConsoleRole: one of the tenant's people without a role.
    """
    now = dt.datetime.now(dt.UTC)
    if g.host_kind is HostKind.APP:
        token = request.cookies.get(STAFF_COOKIE)
        return (staff_principal(token, now) if token else None) or _way_in(SIGN_IN_PATH)
    tenant = web.tenant()
    if not tenant.canonical:
        return redirect(web.settings().tenant_origin(tenant.slug) + request.full_path.rstrip("?"), 302)
    token = request.cookies.get(SESSION_COOKIE)
    if token is None:
        return _way_in("/saml/login")
    organisations = web.trust().organisations
    principal = tenant_principal(tenant, organisations, token, now)
    if principal is None:
        if current_session(tenant, organisations, token, now) is None:
            return _way_in("/saml/login")
        raise NoConsoleRole("no role")
    return principal


def _way_in(path: str) -> WerkzeugResponse:
    if request.method not in ("GET", "HEAD") or request.accept_mimetypes.best == "application/json":
        raise NotSignedIn("no session of the console")
    response = redirect(f"{path}?{urlencode({'next': request.full_path.rstrip('?')})}", 302)
    response.headers["Cache-Control"] = "no-store"
    return response
