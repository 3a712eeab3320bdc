"""Edges of the management API for what waits at an identity provider, its metadata's versions, and lists that are read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, request

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import NotFound
from tenants.metadata_history.decisions import approve, go_back, refuse
from tenants.metadata_history.errors import NothingPending
from tenants.metadata_history.taking import pending_version
from tenants.metadata_history.versions import version_of, version_xml, versions_of
from tenants.metadata_schemas import (
    APPROVE,
    GoingBack,
    MetadataVersionPage,
    MetadataVersionView,
    PendingDecision,
    ReadingView,
)
from tenants.metadata_views import metadata_version_document, reading_document
from tenants.paging import cursor_scope, is_row_id, next_of, number_of, page_by_number
from tenants.provider_schemas import PendingView, ProviderView
from tenants.providers import require_provider
from tenants.reading_records import find_reading
from tenants.roles import CONFIGURE, READ
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant
from tenants.views import provider_document

ONE = "/tenants/<slug>/identity-providers/<name>"
PENDING = f"{ONE}/pending"
VERSIONS = f"{ONE}/metadata-versions"
METADATA_TYPE = "application/samlmetadata+xml"
XML: dict[str, Any] = {"type": "string"}

metadata_api = ManagementBlueprint("api_metadata", __name__, description="What waits, and versions of metadata")


def _require_provider(tenant: ManagedTenant, name: str) -> None:
    require_provider(tenant.id, name)


def _require_version(tenant: ManagedTenant, name: str, number: str) -> None:
    version_of(require_provider(tenant.id, name), number_of(number))


@metadata_api.operation("GET", PENDING, READ, answers={200: PendingView}, refuses=(409,))
def get_pending(tenant: ManagedTenant, name: str) -> Mapping[str, Any]:
    """Show what waits for a decision, with what it would change."""
    provider = require_provider(tenant.id, name)
    if provider.pending is None:
        raise NothingPending(name)
    return provider.pending


@metadata_api.operation("GET", f"{PENDING}/xml", READ, answers={200: XML}, media_type=METADATA_TYPE, refuses=(409,))
def get_pending_xml(tenant: ManagedTenant, name: str) -> Response:
    """Show what waits as it came."""
    provider = require_provider(tenant.id, name)
    waiting = pending_version(provider)
    if waiting is None:
        raise NothingPending(name)
    return Response(version_xml(provider, waiting), content_type=METADATA_TYPE)


@metadata_api.operation(
    "POST",
    PENDING,
    CONFIGURE,
    body=PendingDecision,
    answers={200: ProviderView},
    refuses=(409,),
    exists=_require_provider,
)
def post_pending(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Approve or refuse what waits. What is approved is in force at once; what is refused is not asked again."""
    decide = approve if body["decision"] == APPROVE else refuse
    facts = {"version_id": body.get("version"), "reason": body.get("reason")}
    with transaction():
        provider = decide(tenant, name, **facts, actor=caller().actor, now=now())
    return provider_document(provider)


@metadata_api.operation("GET", VERSIONS, READ, query=PageQuery, answers={200: MetadataVersionPage})
def get_metadata_versions(query: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """List the metadata that is and was in force, newest first: when, by whom, from where, and what it changed."""
    provider, limit = require_provider(tenant.id, name), query["limit"]
    scope = cursor_scope("metadata versions", tenant.id, provider.id)
    found = partial(versions_of, provider)
    items, cursor = page_by_number(found, lambda item: item.row.number, limit, query["cursor"], scope=scope)
    following = next_of(cursor, limit, request.path, {})
    return {"items": [metadata_version_document(version) for version in items], "next": following}


@metadata_api.operation("GET", f"{VERSIONS}/<number>", READ, answers={200: MetadataVersionView})
def get_metadata_version(tenant: ManagedTenant, name: str, number: str) -> dict[str, Any]:
    """Show one version."""
    return metadata_version_document(version_of(require_provider(tenant.id, name), number_of(number)))


@metadata_api.operation("GET", f"{VERSIONS}/<number>/xml", READ, answers={200: XML}, media_type=METADATA_TYPE)
def get_metadata_version_xml(tenant: ManagedTenant, name: str, number: str) -> Response:
    """Show one version as it came; of a federation's list, the one entity."""
    provider = require_provider(tenant.id, name)
    version = version_of(provider, number_of(number))
    return Response(version_xml(provider, version.row), content_type=METADATA_TYPE)


@metadata_api.operation(
    "POST",
    f"{VERSIONS}/<number>/restore",
    CONFIGURE,
    body=GoingBack,
    answers={200: ProviderView},
    refuses=(409,),
    exists=_require_version,
)
def post_metadata_restore(body: Mapping[str, Any], tenant: ManagedTenant, name: str, number: str) -> dict[str, Any]:
    """Go back: what that version says is in force at once, as a new one. What is left returns only if it is approved."""
    with transaction():
        provider = go_back(
            tenant, name, number_of(number), reason=body["reason"], actor=caller().actor, now=now()
        )
    return provider_document(provider)


@metadata_api.operation("GET", "/tenants/<slug>/metadata-readings/<reading_id>", READ, answers={200: ReadingView})
def get_reading(tenant: ManagedTenant, reading_id: str) -> dict[str, Any]:
    """Show how the reading of a federation's list goes on, of which a PUT said 202."""
    reading = find_reading(tenant.id, reading_id) if is_row_id(reading_id) else None
    if reading is None:
        raise NotFound("no such reading")
    return reading_document(reading)
