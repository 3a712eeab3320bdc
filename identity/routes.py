"""Edges of a tenant's host: sign in, sign out, who is signed in."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time

from flask import Blueprint, Response, g, jsonify, make_response, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from config.logs import sign_in_log
from config.metrics import LOGIN_STARTS, SIGN_INS
from config.throttle import Throttle
from identity import pages
from identity.acs import Arrival, accept_response, record_refusal
from identity.check_log import log_checks, told_cause
from identity.checks import DECRYPTION_KEY, FORM, SIZE, Receipt
from identity.errors import AnswersTest, MethodNotAllowed, NotSignedIn, RequestInvalid, TooLarge
from identity.exchanges import EXCHANGE_LIFETIME
from identity.form_body import read_form
from identity.login import LoginOptions, LoginStart, begin_login
from identity.logout import SignedOut
from identity.own_metadata import tenant_metadata
from identity.saml.sp_metadata import METADATA_MEDIA_TYPE
from identity.second_try import Renewal
from identity.sessions import BrowserFacts, CurrentSession, current_session
from identity.targets import require_target
from identity.trial_records import Trial
from identity.trial_verdicts import fail_trial, judge_trial, trial_under_way
from identity.trials import TEST_PATH, begin_trial, trial_shown_to
from tenants import web, wiring
from tenants.errors import Refusal, ServiceUnavailable
from tenants.hosts import HostKind
from tenants.records import TenantView
from tenants.rollover.readers import note_reader
from tenants.rollover.uses import note_use

SESSION_COOKIE = "__Host-vestibule_session"
LOGIN_COOKIE = "__Host-vestibule_login"
LOGIN_SECRET_BYTES = 32
_LOGIN_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `secrets.token_urlsafe` makes of so many bytes; whatever else the cookie holds is not ours, and never sent back."""
MAX_HEADER_TEXT = 1_000
"""Octets of a header that are looked at; its column holds fewer characters still."""
ACS_CONTENT_TYPE = "application/x-www-form-urlencoded"
MAX_ACS_BODY = 512 * 1024

RECORDED_REFUSALS = Throttle(per_minute=60, burst=120)
"""For each tenant and worker: anyone may post nonsense, and each record of it is a few KiB that stay for 30 days."""

routes = Blueprint("identity", __name__, template_folder="templates")


@routes.before_request
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


@routes.get("/")
def landing() -> Response:
    """Who is signed in; otherwise the way to sign in. On the app host a quiet page that says nothing about who exists."""
    if g.host_kind is HostKind.APP:
        return pages.app_host_page()
    tenant = web.tenant()
    session = _session()
    if session is None:
        return pages.sign_in_page(tenant, web.trust().providers, target="/", signed_out=_signed_out())
    return pages.landing_page(tenant, session, now=_now())


@routes.get("/saml/login")
def login() -> WerkzeugResponse:
    """Leave for the identity provider."""
    options = LoginOptions(
        idp_name=request.args.get("idp"),
        target=request.args.get("next", "/"),
        force_authn=request.args.get("force") == "1",
        is_passive=request.args.get("passive") == "1",
        login_hint=request.args.get("login_hint"),
    )
    tenant, trust = web.tenant(), web.trust()
    if options.idp_name is None and len(trust.providers) > 1:
        return pages.sign_in_page(tenant, trust.providers, target=require_target(options.target))
    browser = _login_secret() or secrets.token_urlsafe(LOGIN_SECRET_BYTES)
    return _leave(tenant, begin_login(trust, options, browser, _now()), browser)


def _leave(tenant: TenantView, start: LoginStart, browser: str) -> WerkzeugResponse:
    LOGIN_STARTS.labels("redirect" if start.fields is None else "post").inc()
    response: WerkzeugResponse
    if start.fields is None:
        response = Response(status=302, headers={"Location": start.location, "Cache-Control": "no-store"})
    else:
        response = pages.post_form_page(tenant, start.location, start.fields)
    _set_cookie(response, LOGIN_COOKIE, browser, same_site="None", max_age=int(EXCHANGE_LIFETIME.total_seconds()))
    return response


@routes.post("/saml/acs", provide_automatic_options=False)
def acs() -> WerkzeugResponse:
    """Take the identity provider's answer: 303 to the target with a session, or a refusal that leaves nothing behind."""
    tenant, now, receipt, arrival = web.tenant(), _now(), Receipt(), None
    try:
        arrival = _arrival(receipt)
        sign_in = accept_response(tenant, web.trust(), arrival, now, receipt, Renewal(web.settings(), web.present_trust))
    except Refusal as refusal:
        if arrival and (trial := _trial_of(tenant, refusal, arrival, now, receipt)):
            return _to_result(trial)
        recorded = not isinstance(refusal, ServiceUnavailable) and may_record(tenant.id)
        if recorded:
            record_refusal(tenant, refusal, g.reference, now, receipt)
        SIGN_INS.labels(refusal.code).inc()
        cause = told_cause(refusal.cause, receipt)
        sign_in_log.info("refused", tenant_id=tenant.id, code=refusal.code, cause=cause, recorded=recorded)
        raise
    finally:
        log_checks(tenant.id, receipt)
    SIGN_INS.labels("accepted").inc()
    if DECRYPTION_KEY in receipt.facts:
        note_use(wiring.noted(), tenant.id, receipt.facts[DECRYPTION_KEY], receipt.facts["idp_id"], now)
    sign_in_log.info("accepted", tenant_id=tenant.id, session=sign_in.session.id)
    response = Response(status=303, headers={"Location": sign_in.target, "Cache-Control": "no-store"})
    _set_cookie(response, SESSION_COOKIE, sign_in.session.token, same_site="Lax", max_age=None)
    return response


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


@routes.get(TEST_PATH)
def begin_test() -> WerkzeugResponse:
    """Leave for the identity provider to test settings; the link works once."""
    tenant, browser = web.tenant(), _login_secret() or secrets.token_urlsafe(LOGIN_SECRET_BYTES)
    return _leave(tenant, begin_trial(tenant, web.trusts(), request.args.get("ticket", ""), browser, _now()), browser)


@routes.get(f"{TEST_PATH}/<trial_id>")
def test_result(trial_id: str) -> Response:
    """How a test went, for the browser that made it."""
    tenant, browser = web.tenant(), _login_secret()
    return pages.trial_page(tenant, trial_shown_to(tenant.id, trial_id, browser))


@routes.route("/saml/acs", methods=["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def acs_by_another_method() -> WerkzeugResponse:
    """Responses come by POST only (Q8, SAML Bindings 3.5): never from a URL, a log or a history."""
    web.tenant()
    raise MethodNotAllowed(request.method, allow="POST")


@routes.get("/saml/metadata")
def metadata() -> Response:
    """Our own metadata for this tenant: stored canonical values, the same from one fetch to the next."""
    tenant = web.tenant()
    own = tenant_metadata(tenant, web.trust().providers)
    response = make_response(own.xml)
    response.headers["Content-Type"] = METADATA_MEDIA_TYPE
    response.headers["Content-Disposition"] = f'inline; filename="{tenant.slug}-metadata.xml"'
    if request.method == "GET":
        facts = browser_facts()
        note_reader(wiring.noted(), tenant.id, facts.user_agent, facts.address, own.key_ids, _now())
    return response


@routes.get("/session")
def session() -> Response:
    """Who is signed in, for programs on the page."""
    tenant, current = web.tenant(), _session()
    if current is None:
        raise NotSignedIn("no live session")
    person = current.person
    response = jsonify(
        tenant=tenant.slug,
        user={
            "id": person.id,
            "username": person.username,
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "phone": person.phone,
            "name_id": person.name_id,
        },
        expires_at=current.expires_at.isoformat(),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@routes.get("/client-config.json")
def client_config() -> Response:
    """What a native client has to know before it opens the browser (G3)."""
    tenant, providers = web.tenant(), web.trust().providers
    return jsonify(
        sso_enabled=bool(providers),
        sso_required=bool(providers),
        provider=providers[0].idp_display_name if len(providers) == 1 else None,
        login_url=web.settings().tenant_origin(tenant.slug) + "/saml/login" if providers else None,
    )


def _signed_out() -> str:
    """How far a sign-out went that has just come back; any other word of an address is none."""
    words = request.args.get("signed_out", "")
    return words if words in frozenset(SignedOut) else ""


def _arrival(receipt: Receipt) -> Arrival:
    """Read the form: each field once, in the body alone, of bounded size (V1)."""
    with receipt.step(SIZE):
        body = _body()
    with receipt.step(FORM):
        if request.mimetype != ACS_CONTENT_TYPE:
            raise RequestInvalid(f"content type {request.mimetype[:80]!a}")
        if request.query_string:
            raise RequestInvalid("an ACS takes nothing from the address")
        if request.content_length not in (None, len(body)):
            raise RequestInvalid(f"{len(body)} octets of {request.content_length}: the connection broke")
        fields = read_form(body)
        responses = [value for name, value in fields if name == "SAMLResponse"]
        relay_states = [value for name, value in fields if name == "RelayState"]
        if len(responses) != 1 or len(relay_states) > 1:
            raise RequestInvalid(f"SAMLResponse {len(responses)} times, RelayState {len(relay_states)} times")
    return Arrival(
        saml_response=responses[0],
        relay_state=relay_states[0] if relay_states else "",
        login_secret=_login_secret(),
        session_token=request.cookies.get(SESSION_COOKIE),
        browser=browser_facts(),
        reference=g.reference,
    )


def browser_facts() -> BrowserFacts:
    """What this request says of the browser that made it."""
    return BrowserFacts(
        user_agent=_header_text(request.headers.get("User-Agent", "")), address=_header_text(request.remote_addr or "")
    )


def _header_text(value: str) -> str:
    """What a header says, in characters that can be stored and shown. WSGI hands its octets on as Latin-1 (PEP 3333)."""
    text = value[:MAX_HEADER_TEXT].encode("latin-1", "replace").decode("utf-8", "replace")
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())


def _body() -> bytes:
    """The body, one octet beyond the bound at most: werkzeug cuts a chunked one off at its limit without a word."""
    request.max_content_length = MAX_ACS_BODY + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > MAX_ACS_BODY:
        raise TooLarge(f"a form of more than {MAX_ACS_BODY // 1024} KiB")
    return body


def may_record(tenant_id: int) -> bool:
    return not web.settings().rate_limits or RECORDED_REFUSALS.lets_through(tenant_id, time.monotonic())


def _login_secret() -> str | None:
    value = request.cookies.get(LOGIN_COOKIE, "")
    return value if _LOGIN_SECRET.fullmatch(value) else None


def _session() -> CurrentSession | None:
    token = request.cookies.get(SESSION_COOKIE)
    return current_session(web.tenant(), token, _now()) if token else None


def _set_cookie(response: WerkzeugResponse, name: str, value: str, *, same_site: str, max_age: int | None) -> None:
    """`__Host-`: this host alone, over HTTPS (or a loopback name), so that no sibling subdomain can set or read it."""
    response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite=same_site)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
