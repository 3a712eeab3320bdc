"""Edges of the management API for people and their attempts to sign in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask, request

from identity.api_people import users_api
from identity.people import end_tenant_sessions
from identity.people_records import find_attempt, page_of_attempts
from identity.schemas import AttemptPage, ReceiptView
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.errors import NotFound
from tenants.paging import cursor_scope, is_row_id, key_of, page_of
from tenants.roles import READ
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant
from tenants.wiring import END_SESSIONS

ATTEMPTS = "/tenants/<slug>/attempts"

attempts_api = ManagementBlueprint("api_attempts", __name__, description="Attempts to sign in")


def install_people_api(app: Flask) -> None:
    """Put these operations into the application, and tell the package below how sessions end."""
    app.extensions[END_SESSIONS] = end_tenant_sessions
    for blueprint in (users_api, attempts_api):
        api_of(app).register_blueprint(blueprint)


@attempts_api.operation("GET", ATTEMPTS, READ, query=PageQuery, answers={200: AttemptPage})
def get_attempts(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's attempts to sign in of the last 30 days, newest first."""
    scope, limit = cursor_scope("attempts", tenant.id), query["limit"]
    found = page_of_attempts(tenant.id, key_of(query["cursor"], scope), limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query={})
    return {"items": [asdict(attempt) for attempt in items], "next": following}


@attempts_api.operation("GET", f"{ATTEMPTS}/<attempt_id>", READ, answers={200: ReceiptView})
def get_attempt(tenant: ManagedTenant, attempt_id: str) -> dict[str, Any]:
    """Show one attempt with its receipt: each check, what was expected and what came."""
    _require_id(attempt_id)
    found = find_attempt(tenant.id, attempt_id)
    if found is None:
        raise NotFound("no such attempt")
    return {**asdict(found.attempt), **found.receipt, "xml": found.xml}


def _require_id(text: str) -> None:
    if not is_row_id(text):
        raise NotFound("no such id")
