"""Edge of the assertion consumer service: an identity provider's answer comes in, a session or a refusal goes out."""

from __future__ import annotations

import datetime as dt
import secrets
from urllib.parse import urlencode

from flask import Blueprint, after_this_request, g, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.application import this_g, this_request
from config.logs import sign_in_log
from config.metrics import sign_ins
from identity.acs import Arrival, accept_response, record_refusal
from identity.browsers import SESSION_COOKIE, browser_facts, keep_session, login_secret, stay_here
from identity.check_log import kept_cause, log_checks, told_cause
from identity.checks import DECRYPTION_KEY, FORM, SIZE, Receipt
from identity.errors import AnswersTest, MethodNotAllowed, RequestInvalid
from identity.exchanges import hash_of
from identity.form_body import read_form
from identity.logout import SignedOut
from identity.response_headers import going_to
from identity.second_try import Renewal
from identity.tenant_host import FORM_CONTENT_TYPE, may_record, read_posted, to_current_mydomain
from identity.trial_records import Trial
from identity.trial_verdicts import fail_trial, judge_trial, trial_under_way
from identity.trials import TEST_PATH
from tenants import web, wiring
from tenants.errors import Refusal, ServiceUnavailable
from tenants.records import TenantView
from tenants.rollover.uses import note_use

MAX_ACS_BODY = 512 * 1024

acs_routes = Blueprint("acs", __name__)
acs_routes.before_request(to_current_mydomain)


@acs_routes.post("/saml/acs", provide_automatic_options=False)
def acs() -> WerkzeugResponse:
    """Take the identity provider's answer: 303 to the target with a session, or a refusal that leaves nothing behind."""
    tenant, now, receipt, arrival = web.tenant(), _now(), Receipt(), None
    try:
        arrival = _arrival(receipt)
        sign_in = accept_response(tenant, web.trust(), arrival, now, receipt, Renewal(web.settings(), web.present_trust))
    except Refusal as refusal:
        if arrival and (trial := _trial_of(tenant, refusal, arrival, now, receipt)):
            return _to_result(trial)
        recorded = not isinstance(refusal, ServiceUnavailable) and may_record(tenant.id, now)
        if recorded:
            kept = kept_cause(refusal.cause, refusal.code, receipt)
            record_refusal(tenant, refusal, kept, g.reference, now, receipt)
        sign_ins(refusal.code).inc()
        cause = told_cause(refusal.cause, receipt)
        sign_in_log.info("refused", tenant_id=tenant.id, code=refusal.code, cause=cause, recorded=recorded)
        after_this_request(stay_here)
        g.retry_url = _way_on(refusal, arrival, receipt)
        raise
    finally:
        log_checks(tenant.id, receipt)
    sign_ins("accepted").inc()
    if DECRYPTION_KEY in receipt.facts:
        note_use(wiring.noted(), tenant.id, receipt.facts[DECRYPTION_KEY], receipt.facts["idp_id"], now)
    sign_in_log.info("accepted", tenant_id=tenant.id, session=sign_in.session.id)
    location = f"/?signed_out={SignedOut.HERE.value}" if sign_in.over else sign_in.target
    response = going_to(location, 303)
    keep_session(response, sign_in.session.token)
    return response


def _way_on(refusal: Refusal, arrival: Arrival | None, receipt: Receipt) -> str | None:
    """The refusal's own way to begin again, with the page that this browser was on its way to; None where that is unknown."""
    path = refusal.retry.path if refusal.retry else None
    exchange, secret = receipt.exchange, arrival.login_secret if arrival else None
    if path is None or exchange is None or secret is None or not path.startswith("/saml/login") or exchange.target == "/":
        return None
    if not secrets.compare_digest(hash_of(secret), exchange.browser_hash):
        return None
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'next': exchange.target})}"


def _trial_of(tenant: TenantView, refusal: Refusal, arrival: Arrival, now: dt.datetime, receipt: Receipt) -> Trial | None:
    """The test sign-in that was answered, judged: its result is shown in place of what a sign-in would show."""
    if isinstance(refusal, AnswersTest):
        return judge_trial(tenant, web.trusts(), refusal.detail["trial_id"], arrival, now, web.settings())
    trial = trial_under_way(tenant.id, arrival)
    return fail_trial(tenant, web.trusts(), trial, refusal, arrival, now, receipt) if trial else None


def _to_result(trial: Trial) -> WerkzeugResponse:
    sign_in_log.info("tested", tenant_id=trial.tenant_id, code=trial.code)
    response = redirect(trial.return_to or f"{TEST_PATH}/{trial.id}", 303)
    response.headers["Cache-Control"] = "no-store"
    return response


@acs_routes.route("/saml/acs", methods=["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def acs_by_another_method() -> WerkzeugResponse:
    """Responses come by POST only (Q8, SAML Bindings 3.5): never from a URL, a log or a history."""
    web.tenant()
    raise MethodNotAllowed(request.method, allow="POST")


def _arrival(receipt: Receipt) -> Arrival:
    """Read the form: each field once, in the body alone, of bounded size (V1)."""
    posted = this_request()
    with receipt.step(SIZE):
        body = read_posted(MAX_ACS_BODY)
    with receipt.step(FORM):
        if posted.mimetype != FORM_CONTENT_TYPE:
            raise RequestInvalid(f"content type {posted.mimetype[:80]!a}")
        if posted.query_string:
            raise RequestInvalid("an ACS takes nothing from the address")
        if posted.content_length not in (None, len(body)):
            raise RequestInvalid(f"{len(body)} octets of {posted.content_length}: the connection broke")
        fields = read_form(body)
        responses = [value for name, value in fields if name == "SAMLResponse"]
        relay_states = [value for name, value in fields if name == "RelayState"]
        if len(responses) != 1 or len(relay_states) > 1:
            raise RequestInvalid(f"SAMLResponse {len(responses)} times, RelayState {len(relay_states)} times")
    return Arrival(
        saml_response=responses[0],
        relay_state=relay_states[0] if relay_states else "",
        login_secret=login_secret(),
        session_token=posted.cookies.get(SESSION_COOKIE),
        browser=browser_facts(),
        reference=this_g().reference,
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
