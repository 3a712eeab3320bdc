"""Edges of the management API for organisations: the tree, how its people sign in, who belongs where (G1–G3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from config.database import transaction
from identity.organisation_schemas import (
    AccessPatch,
    AccessView,
    OrganisationCreate,
    OrganisationPage,
    OrganisationPatch,
    OrganisationsQuery,
    OrganisationView,
    PeopleMoved,
    PeoplePlaced,
    RemoveQuery,
)
from identity.organisation_views import organisation_document, organisation_documents, placed_document, shown_access
from identity.organisations.branches import change_organisation, make_organisation
from identity.organisations.changing import require_node
from identity.organisations.members import put_people
from identity.organisations.removing import remove_branch
from identity.organisations.settings import change_access
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.organisations.records import organisations_of
from tenants.paging import cursor_scope, key_of, page_of
from tenants.roles import CONFIGURE, READ
from tenants.tenant_records import ManagedTenant, find_managed_tenant_by_id

ORGANISATIONS = "/tenants/<slug>/organisations"
ORGANISATION = f"{ORGANISATIONS}/<organisation_id>"

organisations_api = ManagementBlueprint("api_organisations", __name__, description="Organisations and how their people sign in")


def require_organisation(tenant: ManagedTenant, organisation_id: str) -> None:
    """Refuse an id that is none of this tenant's organisations, before the body is looked at."""
    require_node(organisations_of(tenant.id), organisation_id)


@organisations_api.operation("GET", ORGANISATIONS, READ, query=OrganisationsQuery, answers={200: OrganisationPage})
def get_organisations(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's organisations."""
    parent, search, limit = query["parent"], query["search"] or "", query["limit"]
    scope = cursor_scope("organisations", tenant.id, parent or "", search)
    after = key_of(query["cursor"], scope) or ""
    found = organisation_documents(tenant.id, parent=parent, search=search, after=after, limit=limit + 1)
    kept = {name: value for name, value in (("parent", parent), ("search", search)) if value}
    items, following = page_of(
        found, limit, key=lambda item: str(item["id"]), scope=scope, path=request.path, query=kept
    )
    return {"items": items, "next": following}


@organisations_api.operation(
    "POST", ORGANISATIONS, CONFIGURE, body=OrganisationCreate, answers={201: OrganisationView}, refuses=(409,)
)
def post_organisation(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Make an organisation."""
    with transaction():
        made = make_organisation(tenant, body["name"], body["parent_id"], actor=caller().actor, now=now())
        return organisation_document(tenant.id, made)


@organisations_api.operation("GET", ORGANISATION, READ, answers={200: OrganisationView}, exists=require_organisation)
def get_organisation(tenant: ManagedTenant, organisation_id: str) -> dict[str, Any]:
    """Show an organisation."""
    return organisation_document(tenant.id, organisation_id)


@organisations_api.operation(
    "PATCH",
    ORGANISATION,
    CONFIGURE,
    body=OrganisationPatch,
    answers={200: OrganisationView},
    exists=require_organisation,
    refuses=(409,),
)
def patch_organisation(body: Mapping[str, Any], tenant: ManagedTenant, organisation_id: str) -> dict[str, Any]:
    """Rename an organisation, move it with everything below it, or both. It keeps its id, and people stay in it.

    Name and place change at once, and only what comes of both is judged: all of it is done, or nothing.
    """
    patch = {name: value for name, value in body.items() if name != "anyway"}
    with transaction():
        change_organisation(tenant, organisation_id, patch, anyway=body["anyway"], actor=caller().actor, now=now())
        return organisation_document(tenant.id, organisation_id)


@organisations_api.operation(
    "DELETE",
    ORGANISATION,
    CONFIGURE,
    query=RemoveQuery,
    answers={204: None},
    exists=require_organisation,
    refuses=(409,),
)
def delete_organisation(query: Mapping[str, Any], tenant: ManagedTenant, organisation_id: str) -> None:
    """Remove an organisation that is empty; or have everything that is in it moved to its parent first."""
    with transaction():
        remove_branch(
            tenant,
            organisation_id,
            contents_to_parent=query["contents"] == "to_parent",
            anyway=query["anyway"] == "true",
            actor=caller().actor,
            now=now(),
        )


@organisations_api.operation("GET", "/tenants/<slug>/access", READ, answers={200: AccessView})
def get_tenant_access(tenant: ManagedTenant) -> dict[str, Any]:
    """Show what the tenant says about signing in, for all organisations that say nothing else."""
    return shown_access(tenant, None).to_document()


@organisations_api.operation(
    "PATCH", "/tenants/<slug>/access", CONFIGURE, body=AccessPatch, answers={200: AccessView}, refuses=(409,)
)
def patch_tenant_access(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Change what the tenant says about signing in."""
    return _changed(tenant, None, body)


@organisations_api.operation("GET", f"{ORGANISATION}/access", READ, answers={200: AccessView}, exists=require_organisation)
def get_access(tenant: ManagedTenant, organisation_id: str) -> dict[str, Any]:
    """Show how an organisation's people sign in, and where each setting comes from."""
    return shown_access(tenant, organisation_id).to_document()


@organisations_api.operation(
    "PATCH",
    f"{ORGANISATION}/access",
    CONFIGURE,
    body=AccessPatch,
    answers={200: AccessView},
    exists=require_organisation,
    refuses=(409,),
)
def patch_access(body: Mapping[str, Any], tenant: ManagedTenant, organisation_id: str) -> dict[str, Any]:
    """Override settings for an organisation and what is below it, or take overriding back."""
    return _changed(tenant, organisation_id, body)


@organisations_api.operation(
    "POST", "/tenants/<slug>/organisation-moves", CONFIGURE, body=PeoplePlaced, answers={200: PeopleMoved}
)
def post_people(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Have up to 200 people belong to an organisation, or to the tenant as a whole: all of them, or nobody."""
    with transaction():
        placed = put_people(tenant, body["user_ids"], body["organisation_id"], actor=caller().actor, now=now())
    return placed_document(placed)


def _changed(tenant: ManagedTenant, organisation_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    patch = {name: value for name, value in body.items() if name != "anyway"}
    with transaction():
        change_access(tenant, organisation_id, patch, anyway=body["anyway"], actor=caller().actor, now=now())
        return shown_access(_present(tenant), organisation_id).to_document()


def _present(tenant: ManagedTenant) -> ManagedTenant:
    """The tenant with the timeouts that it has now."""
    return find_managed_tenant_by_id(tenant.id) or tenant
