"""Edges of the management API for identity providers and their SAML settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, make_response

from config.database import transaction
from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.connecting import ProviderRequest, connect
from tenants.idp_records import providers_of
from tenants.metadata_errors import ReadingGoesOn
from tenants.metadata_intake import MetadataSource, SourceKind
from tenants.metadata_sync import queue_sync
from tenants.provider_schemas import (
    ProviderPage,
    ProviderPatch,
    ProviderPut,
    ProviderView,
    ReadingGoesOnView,
    RefreshPatch,
    RefreshView,
    SyncQueued,
)
from tenants.providers import change_provider_facts, change_saml_settings, delete_provider, only_source, require_provider
from tenants.roles import ASSIST, CONFIGURE, READ
from tenants.saml_settings_schemas import SettingsPatch, SettingsView
from tenants.settings_documents import settings_from_document
from tenants.sync_intervals import change_sync_hours
from tenants.tenant_records import ManagedTenant
from tenants.views import provider_document, refresh_document, settings_document
from tenants.wiring import end_sessions

LIST = "/tenants/<slug>/identity-providers"
ONE = f"{LIST}/<name>"

providers_api = ManagementBlueprint("api_providers", __name__, description="Identity providers and their SAML settings")


def _require_provider(tenant: ManagedTenant, name: str) -> None:
    require_provider(tenant.id, name)


@providers_api.operation("GET", LIST, READ, answers={200: ProviderPage})
def get_providers(tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's identity providers."""
    return {"items": [provider_document(provider) for provider in providers_of(tenant.id)], "next": None}


@providers_api.operation("GET", ONE, READ, answers={200: ProviderView})
def get_provider(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show an identity provider."""
    return provider_document(require_provider(tenant.id, name))


@providers_api.operation(
    "PUT",
    ONE,
    CONFIGURE,
    body=ProviderPut,
    answers={200: ProviderView, 201: ProviderView, 202: ReadingGoesOnView},
    refuses=(409, 503),
)
def put_provider(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> tuple[dict[str, Any], int] | Response:
    """Connect an identity provider, or change it. Metadata is read within the request; a refused one changes nothing.

    A federation's list is read by `vestibule worker`: 202 where that takes longer than a request, 503 where there is none.
    """
    kind, value = only_source({kind: body.get(f"metadata_{kind.value}") for kind in SourceKind})
    wanted = ProviderRequest(
        name,
        body["display_name"],
        MetadataSource(kind, value),
        body.get("enabled"),
        body.get("entity_id"),
        (body["metadata_signing_certificate"] or "") if "metadata_signing_certificate" in body else None,
        body.get("allow_aggregate"),
        body.get("version"),
    )
    try:
        provider, is_new = connect(tenant, wanted, web.settings(), actor=caller().actor, now=now())
    except ReadingGoesOn as going:
        return make_response(jsonify(status="reading", **going.detail), 202)
    return provider_document(provider), 201 if is_new else 200


@providers_api.operation(
    "PATCH", ONE, CONFIGURE, body=ProviderPatch, answers={200: ProviderView}, refuses=(409,), exists=_require_provider
)
def patch_provider(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Change its name for people, or switch it off and on. Nothing is fetched: it works while its metadata cannot be had."""
    with transaction():
        changed = change_provider_facts(tenant, name, actor=caller().actor, now=now(), **body)
    return provider_document(changed)


@providers_api.operation("DELETE", ONE, CONFIGURE, answers={204: None})
def remove_provider(tenant: ManagedTenant, name: str) -> None:
    """Take an identity provider away: its sessions end, its people stay and are known again if it comes back."""
    with transaction():
        delete_provider(tenant, name, actor=caller().actor, now=now(), end_sessions=end_sessions())


@providers_api.operation("POST", f"{ONE}/sync", ASSIST, answers={202: SyncQueued}, refuses=(409, 429))
def post_sync(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Have the metadata fetched now; at most once a minute. How it went is told by `last_sync`."""
    with transaction():
        queue_sync(tenant, require_provider(tenant.id, name), now())
    return {"status": "queued"}


@providers_api.operation("GET", f"{ONE}/refresh", READ, answers={200: RefreshView})
def get_refresh(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show how often the metadata is fetched again, and when next."""
    return refresh_document(require_provider(tenant.id, name))


@providers_api.operation(
    "PATCH", f"{ONE}/refresh", CONFIGURE, body=RefreshPatch, answers={200: RefreshView}, exists=_require_provider
)
def patch_refresh(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Change how often the metadata is fetched again; a PUT of the identity provider leaves it as it is. It holds at once."""
    with transaction():
        changed = change_sync_hours(tenant, name, body["sync_hours"], actor=caller().actor, now=now())
    return refresh_document(changed)


@providers_api.operation("GET", f"{ONE}/saml-settings", READ, answers={200: SettingsView})
def get_settings(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show the SAML settings of an identity provider."""
    return settings_document(settings_from_document(require_provider(tenant.id, name).settings))


@providers_api.operation(
    "PATCH",
    f"{ONE}/saml-settings",
    CONFIGURE,
    body=SettingsPatch,
    answers={200: SettingsView},
    exists=_require_provider,
)
def patch_settings(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Change SAML settings; what is left out stays. They hold from the next sign-in on."""
    with transaction():
        return settings_document(change_saml_settings(tenant, name, body, actor=caller().actor, now=now()))
