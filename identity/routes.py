"""Edges of a tenant's host: the way to sign in, its tests, our metadata, who is signed in."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, make_response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.metrics import LOGIN_STARTS
from identity import pages
from identity.browsers import (
    browser_facts,
    hint_here,
    keep_login_secret,
    login_secret,
    login_secret_or_new,
    session_here,
    session_of_caller,
)
from identity.errors import NotSignedIn
from identity.front_door.routes import front_door_page
from identity.login import LoginOptions, LoginStart, begin_login
from identity.login_hints import HINT_PARAMETER
from identity.logout import SignedOut
from identity.native_request import addresses_at
from identity.own_metadata import tenant_metadata
from identity.saml.sp_metadata import METADATA_MEDIA_TYPE
from identity.targets import require_target
from identity.tenant_host import to_current_mydomain
from identity.trials import TEST_PATH, begin_trial, trial_shown_to
from tenants import web, wiring
from tenants.hosts import HostKind
from tenants.records import TenantView
from tenants.rollover.readers import note_reader

routes = Blueprint("identity", __name__, template_folder="templates")
routes.before_request(to_current_mydomain)


@routes.get("/")
def landing() -> WerkzeugResponse:
    """Who is signed in; otherwise the way to sign in. On the app host the page that leads to organisations."""
    if g.host_kind is HostKind.APP:
        return front_door_page()
    tenant = web.tenant()
    session = session_here(_now())
    if session is None:
        return _ways_in(tenant)
    return pages.landing_page(tenant, session, now=_now())


def _ways_in(tenant: TenantView) -> WerkzeugResponse:
    """The sign-in page; whoever the app host sent here with their address has no choice to make where there is one way."""
    providers, signed_out = web.trust().providers, _signed_out()
    if hint_here(_now()) and len(providers) == 1 and not signed_out and _local_form() is None:
        query = urlencode({"next": "/", HINT_PARAMETER: request.args[HINT_PARAMETER]})
        return redirect(f"/saml/login?{query}", 303)
    return pages.sign_in_page(tenant, providers, target="/", signed_out=signed_out, local=_local_form())


def _local_form() -> pages.LocalForm | None:
    """The form for a name and a password, where an organisation of this tenant has its people use them."""
    return pages.password_form(web.trust().organisations)


@routes.get("/saml/login")
def login() -> WerkzeugResponse:
    """Leave for the identity provider."""
    options = LoginOptions(
        idp_name=request.args.get("idp"),
        target=request.args.get("next", "/"),
        force_authn=request.args.get("force") == "1",
        is_passive=request.args.get("passive") == "1",
        login_hint=hint_here(_now()) or request.args.get("login_hint"),
    )
    tenant, trust = web.tenant(), web.trust()
    local = _local_form()
    if options.idp_name is None and (len(trust.providers) > 1 or local is not None):
        return pages.sign_in_page(tenant, trust.providers, target=require_target(options.target), local=local)
    browser = login_secret_or_new()
    return _leave(tenant, begin_login(trust, options, browser, _now()), browser)


def _leave(tenant: TenantView, start: LoginStart, browser: str) -> WerkzeugResponse:
    LOGIN_STARTS.labels("redirect" if start.fields is None else "post").inc()
    response: WerkzeugResponse
    if start.fields is None:
        response = Response(status=302, headers={"Location": start.location, "Cache-Control": "no-store"})
    else:
        response = pages.post_form_page(tenant, start.location, start.fields)
    keep_login_secret(response, browser)
    return response


@routes.get(TEST_PATH)
def begin_test() -> WerkzeugResponse:
    """Leave for the identity provider to test settings; the link works once."""
    tenant, browser = web.tenant(), login_secret_or_new()
    return _leave(tenant, begin_trial(tenant, web.trusts(), request.args.get("ticket", ""), browser, _now()), browser)


@routes.get(f"{TEST_PATH}/<trial_id>")
def test_result(trial_id: str) -> Response:
    """How a test went, for the browser that made it."""
    tenant, browser = web.tenant(), login_secret()
    return pages.trial_page(tenant, trial_shown_to(tenant.id, trial_id, browser))


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
    tenant, current = web.tenant(), session_of_caller(_now())
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
    origin = web.settings().tenant_origin(tenant.slug)
    return jsonify(
        sso_enabled=bool(providers),
        sso_required=bool(providers),
        provider=providers[0].idp_display_name if len(providers) == 1 else None,
        login_url=origin + "/saml/login" if providers else None,
        **addresses_at(origin),
    )


def _signed_out() -> str:
    """How far a sign-out went that has just come back; any other word of an address is none."""
    words = request.args.get("signed_out", "")
    return words if words in frozenset(SignedOut) else ""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
