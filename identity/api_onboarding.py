"""Edges of the management API for onboarding: new customers, set-up links, progress, activation, products (O1–O3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import Flask

from config.database import transaction
from identity.customers import NewCustomer, link_document, new_link_document, progress_document, start_onboarding
from identity.onboarding import activate
from identity.onboarding_schemas import (
    Activate,
    NewSetupLinkView,
    OnboardingCreate,
    OnboardingStarted,
    OnboardingView,
    PresetPage,
    SetupLinkCreate,
    SetupLinkPage,
    SetupLinkView,
)
from identity.setup_progress import progress_of
from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.errors import NotFound
from tenants.onboarding.link_mail import mail_link
from tenants.onboarding.link_records import links_of
from tenants.onboarding.links import issue_link, release_link, require_link, revoke_link
from tenants.onboarding.products import PRODUCTS
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, ONBOARD, READ, Role
from tenants.tenant_records import ManagedTenant, domains_of, find_managed_tenant_by_id
from tenants.views import tenant_document
from tenants.wiring import keys

ONBOARDING = "/tenants/<slug>/onboarding"
LINKS = "/tenants/<slug>/setup-links"
ONE_LINK = f"{LINKS}/<link_id>"

onboarding_api = ManagementBlueprint("api_onboarding", __name__, description="Onboarding and set-up links")


def install_onboarding_api(app: Flask) -> None:
    """Put these operations into the application."""
    api_of(app).register_blueprint(onboarding_api)


@onboarding_api.operation(
    "POST", "/onboardings", ONBOARD, body=OnboardingCreate, answers={201: OnboardingStarted}, refuses=(409,)
)
def post_onboarding(body: Mapping[str, Any]) -> dict[str, Any]:
    """Create a tenant and a set-up link for its IT people in one go. The link is shown this once."""
    lifetime = dt.timedelta(days=body["expires_in_days"])
    customer = NewCustomer(
        body["slug"],
        body["name"],
        body["email_domains"],
        body["attest_reason"],
        body["setup_email"],
        lifetime,
        body["first_admin"],
        body["send_mail"],
    )
    tenant, link = start_onboarding(customer, web.settings(), keys(), actor=caller().actor, now=now())
    shown = new_link_document(link, tenant, now())
    return {"tenant": tenant_document(tenant, domains_of([tenant.id])[tenant.id]), "setup_link": shown}


@onboarding_api.operation("GET", ONBOARDING, READ, answers={200: OnboardingView})
def get_onboarding(tenant: ManagedTenant) -> dict[str, Any]:
    """Show how far a tenant's onboarding is, by what is there."""
    return progress_document(progress_of(tenant))


@onboarding_api.operation(
    "POST", f"{ONBOARDING}/activate", ONBOARD, body=Activate, answers={200: OnboardingView}, refuses=(409,)
)
def post_activate(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Let people sign in, and end onboarding. 409 names the steps that are missing, unless a reason is given."""
    with transaction():
        activate(tenant, reason=body["reason"], actor=caller().actor, now=now())
    present = find_managed_tenant_by_id(tenant.id)
    if present is None:
        raise NotFound("deleted meanwhile")
    return progress_document(progress_of(present))


@onboarding_api.operation("GET", LINKS, READ, answers={200: SetupLinkPage})
def get_links(tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's set-up links, newest first."""
    return {"items": [link_document(link, tenant, now()) for link in links_of(tenant.id)], "next": None}


@onboarding_api.operation(
    "POST", LINKS, CONFIGURE, body=SetupLinkCreate, answers={201: NewSetupLinkView}, refuses=(409, 429)
)
def post_link(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Make a set-up link for one person. It is shown this once; a tenant's own token has it mailed to proven domains alone."""
    lifetime, settings, actor = dt.timedelta(days=body["expires_in_days"]), web.settings(), caller().actor
    with transaction():
        link = issue_link(tenant, body["email"], lifetime, settings, actor=actor, now=now())
        if body["send_mail"]:
            by_staff = caller().role is Role.STAFF
            link = mail_link(tenant, link, settings, keys(), by_staff=by_staff, actor=actor, now=now())
    return new_link_document(link, tenant, now())


@onboarding_api.operation("GET", ONE_LINK, READ, answers={200: SetupLinkView})
def get_link(tenant: ManagedTenant, link_id: str) -> dict[str, Any]:
    """Show a set-up link, without the link itself."""
    return link_document(require_link(tenant.id, _id(link_id)), tenant, now())


@onboarding_api.operation("POST", f"{ONE_LINK}/release", CONFIGURE, answers={200: SetupLinkView})
def post_release(tenant: ManagedTenant, link_id: str) -> dict[str, Any]:
    """Let the link be started anew, in whichever browser opens it next."""
    with transaction():
        return link_document(release_link(tenant, _id(link_id), actor=caller().actor, now=now()), tenant, now())


@onboarding_api.operation("DELETE", ONE_LINK, CONFIGURE, answers={204: None})
def delete_link(tenant: ManagedTenant, link_id: str) -> None:
    """Revoke a set-up link: it ends at once, in the browser that uses it too."""
    with transaction():
        revoke_link(tenant, _id(link_id), actor=caller().actor, now=now())


@onboarding_api.operation("GET", "/identity-provider-presets", READ, answers={200: PresetPage})
def get_presets() -> dict[str, Any]:
    """List the products that there are presets for, with the SAML settings to start from."""
    items = [
        {
            "key": preset.key,
            "name": preset.name,
            "saml_settings": preset.patch(),
            "metadata_by_url": preset.by_url,
            "login_hint_parameter": preset.login_hint_parameter,
        }
        for preset in PRODUCTS.values()
    ]
    return {"items": items, "next": None}


def _id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
