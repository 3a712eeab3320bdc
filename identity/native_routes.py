"""Edges of native clients: the browser's half, and the application's (B3; RFC 8252, RFC 7636)."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.database import transaction
from config.logs import sign_in_log
from identity.browsers import bearer_token, browser_facts, session_here
from identity.errors import NativeCodeInvalid, NativeRequestInvalid, NotSignedIn
from identity.form_body import read_form
from identity.native_clients import grant_code, redeem_code
from identity.native_pages import consent_page
from identity.native_request import AUTHORIZE_PATH, SIGN_OUT_PATH, TOKEN_PATH, read_native_request, read_redemption
from identity.sessions import end_session
from identity.tenant_host import (
    FORM_CONTENT_TYPE,
    may_record,
    read_posted,
    require_same_origin,
    see_other,
    to_current_mydomain,
)
from tenants import web
from tenants.audit import EventType, record
from tenants.errors import Refusal
from tenants.rates import Rate, require_visitor_rate

MAX_NATIVE_BODY = 8 * 1024
REDEMPTIONS = Rate("native_token", per_minute=60, burst=60)
"""For each tenant and network: codes cannot be guessed, but each try costs a look and a line."""

native_routes = Blueprint("native", __name__)
native_routes.before_request(to_current_mydomain)


@native_routes.get(AUTHORIZE_PATH)
def authorize() -> WerkzeugResponse:
    """Ask whoever is signed in whether the application may be, too; others sign in first and come back here."""
    tenant, asked = web.tenant(), read_native_request(list(request.args.items(multi=True)))
    session = session_here(_now())
    if session is None:
        return see_other("/saml/login?" + urlencode({"next": asked.path}))
    return consent_page(tenant, session, asked)


@native_routes.post(AUTHORIZE_PATH)
def answer() -> WerkzeugResponse:
    """Send the browser to the application with a code, or with the word that there is none."""
    tenant, now = web.tenant(), _now()
    require_same_origin()
    fields = read_form(read_posted(MAX_NATIVE_BODY))
    asked, said = read_native_request(fields), dict(fields).get("answer")
    issuer = web.settings().tenant_origin(tenant.slug)
    if said == "no":
        return see_other(asked.answer(issuer, error="access_denied"))
    if said != "yes":
        raise NativeRequestInvalid("neither yes nor no")
    session = session_here(now)
    if session is None:
        return see_other("/saml/login?" + urlencode({"next": asked.path}))
    return see_other(asked.answer(issuer, code=grant_code(tenant, session, asked, now)))


@native_routes.post(TOKEN_PATH)
def token() -> Response:
    """Give the application its own session for the code; nothing of the browser's comes or counts here."""
    tenant, now, facts = web.tenant(), _now(), browser_facts()
    if web.settings().rate_limits:
        with transaction():
            require_visitor_rate(facts.address, REDEMPTIONS, now, tenant_id=tenant.id)
    if request.mimetype != FORM_CONTENT_TYPE:
        raise NativeRequestInvalid(f"content type {request.mimetype[:80]!a}")
    redemption = read_redemption(read_form(read_posted(MAX_NATIVE_BODY)))
    try:
        opened = redeem_code(tenant, web.trust().organisations, redemption, facts, now)
    except Refusal as refusal:
        if isinstance(refusal, NativeCodeInvalid) and may_record(tenant.id, now):
            with transaction():
                detail = {"client": redemption.client[:60], "cause": refusal.cause}
                record(tenant.id, EventType.NATIVE_CODE_REFUSED, at=now, actor="native", **detail)
        sign_in_log.info("native_refused", tenant_id=tenant.id, code=refusal.code, cause=refusal.cause, reference=g.reference)
        raise
    sign_in_log.info("native_accepted", tenant_id=tenant.id, session=opened.id)
    lasts = max(0, int((opened.expires_at - now).total_seconds()))
    response = jsonify(access_token=opened.token, token_type="Bearer", expires_in=lasts)  # noqa: S106 a word (RFC 6750)
    response.headers["Cache-Control"] = "no-store"
    return response


@native_routes.post(SIGN_OUT_PATH)
def sign_out() -> Response:
    """The application ends its own session."""
    tenant, found = web.tenant(), bearer_token()
    if found is None:
        raise NotSignedIn("no bearer token")
    with transaction():
        end_session(tenant.id, found, _now(), reason="signed_out")
    return Response(status=204, headers={"Cache-Control": "no-store"})


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
