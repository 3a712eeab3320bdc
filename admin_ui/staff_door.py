"""What the pages before the console share: they are the app host's, their forms our own, their refusals pages."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.csrf import require_own_form
from admin_ui.door import CONSOLE_PATH, SIGN_IN_PATH
from admin_ui.sign_in_pages import refused_page
from admin_ui.staff_cookies import forget_sign_in_secret, keep_staff_token, staff_token
from admin_ui.staff_entry import Entered
from identity.credentials.passkeys import RelyingParty, relying_party
from identity.error_pages import refusal_response, wants_problem
from identity.page_rendering import PRODUCT
from identity.targets import is_target
from tenants import web
from tenants.errors import Refusal

HOME = CONSOLE_PATH + "/"
HAND_OVER_PATH = CONSOLE_PATH + "/hand-over"
ON_EVERY_HOST = (HAND_OVER_PATH, SIGN_IN_PATH)
"""What may be looked at on a tenant's host, too."""
MAX_FORM = 64 * 1024


def staff_blueprint(name: str, import_name: str) -> Blueprint:
    """A part of these pages."""
    blueprint = Blueprint(name, import_name)
    blueprint.before_request(_judge)
    blueprint.register_error_handler(Refusal, _refused)
    return blueprint


def enter_console(entered: Entered) -> WerkzeugResponse:
    """Into the console: a session under a new token, and forms under a new one, too."""
    if not staff_token():
        session.clear()
    response = see_other(entered.target)
    keep_staff_token(response, entered.token)
    forget_sign_in_secret(response)
    return response


def wanted_target() -> str:
    """Where to go afterwards: a page of the console on this host, whatever was asked for."""
    wanted = request.values.get("next", "")
    inside = wanted == CONSOLE_PATH or wanted.startswith((HOME, CONSOLE_PATH + "?"))
    return wanted if inside and is_target(wanted) and not wanted.startswith(SIGN_IN_PATH) else HOME


def our_party() -> RelyingParty:
    """The app host, as authenticators know it."""
    return relying_party(web.settings().app_url, PRODUCT)


def see_other(location: str) -> WerkzeugResponse:
    """Lead on; nothing is kept by anybody on the way."""
    response = redirect(location, 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _judge() -> None:
    request.max_content_length = MAX_FORM
    if request.path not in ON_EVERY_HOST or request.method != "GET":
        web.require_app_host()
    require_own_form()


def _refused(refusal: Refusal) -> Response:
    if wants_problem(request.accept_mimetypes, for_programs=False):
        return refusal_response(
            refusal, tenant=None, reference=g.reference, accepts=request.accept_mimetypes, for_programs=True
        )
    return refused_page(refusal, g.reference)
