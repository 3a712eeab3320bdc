"""Edges of signing out: by whoever is signed in, and by the identity provider (S3)."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

from flask import Blueprint, g, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.database import transaction
from config.logs import sign_in_log
from config.metrics import LOGOUTS
from identity import leaving_pages
from identity.browsers import SESSION_COOKIE, stay_here
from identity.check_log import told_logout_cause
from identity.errors import RequestInvalid
from identity.form_body import read_form
from identity.logout import Departure, SignedOut, receive_logout, refused_as_logout, sign_out, tell_identity_provider
from identity.saml.unverified_logout import UnverifiedLogout, read_posted_logout, read_redirected_logout
from identity.tenant_host import FORM_CONTENT_TYPE, may_record, read_posted, require_same_origin, see_other, to_current_mydomain
from tenants import web
from tenants.audit import EventType, record
from tenants.errors import Refusal, ServiceUnavailable
from tenants.records import TenantView

MAX_SLO_BODY = 256 * 1024
"""Octets of a form: base64 of the largest message, escaped, and RelayState."""

logout_routes = Blueprint("logout", __name__)
logout_routes.before_request(to_current_mydomain)


@logout_routes.post("/logout")
def logout() -> WerkzeugResponse:
    """End this browser's session here; the next page then tells its identity provider, where it can be told."""
    tenant = web.tenant()
    require_same_origin()
    return leave(tenant)


def leave(tenant: TenantView) -> WerkzeugResponse:
    """End this browser's session, and go on to tell its identity provider where it can be told."""
    token = request.cookies.get(SESSION_COOKIE)
    request_id = sign_out(tenant, web.trust(), token, _now()) if token else None
    LOGOUTS.labels("begun" if request_id else "here").inc()
    # By way of a page of its own: Chromium holds the redirects that follow a form against the `form-action` of the page
    # that the form stood on, and that one cannot know where an identity provider sends people on to.
    response = see_other(f"/saml/logout?request={request_id}") if request_id else _signed_out(SignedOut.HERE)
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    stay_here(response)
    return response


@logout_routes.get("/saml/logout")
def logout_there() -> WerkzeugResponse:
    """Leave for the identity provider, to sign out there too."""
    tenant = web.tenant()
    departure = tell_identity_provider(tenant, web.trust(), request.args.get("request", ""), _now())
    if departure is None:
        return _signed_out(SignedOut.HERE)
    if departure.fields is None:
        return leaving_pages.logout_link_page(tenant, departure.location)
    return leaving_pages.logout_form_page(tenant, departure.location, departure.fields, framed_by=None)


@logout_routes.route("/saml/slo", methods=["GET", "POST"], provide_automatic_options=False)
def single_logout() -> WerkzeugResponse:
    """Take the identity provider's request or answer, by Redirect or POST; no cookie is looked at, since none may come."""
    tenant, now = web.tenant(), _now()
    try:
        outcome = receive_logout(tenant, web.trusts(), _unverified(), now)
    except Refusal as refusal:
        _record_refusal(tenant, refusal, now)
        raise
    LOGOUTS.labels("answered" if isinstance(outcome, Departure) else outcome.name.lower()).inc()
    return _leave(tenant, outcome) if isinstance(outcome, Departure) else _signed_out(outcome)


def _unverified() -> UnverifiedLogout:
    if request.method == "GET":
        with refused_as_logout():
            return read_redirected_logout(request.query_string)
    if request.mimetype != FORM_CONTENT_TYPE:
        raise RequestInvalid(f"content type {request.mimetype[:80]!a}")
    if request.query_string:
        raise RequestInvalid("a posted logout message takes nothing from the address")
    fields = read_form(read_posted(MAX_SLO_BODY))
    with refused_as_logout():
        return read_posted_logout(fields)


def _leave(tenant: TenantView, departure: Departure) -> WerkzeugResponse:
    """By redirect, or by a form that sends itself. The identity provider may show that form in a frame of its own."""
    if departure.fields is None:
        return see_other(departure.location)
    framed_by = _origin_of(departure.location)
    return leaving_pages.logout_form_page(tenant, departure.location, departure.fields, framed_by=framed_by)


def _origin_of(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc}"


def _signed_out(how_far: SignedOut) -> WerkzeugResponse:
    return see_other(f"/?signed_out={how_far.value}")


def _record_refusal(tenant: TenantView, refusal: Refusal, now: dt.datetime) -> None:
    """On record for the tenant's administrators, as often as refused sign-ins are."""
    LOGOUTS.labels("refused").inc()
    recorded = not isinstance(refusal, ServiceUnavailable) and may_record(tenant.id, now)
    cause = told_logout_cause(refusal.cause)
    if recorded:
        with transaction():
            detail = {"reference": g.reference, "cause": cause}
            record(tenant.id, EventType.LOGOUT_REFUSED, at=now, actor="sign-out", reason=refusal.code, **detail)
    sign_in_log.info("logout_refused", tenant_id=tenant.id, code=refusal.code, cause=cause, recorded=recorded)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
