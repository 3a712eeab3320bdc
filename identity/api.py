"""Edges of the management API for people and their attempts to sign in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask, request

from config.database import transaction
from identity.people import change_active, end_tenant_sessions, require_person
from identity.people_records import ManagedPerson, find_attempt, page_of_attempts, page_of_people
from identity.schemas import AttemptPage, PeopleQuery, ReceiptView, UserPage, UserPatch, UserView
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.errors import NotFound
from tenants.paging import cursor_scope, is_row_id, key_of, page_of
from tenants.roles import ASSIST, READ
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant
from tenants.wiring import END_SESSIONS

USERS = "/tenants/<slug>/users"
ATTEMPTS = "/tenants/<slug>/attempts"

people_api = ManagementBlueprint("api_people", __name__, description="People and their attempts to sign in")


def install_people_api(app: Flask) -> None:
    """Put these operations into the application, and tell the package below how sessions end."""
    app.extensions[END_SESSIONS] = end_tenant_sessions
    api_of(app).register_blueprint(people_api)


@people_api.operation("GET", USERS, READ, query=PeopleQuery, answers={200: UserPage})
def get_users(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's people, or find the one with an e-mail address."""
    email = query["email"].strip().lower() if query["email"] is not None else None
    scope, limit = cursor_scope("users", tenant.id, email or ""), query["limit"]
    found = page_of_people(tenant.id, email, key_of(query["cursor"], scope), limit + 1)
    going_on = {"email": email} if email is not None else {}
    items, following = page_of(found, limit, key=_id_of, scope=scope, path=request.path, query=going_on)
    return {"items": [asdict(person) for person in items], "next": following}


def _require_user(tenant: ManagedTenant, user_id: str) -> None:
    _require_id(user_id)
    require_person(tenant.id, user_id)


@people_api.operation(
    "PATCH", f"{USERS}/<user_id>", ASSIST, body=UserPatch, answers={200: UserView}, exists=_require_user
)
def patch_user(body: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Switch a person's account off or on."""
    with transaction():
        return asdict(change_active(tenant.id, user_id, body["active"], actor=caller().actor, now=now()))


@people_api.operation("GET", ATTEMPTS, READ, query=PageQuery, answers={200: AttemptPage})
def get_attempts(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's attempts to sign in of the last 30 days, newest first."""
    scope, limit = cursor_scope("attempts", tenant.id), query["limit"]
    found = page_of_attempts(tenant.id, key_of(query["cursor"], scope), limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query={})
    return {"items": [asdict(attempt) for attempt in items], "next": following}


@people_api.operation("GET", f"{ATTEMPTS}/<attempt_id>", READ, answers={200: ReceiptView})
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


def _id_of(person: ManagedPerson) -> str:
    return person.id
