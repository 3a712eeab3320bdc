"""Edges: signing in with a local account, in one step or two, and by break-glass."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.database import transaction
from config.logs import sign_in_log
from config.metrics import SIGN_INS
from identity import pages
from identity.browsers import keep_session
from identity.credentials.factors import passkeys_of
from identity.credentials.passkeys import request_options
from identity.error_pages import wants_problem
from identity.local_accounts.errors import LocalSignInFailed
from identity.local_accounts.factor_records import factors_of
from identity.local_pages.arriving import (
    door,
    forget_sign_in_secret,
    keep_browser,
    keep_sign_in_secret,
    means,
    our_party,
    require_own_form,
    sign_in_secret,
    wanted_target,
)
from identity.local_pages.drawing import faults_of, page
from identity.local_sign_in import factors
from identity.local_sign_in.door import BREAK_GLASS, Entered
from identity.local_sign_in.links import ask_for_reset
from identity.local_sign_in.password import Given, Waiting
from identity.password_sign_in import PasswordTry, record_password_refusal, sign_in_with_password
from identity.tenant_host import may_record, to_current_mydomain
from tenants import web, wiring
from tenants.errors import RateLimited, Refusal, ServiceUnavailable
from tenants.management_errors import FieldsInvalid
from tenants.organisations.access import LOCAL
from tenants.rates import Rate, require_visitor_rate

SIGN_IN_PATH, BREAK_GLASS_PATH = "/sign-in", "/break-glass"
SECOND_FACTOR_PATH = SIGN_IN_PATH + "/second-factor"
FORGOTTEN_PATH = SIGN_IN_PATH + "/forgotten"
CONSOLE = "/admin/"
PASSKEY_BEGINS = Rate("passkey_begins", per_minute=120, burst=120)
"""For each tenant and network. Nobody is guessed at here, but anyone may ask, and each time a row waits for ten minutes."""
SHOWN_AGAIN = (LocalSignInFailed, RateLimited, FieldsInvalid)
"""What is said on the form itself; everything else is a page of its own."""

local_sign_in_routes = Blueprint("local_sign_in", __name__)
local_sign_in_routes.before_request(to_current_mydomain)
local_sign_in_routes.before_request(require_own_form)


@local_sign_in_routes.get(SIGN_IN_PATH)
def sign_in() -> WerkzeugResponse:
    """The ways to sign in."""
    return _ways_in()


@local_sign_in_routes.post(SIGN_IN_PATH)
def take_password() -> WerkzeugResponse:
    """The first step; for whoever has no second factor and needs none, the only one."""
    return _first_step(Given(request.form.get("name", ""), request.form.get("password", ""), wanted_target()))


@local_sign_in_routes.get(BREAK_GLASS_PATH)
def break_glass() -> WerkzeugResponse:
    """The way in for when every other one is down; it says nothing about who may use it."""
    return page("local_break_glass.html", web.tenant(), target=wanted_target(CONSOLE), name="", reason="")


@local_sign_in_routes.post(BREAK_GLASS_PATH)
def take_break_glass() -> WerkzeugResponse:
    """The first step of it; a second factor follows always."""
    name, password, reason = (request.form.get(field, "") for field in ("name", "password", "reason"))
    return _first_step(Given(name, password, wanted_target(CONSOLE), BREAK_GLASS, reason))


@local_sign_in_routes.post(SIGN_IN_PATH + "/passkey/options")
def passkey_options() -> WerkzeugResponse:
    """What the browser needs to sign somebody in with a passkey alone."""
    at = door()
    if at.limited:
        with transaction():
            require_visitor_rate(at.browser.address, PASSKEY_BEGINS, at.now, tenant_id=at.tenant.id)
    secret, challenge = factors.begin_with_passkey(wanted_target(), at)
    response = jsonify(options=request_options(our_party(), challenge))
    keep_sign_in_secret(response, secret)
    return response


@local_sign_in_routes.post(SIGN_IN_PATH + "/passkey")
def take_passkey() -> WerkzeugResponse:
    """A passkey alone, which is both factors."""
    answer = request.form.get("passkey", "")
    try:
        entered = factors.finish_with_passkey(sign_in_secret(), answer, our_party(), means(), door())
    except Refusal as refusal:
        _note(refusal, LOCAL)
        if not isinstance(refusal, SHOWN_AGAIN) or _for_programs():
            raise
        return _ways_in(refusal)
    return _in(entered)


@local_sign_in_routes.get(SECOND_FACTOR_PATH)
def second_factor() -> WerkzeugResponse:
    """The second step."""
    return _second_factor_page()


@local_sign_in_routes.post(SECOND_FACTOR_PATH + "/options")
def second_factor_options() -> Response:
    """What the browser needs to use a passkey as the second factor."""
    at = door()
    _, account = factors.named_account(sign_in_secret(), at)
    challenge = factors.challenge_for(sign_in_secret(), at)
    known = [passkey.credential_id for passkey in passkeys_of(factors_of(at.tenant.id, account.person.id))]
    return jsonify(options=request_options(our_party(), challenge, known))


@local_sign_in_routes.post(SECOND_FACTOR_PATH)
def take_second_factor() -> WerkzeugResponse:
    """A code, a recovery code, or a passkey."""
    form, secret, at = request.form, sign_in_secret(), door()
    try:
        if "passkey" in form:
            entered = factors.finish_with_passkey(secret, form["passkey"], our_party(), means(), at)
        elif "recovery_code" in form:
            entered = factors.finish_with_recovery_code(secret, form["recovery_code"], means(), at)
        else:
            entered = factors.finish_with_code(secret, form.get("code", ""), means(), at)
    except Refusal as refusal:
        _note(refusal, LOCAL)
        if not isinstance(refusal, SHOWN_AGAIN) or _for_programs():
            raise
        return _second_factor_page(refusal)
    return _in(entered)


@local_sign_in_routes.get(FORGOTTEN_PATH)
def forgotten() -> WerkzeugResponse:
    """For whoever has forgotten a password."""
    return _forgotten_page(asked=request.args.get("asked") == "1")


@local_sign_in_routes.post(FORGOTTEN_PATH)
def take_forgotten() -> WerkzeugResponse:
    """The same answer, as soon, whoever was named."""
    name = request.form.get("name", "")
    try:
        ask_for_reset(name, door())
    except RateLimited as refusal:
        if _for_programs():
            raise
        return _forgotten_page(refusal, name=name)
    return _see_other(FORGOTTEN_PATH + "?asked=1")


def _forgotten_page(refusal: Refusal | None = None, *, asked: bool = False, name: str = "") -> Response:
    mailed = bool(web.settings().smtp_url)
    return page("local_forgotten.html", web.tenant(), refusal, asked=asked, mailed=mailed, name=name)


def _first_step(given: Given) -> WerkzeugResponse:
    tried = PasswordTry(g.reference, web.settings(), wiring.keys())
    try:
        outcome = sign_in_with_password(given, door(), tried)
    except Refusal as refusal:
        _note(refusal, given.way, tried)
        if not isinstance(refusal, SHOWN_AGAIN) or _for_programs():
            raise
        if given.way == BREAK_GLASS:
            values = {"target": given.target, "name": given.name, "reason": given.reason}
            return page("local_break_glass.html", web.tenant(), refusal, **values)
        return _ways_in(refusal, given.name)
    if isinstance(outcome, Waiting):
        response = _see_other(SECOND_FACTOR_PATH)
        keep_sign_in_secret(response, outcome.secret)
        return response
    return _in(outcome)


def _in(entered: Entered) -> WerkzeugResponse:
    SIGN_INS.labels("accepted").inc()
    sign_in_log.info("accepted", tenant_id=web.tenant().id, session=entered.session.id)
    response = _see_other(entered.target)
    keep_session(response, entered.session.token)
    keep_browser(response, entered.device)
    forget_sign_in_secret(response)
    return response


def _ways_in(refusal: Refusal | None = None, name: str = "") -> Response:
    tenant, trust = web.tenant(), web.trust()
    code, status = (refusal.code, refusal.status) if refusal else ("", 200)
    form = pages.password_form(trust.organisations, name, faults_of(refusal), code)
    response = pages.sign_in_page(
        tenant, trust.providers, target=wanted_target(), local=form, switched_off=trust.switched_off, status=status
    )
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.detail["retry_after"])
    return response


def _second_factor_page(refusal: Refusal | None = None) -> Response:
    at = door()
    pending, account = factors.named_account(sign_in_secret(), at)
    return page(
        "local_second_factor.html",
        at.tenant,
        refusal,
        email=account.person.email,
        has_app=account.sealed_totp_secret is not None,
        has_passkey=bool(passkeys_of(factors_of(at.tenant.id, account.person.id))),
        back=BREAK_GLASS_PATH if pending.way == BREAK_GLASS else SIGN_IN_PATH,
    )


def _note(refusal: Refusal, way: str, tried: PasswordTry | None = None) -> None:
    """On record for the tenant's administrators, as often as refused responses are."""
    at = door()
    SIGN_INS.labels(refusal.code).inc()
    if not isinstance(refusal, ServiceUnavailable) and may_record(at.tenant.id, at.now):
        record_password_refusal(refusal, way, at, tried or PasswordTry(g.reference, web.settings(), wiring.keys()))


def _for_programs() -> bool:
    return wants_problem(request.accept_mimetypes, for_programs=False)


def _see_other(location: str) -> WerkzeugResponse:
    response = redirect(location, 303)
    response.headers["Cache-Control"] = "no-store"
    return response
