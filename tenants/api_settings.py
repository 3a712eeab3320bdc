"""Edges of the management API for drafts and versions of SAML settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import request

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.drafts import discard_draft, go_back, promote_draft, rebase_draft, require_draft, save_draft
from tenants.paging import cursor_scope, next_of, number_of, page_by_number
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ
from tenants.saml_settings_schemas import SettingsView
from tenants.schemas import PageQuery
from tenants.settings_schemas import (
    DraftPatch,
    DraftView,
    Promotion,
    Rebase,
    Restoring,
    RevisionQuery,
    VersionPage,
    VersionView,
)
from tenants.settings_versions import version_of, versions_of
from tenants.settings_views import draft_document, version_document
from tenants.tenant_records import ManagedTenant
from tenants.views import settings_document

SETTINGS = "/tenants/<slug>/identity-providers/<name>/saml-settings"
DRAFT = f"{SETTINGS}/draft"
VERSIONS = f"{SETTINGS}/versions"

settings_api = ManagementBlueprint("api_settings", __name__, description="Drafts and versions of SAML settings")


def _require_provider(tenant: ManagedTenant, name: str) -> None:
    require_provider(tenant.id, name)


def _require_draft(tenant: ManagedTenant, name: str) -> None:
    require_draft(tenant.id, name)


def _require_version(tenant: ManagedTenant, name: str, number: str) -> None:
    version_of(require_provider(tenant.id, name), number_of(number))


@settings_api.operation("GET", DRAFT, READ, answers={200: DraftView})
def get_draft(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show the draft beside what it would change; `draft_missing` where there is none."""
    return draft_document(require_draft(tenant.id, name))


@settings_api.operation(
    "PATCH", DRAFT, CONFIGURE, body=DraftPatch, answers={200: DraftView}, refuses=(409,), exists=_require_provider
)
def patch_draft(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Change settings in the draft; the first change begins one. Nothing of it holds until it is promoted."""
    with transaction():
        saved = save_draft(tenant, name, body["patch"], revision=body["revision"], actor=caller().actor, now=now())
    return draft_document(saved)


@settings_api.operation("DELETE", DRAFT, CONFIGURE, query=RevisionQuery, answers={204: None}, refuses=(409,))
def delete_draft(query: Mapping[str, Any], tenant: ManagedTenant, name: str) -> None:
    """Throw the draft away."""
    with transaction():
        discard_draft(tenant, name, revision=query["revision"], actor=caller().actor, now=now())


@settings_api.operation(
    "POST", f"{DRAFT}/promote", CONFIGURE, body=Promotion, answers={200: SettingsView}, refuses=(409,), exists=_require_draft
)
def post_promote(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Put the draft in force: after a test sign-in that passed with exactly these settings, or with a reason."""
    with transaction():
        settings = promote_draft(tenant, name, **body, actor=caller().actor, now=now())
    return settings_document(settings)


@settings_api.operation(
    "POST", f"{DRAFT}/rebase", CONFIGURE, body=Rebase, answers={200: DraftView}, refuses=(409,), exists=_require_draft
)
def post_rebase(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Bring the draft up to date with what is in force; what it changed stays. It is to be tested again."""
    with transaction():
        draft = rebase_draft(tenant, name, **body, actor=caller().actor, now=now())
    return draft_document(draft)


@settings_api.operation("GET", VERSIONS, READ, query=PageQuery, answers={200: VersionPage})
def get_versions(query: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """List what is and was in force, newest first: when, by whom, why, and what it changed."""
    provider, limit = require_provider(tenant.id, name), query["limit"]
    scope = cursor_scope("versions", tenant.id, provider.id)
    found = partial(versions_of, provider)
    items, cursor = page_by_number(found, lambda item: item.row.number, limit, query["cursor"], scope=scope)
    following = next_of(cursor, limit, request.path, {})
    return {"items": [version_document(version) for version in items], "next": following}


@settings_api.operation("GET", f"{VERSIONS}/<number>", READ, answers={200: VersionView})
def get_version(tenant: ManagedTenant, name: str, number: str) -> dict[str, Any]:
    """Show one version."""
    return version_document(version_of(require_provider(tenant.id, name), number_of(number)))


@settings_api.operation(
    "POST",
    f"{VERSIONS}/<number>/restore",
    CONFIGURE,
    body=Restoring,
    answers={200: SettingsView},
    refuses=(409,),
    exists=_require_version,
)
def post_restore(body: Mapping[str, Any], tenant: ManagedTenant, name: str, number: str) -> dict[str, Any]:
    """Go back: a new version with the settings of that one is in force at once. It needs no test."""
    with transaction():
        settings = go_back(
            tenant, name, number_of(number), reason=body["reason"], actor=caller().actor, now=now()
        )
    return settings_document(settings)
