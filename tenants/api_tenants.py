"""Edges of the management API for tenants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from config.database import transaction
from tenants import web
from tenants.administration import change_tenant, create_tenant, delete_tenant, draft_tenant
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.paging import cursor_scope, key_of, page_of
from tenants.roles import CONFIGURE, LIST_TENANTS, ONBOARD, READ, Role
from tenants.schemas import PageQuery, TenantCreate, TenantPage, TenantPatch, TenantView
from tenants.tenant_records import Attestation, ManagedTenant, domains_of, page_of_tenants
from tenants.views import tenant_document
from tenants.wiring import end_sessions, keys, passkey_holders

_SLUG = re.compile(r"[a-z0-9-]{3,63}")

tenants_api = ManagementBlueprint("api_tenants", __name__, description="Tenants and what happened at them")


@tenants_api.operation("POST", "/tenants", ONBOARD, body=TenantCreate, answers={201: TenantView}, refuses=(409,))
def post_tenant(body: Mapping[str, Any]) -> dict[str, Any]:
    """Create a tenant. Its e-mail domains count as attested by staff."""
    draft = draft_tenant(body["slug"], body["name"], body["email_domains"], web.settings(), now())
    attestation = _attestation(body)
    with transaction():
        made = create_tenant(draft, web.settings(), keys(), attestation=attestation, actor=caller().actor, now=now())
    return _document(made)


@tenants_api.operation("GET", "/tenants", LIST_TENANTS, query=PageQuery, answers={200: TenantPage})
def get_tenants(query: Mapping[str, Any]) -> dict[str, Any]:
    """List tenants by MyDomain."""
    scope, limit = cursor_scope("tenants", 0), query["limit"]
    found = page_of_tenants(key_of(query["cursor"], scope, _SLUG) or "", limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.slug, scope=scope, path=request.path, query={})
    domains = domains_of([item.id for item in items])
    return {"items": [tenant_document(item, domains[item.id]) for item in items], "next": following}


@tenants_api.operation("GET", "/tenants/<slug>", READ, answers={200: TenantView})
def get_tenant(tenant: ManagedTenant) -> dict[str, Any]:
    """Show a tenant."""
    return _document(tenant)


@tenants_api.operation(
    "PATCH",
    "/tenants/<slug>",
    CONFIGURE,
    body=TenantPatch,
    answers={200: TenantView},
    refuses=(409,),
    for_staff=frozenset({"slug", "state"}),
)
def patch_tenant(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Change a tenant. Suspending ends all its sessions at once; a new MyDomain leaves the former one working."""
    with transaction():
        changed = change_tenant(
            tenant,
            body,
            web.settings(),
            attestation=_attestation(body) if caller().role is Role.STAFF else None,
            actor=caller().actor,
            now=now(),
            end_sessions=end_sessions(),
            passkey_holders=passkey_holders(),
        )
    return _document(changed)


@tenants_api.operation("DELETE", "/tenants/<slug>", ONBOARD, answers={204: None})
def remove_tenant(tenant: ManagedTenant) -> None:
    """Delete a tenant: sessions and tokens end, its hosts are unknown from now on, its MyDomains stay reserved."""
    with transaction():
        delete_tenant(tenant, actor=caller().actor, now=now(), end_sessions=end_sessions())


def _document(of: ManagedTenant) -> dict[str, Any]:
    return tenant_document(of, domains_of([of.id])[of.id])


def _attestation(body: Mapping[str, Any]) -> Attestation:
    return Attestation(body.get("reason") or f"Added by staff through the API with {caller().actor}")
