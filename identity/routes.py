"""Edges of a tenant's host: the way to sign in, its tests, our metadata, who is signed in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, make_response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.application import this_request
from config.metrics import login_starts
from identity import leaving_pages, pages
from identity.browsers import (
    browser_facts,
    hint_here,
    hint_of,
    keep_login_secret,
    login_secret,
    login_secret_or_new,
    session_here,
    session_of_caller,
    stays_here,
)
from identity.choosing import leads_by_address, provider_of_address, required_provider
from identity.client_config import MAX_AGE_SECONDS, client_config
from identity.console_roles import console_role_of
from identity.errors import NotSignedIn
from identity.form_body import read_form, read_query
from identity.front_door.routes import front_door_page
from identity.login import LoginOptions, LoginStart, begin_login
from identity.login_hints import HINT_PARAMETER
from identity.logout import SignedOut
from identity.native_request import addresses_at
from identity.own_metadata import tenant_metadata
from identity.response_headers import going_to
from identity.saml.sp_metadata import METADATA_MEDIA_TYPE
from identity.targets import require_target
from identity.tenant_host import read_posted, require_same_origin, see_other, to_current_mydomain
from identity.trials import TEST_PATH, begin_trial, trial_shown_to
from tenants import web, wiring
from tenants.email_domains import normalise_email
from tenants.hosts import HostKind
from tenants.records import TenantView
from tenants.rollover.readers import note_reader
from tenants.trust import SAMLTrust
from tenants.trusts import TenantTrust

MAX_ADDRESS_FORM = 8 * 1024
"""Bytes: an address, and a target with its characters escaped."""

DEMANDS = ("force", "other")
"""What a link to the sign-in can ask for that is kept where people have to choose first. Who chooses is not passive."""

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
    held = console_role_of(tenant.id, session.person.id, session.id)
    return pages.landing_page(tenant, session, now=_now(), console=held is not None and held.role is not None)


def _ways_in(tenant: TenantView) -> WerkzeugResponse:
    """The sign-in page; or straight on, for whoever has no choice to make (H2).

    Never straight after a sign-out or a refusal: the identity provider would answer at once what it has answered before.
    """
    if _signed_out() or stays_here():
        return _sign_in_page(tenant, "/", request.args)
    chosen = _chosen(web.trust())
    if chosen is None:
        return _sign_in_page(tenant, "/", request.args)
    query = {"next": "/", "idp": chosen.idp_name}
    query |= {HINT_PARAMETER: request.args[HINT_PARAMETER]} if HINT_PARAMETER in request.args else {}
    return see_other(f"/saml/login?{urlencode(query)}")


def _chosen(trust: TenantTrust) -> SAMLTrust | None:
    """Where somebody is led without a choice: by the tenant's own word, or by the address that they typed a moment ago."""
    email = hint_here(_now())
    sole = trust.providers[0] if email and len(trust.providers) == 1 and _local_form() is None else None
    return required_provider(trust) or provider_of_address(trust, email) or sole


def _sign_in_page(
    tenant: TenantView, target: str, asked: Mapping[str, str], *, address_led_nowhere: bool = False
) -> Response:
    """Whichever way is chosen keeps what was asked for, in a link or in the form that was read."""
    trust = web.trust()
    shown: dict[str, Any] = {
        "by_address": pages.AddressForm(led_nowhere=address_led_nowhere) if leads_by_address(trust) else None,
        "asked": {name: "1" for name in DEMANDS if asked.get(name) == "1"},
    }
    return pages.sign_in_page(
        tenant,
        trust.providers,
        target=target,
        signed_out=_signed_out(),
        local=_local_form(hint_here(_now()) or ""),
        switched_off=trust.switched_off,
        **shown,
    )


@routes.post("/sign-in/address")
def by_address() -> WerkzeugResponse:
    """Lead somebody to the identity provider that is named for their address's domain; nobody is looked up.

    Not by a redirect: Chromium holds what follows a form against the `form-action` of the page that it stood on.
    """
    tenant, trust = web.tenant(), web.trust()
    require_same_origin()
    fields = dict(read_form(read_posted(MAX_ADDRESS_FORM)))
    email, target = normalise_email(fields.get("email", "")), require_target(fields.get("next", "/"))
    chosen = provider_of_address(trust, email)
    if chosen is None:
        return _sign_in_page(tenant, target, fields, address_led_nowhere=True)
    options = LoginOptions(
        idp_name=chosen.idp_name,
        target=target,
        force_authn=fields.get("force") == "1",
        other_account=fields.get("other") == "1",
        login_hint=email,
    )
    browser = login_secret_or_new()
    start = begin_login(trust, options, browser, _now())
    if start.fields is not None:
        return _leave(tenant, start, browser)
    login_starts("redirect").inc()
    response = leaving_pages.login_link_page(tenant, start.location)
    keep_login_secret(response, browser)
    return response


def _local_form(name: str = "") -> pages.LocalForm | None:
    """The form for a name and a password, where an organisation of this tenant has its people use them."""
    return pages.password_form(web.trust().organisations, name)


@routes.get("/saml/login")
def login() -> WerkzeugResponse:
    """Leave for the identity provider."""
    asked, now = read_query(this_request().query_string.decode()), _now()
    options = LoginOptions(
        idp_name=asked.get("idp"),
        target=asked.get("next", "/"),
        force_authn=asked.get("force") == "1",
        other_account=asked.get("other") == "1",
        is_passive=asked.get("passive") == "1",
        login_hint=hint_of(asked, now) or asked.get("login_hint"),
    )
    tenant, trust = web.tenant(), web.trust()
    if options.idp_name is None and (len(trust.providers) > 1 or pages.password_form(trust.organisations) is not None):
        chosen = required_provider(trust) or provider_of_address(trust, options.login_hint)
        if chosen is None:
            return _sign_in_page(tenant, require_target(options.target), asked)
        options = replace(options, idp_name=chosen.idp_name)
    browser = login_secret_or_new()
    return _leave(tenant, begin_login(trust, options, browser, now), browser)


def _leave(tenant: TenantView, start: LoginStart, browser: str) -> WerkzeugResponse:
    login_starts("redirect" if start.fields is None else "post").inc()
    response: WerkzeugResponse
    if start.fields is None:
        response = going_to(start.location, 302)
    else:
        response = leaving_pages.post_form_page(tenant, start.location, start.fields)
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
def client_config_document() -> Response:
    """What a native client has to know before it opens the browser (G3)."""
    tenant = web.tenant()
    origin = web.settings().tenant_origin(tenant.slug)
    document = client_config(web.trust(), origin, request.args.get("organisation"))
    response = jsonify({**document, **addresses_at(origin)})
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    return response


def _signed_out() -> str:
    """How far a sign-out went that has just come back; any other word of an address is none."""
    words = request.args.get("signed_out", "")
    return words if words in frozenset(SignedOut) else ""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
