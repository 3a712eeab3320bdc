"""Edges: the pages before the console: signing in and out, and the second step."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, g, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui import staff_sign_in
from admin_ui.access_errors import StaffSignInFailed, StaffSignInLost
from admin_ui.door import CONSOLE_PATH, SIGN_IN_PATH
from admin_ui.factor_records import factors_of
from admin_ui.principals import staff_principal
from admin_ui.rendering import json_answer
from admin_ui.sign_in_pages import second_factor_page, sign_in_page
from admin_ui.staff_cookies import door, forget_staff_token, keep_sign_in_secret, sign_in_secret, staff_token
from admin_ui.staff_door import enter_console, our_party, see_other, staff_blueprint, wanted_target
from admin_ui.staff_entry import sign_out as end_session
from admin_ui.staff_records import Staff, find_staff
from config.database import transaction
from identity.browsers import session_here
from identity.credentials.factors import passkeys_of
from identity.credentials.passkeys import request_options
from identity.people_letters import post_of
from tenants import web
from tenants.errors import RateLimited, Refusal
from tenants.hosts import HostKind
from tenants.rates import Rate, require_visitor_rate
from tenants.wiring import keys

SECOND_FACTOR_PATH = SIGN_IN_PATH + "/second-factor"
PASSKEY_BEGINS = Rate("staff_passkey_begins", per_minute=60, burst=60)
"""For each network. Nobody is guessed at here, but anyone may ask, and each time a row waits for ten minutes."""

sign_in_routes = staff_blueprint("staff_sign_in", __name__)


@sign_in_routes.get(SIGN_IN_PATH)
def sign_in() -> WerkzeugResponse:
    """The ways in; whoever is in already goes on, unless asked to prove it again."""
    again = request.args.get("again") == "1"
    if g.host_kind is HostKind.TENANT:
        web.tenant()
        return see_other(_tenants_way_in(again=again))
    if not again and staff_token() and staff_principal(staff_token(), door().now) is not None:
        return see_other(wanted_target())
    return _ways_in(again=again, signed_out=request.args.get("signed_out") == "1")


@sign_in_routes.post(SIGN_IN_PATH)
def take_password() -> WerkzeugResponse:
    """The first step."""
    email = request.form.get("email", "")
    try:
        secret = staff_sign_in.check_password(email, request.form.get("password", ""), wanted_target(), door())
    except Refusal as refusal:
        return _ways_in(email=email, refusal=refusal)
    response = see_other(SECOND_FACTOR_PATH)
    keep_sign_in_secret(response, secret)
    return response


@sign_in_routes.post(SIGN_IN_PATH + "/passkey/options")
def passkey_options() -> WerkzeugResponse:
    """What the browser needs to sign somebody in with a passkey alone."""
    at = door()
    if at.limited:
        with transaction():
            require_visitor_rate(at.browser.address, PASSKEY_BEGINS, at.now)
    secret, challenge = staff_sign_in.begin_with_passkey(wanted_target(), at)
    response = json_answer({"options": request_options(our_party(), challenge)})
    keep_sign_in_secret(response, secret)
    return response


@sign_in_routes.post(SIGN_IN_PATH + "/passkey")
def take_passkey() -> WerkzeugResponse:
    """A passkey alone, which is both factors."""
    try:
        entered = staff_sign_in.finish_with_passkey(sign_in_secret(), request.form.get("passkey", ""), our_party(), door())
    except Refusal as refusal:
        return _ways_in(refusal=refusal)
    return enter_console(entered)


@sign_in_routes.get(SECOND_FACTOR_PATH)
def second_factor() -> WerkzeugResponse:
    """The second step."""
    return second_factor_page(_pending_staff())


@sign_in_routes.post(SECOND_FACTOR_PATH + "/options")
def second_factor_options() -> Response:
    """What the browser needs to use a passkey as the second factor."""
    staff, challenge = _pending_staff(), staff_sign_in.challenge_for(sign_in_secret(), door())
    known = [passkey.credential_id for passkey in passkeys_of(factors_of(staff.id))]
    return json_answer({"options": request_options(our_party(), challenge, known)})


@sign_in_routes.post(SECOND_FACTOR_PATH)
def take_second_factor() -> WerkzeugResponse:
    """A code, a recovery code, or a passkey."""
    form, secret = request.form, sign_in_secret()
    try:
        if "passkey" in form:
            entered = staff_sign_in.finish_with_passkey(secret, form["passkey"], our_party(), door())
        elif "recovery_code" in form:
            post = post_of(web.settings(), keys())
            entered = staff_sign_in.finish_with_recovery_code(secret, form["recovery_code"], post, door())
        else:
            entered = staff_sign_in.finish_with_code(secret, form.get("code", ""), keys(), door())
    except (StaffSignInFailed, RateLimited) as refusal:
        return second_factor_page(_pending_staff(), refusal=refusal)
    return enter_console(entered)


@sign_in_routes.post(CONSOLE_PATH + "/sign-out")
def sign_out() -> WerkzeugResponse:
    """End this browser's session."""
    end_session(staff_token(), door().now)
    session.clear()
    response = see_other(SIGN_IN_PATH + "?signed_out=1")
    forget_staff_token(response)
    return response


def _tenants_way_in(*, again: bool) -> str:
    """The way that somebody of a tenant came by, to prove it again; it is not another one that may be down."""
    session = session_here(door().now) if again else None
    path = {"break_glass": "/break-glass", "local": "/sign-in", "ldap": "/sign-in"}.get(session.way if session else "")
    query = {"next": wanted_target()}
    if session is not None and session.idp_name and web.trust().by_name(session.idp_name):
        query["idp"] = session.idp_name  # one that is switched off is nobody's way any more
    query |= {"force": "1"} if again and path is None else {}
    return f"{path or '/saml/login'}?{urlencode(query)}"


def _ways_in(
    *, email: str = "", refusal: Refusal | None = None, again: bool = False, signed_out: bool = False
) -> Response:
    sso = web.settings().staff_tenant is not None
    return sign_in_page(wanted_target(), sso=sso, email=email, refusal=refusal, again=again, signed_out=signed_out)


def _pending_staff() -> Staff:
    pending = staff_sign_in.require_pending(sign_in_secret(), door().now)
    staff = find_staff(pending.staff_id) if pending.staff_id else None
    if staff is None:
        raise StaffSignInLost("nobody named")
    return staff
