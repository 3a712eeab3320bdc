"""Edges of the management API for roles in a tenant's console (A1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import request

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.console_role_records import grants_of, rules_of
from tenants.console_role_schemas import GrantCreate, GrantPage, GrantPatch, GrantView, RuleCreate, RulePage, RuleView
from tenants.console_roles import (
    change_grant,
    drop_rule,
    grant_role,
    make_rule,
    require_grant,
    require_rule,
    withdraw_grant,
)
from tenants.errors import NotFound
from tenants.paging import cursor_scope, is_row_id, key_of, page_of
from tenants.roles import CONFIGURE, READ, Role
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant

GRANTS = "/tenants/<slug>/console-grants"
RULES = "/tenants/<slug>/role-rules"

console_roles_api = ManagementBlueprint("api_console_roles", __name__, description="Who has a role in a tenant's console")


@console_roles_api.operation("GET", GRANTS, READ, query=PageQuery, answers={200: GrantPage})
def get_grants(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List who was named for a role."""
    scope, limit = cursor_scope("console-grants", tenant.id), query["limit"]
    found = grants_of(tenant.id, key_of(query["cursor"], scope), limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query={})
    return {"items": [asdict(item) for item in items], "next": following}


@console_roles_api.operation("POST", GRANTS, CONFIGURE, body=GrantCreate, answers={201: GrantView}, refuses=(409,))
def post_grant(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Name somebody for a role, by an e-mail address at one of the tenant's domains."""
    with transaction():
        return asdict(grant_role(tenant, body["email"], Role(body["role"]), actor=caller().actor, now=now()))


def _require_grant(tenant: ManagedTenant, grant_id: str) -> None:
    require_grant(tenant.id, _row_id(grant_id))


@console_roles_api.operation(
    "PATCH", f"{GRANTS}/<grant_id>", CONFIGURE, body=GrantPatch, answers={200: GrantView}, exists=_require_grant
)
def patch_grant(body: Mapping[str, Any], tenant: ManagedTenant, grant_id: str) -> dict[str, Any]:
    """Give a named person another role; it holds with their next request."""
    with transaction():
        return asdict(change_grant(tenant, grant_id, Role(body["role"]), actor=caller().actor, now=now()))


@console_roles_api.operation("DELETE", f"{GRANTS}/<grant_id>", CONFIGURE, answers={204: None})
def delete_grant(tenant: ManagedTenant, grant_id: str) -> None:
    """Take a named person's role away; it holds with their next request."""
    with transaction():
        withdraw_grant(tenant, _row_id(grant_id), actor=caller().actor, now=now())


@console_roles_api.operation("GET", RULES, READ, query=PageQuery, answers={200: RulePage})
def get_rules(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List the rules that give roles."""
    scope, limit = cursor_scope("role-rules", tenant.id), query["limit"]
    found = rules_of(tenant.id, key_of(query["cursor"], scope), limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query={})
    return {"items": [asdict(item) for item in items], "next": following}


@console_roles_api.operation("POST", RULES, CONFIGURE, body=RuleCreate, answers={201: RuleView}, refuses=(409,))
def post_rule(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Give a role to everybody whose attribute has a value, from their next sign-in on."""
    wanted = {name: body[name] for name in ("idp", "attribute", "value")}
    with transaction():
        return asdict(make_rule(tenant, **wanted, role=Role(body["role"]), actor=caller().actor, now=now()))


@console_roles_api.operation("GET", f"{RULES}/<rule_id>", READ, answers={200: RuleView})
def get_rule(tenant: ManagedTenant, rule_id: str) -> dict[str, Any]:
    """Show one rule."""
    return asdict(require_rule(tenant.id, _row_id(rule_id)))


@console_roles_api.operation("DELETE", f"{RULES}/<rule_id>", CONFIGURE, answers={204: None})
def delete_rule(tenant: ManagedTenant, rule_id: str) -> None:
    """Remove a rule; whoever has a role by it has none with their next request."""
    with transaction():
        drop_rule(tenant, _row_id(rule_id), actor=caller().actor, now=now())


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
