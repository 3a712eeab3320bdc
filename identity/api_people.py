"""Edges of the management API for people and their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import request

from config.database import transaction
from identity.organisations.members import prepare_member, put_people
from identity.people import (
    change_active,
    edit_person,
    end_every_session,
    end_one_session,
    end_persons_sessions,
    require_person,
)
from identity.people_letters import post_of
from identity.people_query import next_path, people_page, read_order, session_page
from identity.people_schemas import (
    AccessEndReport,
    PeopleQuery,
    Relink,
    SessionPage,
    SessionsEnded,
    SessionsQuery,
    UserCreate,
    UserPage,
    UserPatch,
    UserView,
)
from identity.people_views import access_document, people_filter, session_document
from identity.relinking import relink_person
from identity.session_records import SessionFilter
from tenants import wiring
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import Forbidden, NotFound
from tenants.paging import is_row_id
from tenants.roles import ASSIST, CONFIGURE, READ
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant

USERS = "/tenants/<slug>/users"
USER = f"{USERS}/<user_id>"
SESSIONS = "/tenants/<slug>/sessions"

users_api = ManagementBlueprint("api_people", __name__, description="People and their sessions")


def require_user(tenant: ManagedTenant, user_id: str, **_more: str) -> None:
    """Refuse an id that is none of this tenant's people, before the body is looked at."""
    if not is_row_id(user_id):
        raise NotFound("no such id")
    require_person(tenant.id, user_id)


@users_api.operation("GET", USERS, READ, query=PeopleQuery, answers={200: UserPage})
def get_users(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's people: by search, filter and order, or the one with an e-mail address."""
    which, order = people_filter(tenant.id, query), read_order(query["sort"] or "created")
    found, cursor = people_page(tenant.id, which, order, query["cursor"], query["limit"])
    asked = [*((name, value) for name, value in query.items() if name != "limit"), ("limit", query["limit"])]
    return {"items": [asdict(person) for person in found], "next": next_path(request.path, asked, cursor)}


@users_api.operation("POST", USERS, CONFIGURE, body=UserCreate, answers={201: UserView}, refuses=(409,))
def post_user(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Prepare a person before their first sign-in."""
    with transaction():
        return asdict(prepare_member(tenant, body, actor=caller().actor, now=now()))


@users_api.operation("GET", USER, READ, answers={200: UserView}, exists=require_user)
def get_user(tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Show a person."""
    return asdict(require_person(tenant.id, user_id))


@users_api.operation("PATCH", USER, ASSIST, body=UserPatch, answers={200: UserView}, exists=require_user, refuses=(409,))
def patch_user(body: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Switch a person's account off or on; change their profile or where they belong, which support may not."""
    profile = {name: value for name, value in body.items() if name not in ("active", "organisation_id")}
    if (profile or "organisation_id" in body) and not CONFIGURE.allows(caller().role):
        raise Forbidden("a profile")
    with transaction():
        if "organisation_id" in body:
            put_people(tenant, [user_id], body["organisation_id"], actor=caller().actor, now=now())
        if profile:
            edit_person(tenant, user_id, profile, post_of(wiring.settings(), wiring.keys()), actor=caller().actor, now=now())
        if "active" in body:
            change_active(tenant.id, user_id, body["active"], actor=caller().actor, now=now())
        return asdict(require_person(tenant.id, user_id))


@users_api.operation(
    "POST", f"{USER}/relink", CONFIGURE, body=Relink, answers={200: UserView}, exists=require_user, refuses=(409,)
)
def post_relink(body: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Say anew by what a person is known: their next sign-in, or a subject of an identity provider or directory.

    Ends their sessions.
    """
    with transaction():
        person = relink_person(
            tenant,
            user_id,
            post_of(wiring.settings(), wiring.keys()),
            why=body["reason"],
            identity_provider=body["identity_provider"],
            directory=body["directory"],
            subject=body["subject"],
            next_sign_in=body["next_sign_in"],
            actor=caller().actor,
            now=now(),
        )
    return asdict(person)


@users_api.operation("GET", f"{USER}/sessions", READ, query=PageQuery, answers={200: SessionPage}, exists=require_user)
def get_user_sessions(query: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """List a person's open sessions."""
    return _sessions(tenant, SessionFilter(user_id=user_id), query)


@users_api.operation("DELETE", f"{USER}/sessions", ASSIST, answers={200: SessionsEnded}, exists=require_user)
def delete_user_sessions(tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Deauthorise a person's devices: end all of their sessions at once."""
    with transaction():
        return {"ended": end_persons_sessions(tenant.id, user_id, actor=caller().actor, now=now())}


@users_api.operation("DELETE", f"{USER}/sessions/<session_id>", ASSIST, answers={204: None}, exists=require_user)
def delete_user_session(tenant: ManagedTenant, user_id: str, session_id: str) -> None:
    """End one of a person's sessions."""
    _end(tenant, session_id, user_id)


@users_api.operation("GET", f"{USER}/access-end", READ, answers={200: AccessEndReport}, exists=require_user)
def get_access_end(tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Tell when a person's access ended, how long that took, and what ended with it."""
    return access_document(tenant.id, user_id, active=require_person(tenant.id, user_id).active)


@users_api.operation("GET", SESSIONS, READ, query=SessionsQuery, answers={200: SessionPage})
def get_sessions(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's open sessions."""
    return _sessions(tenant, SessionFilter(search=query["search"] or "", address=query["address"]), query)


@users_api.operation("DELETE", SESSIONS, ASSIST, answers={200: SessionsEnded})
def delete_sessions(tenant: ManagedTenant) -> dict[str, Any]:
    """End every open session of a tenant at once."""
    with transaction():
        return {"ended": end_every_session(tenant.id, actor=caller().actor, now=now())}


@users_api.operation("DELETE", f"{SESSIONS}/<session_id>", ASSIST, answers={204: None})
def delete_session(tenant: ManagedTenant, session_id: str) -> None:
    """End one session."""
    _end(tenant, session_id, None)


def _sessions(tenant: ManagedTenant, which: SessionFilter, query: Mapping[str, Any]) -> dict[str, Any]:
    found, cursor = session_page(tenant, which, now(), query["cursor"], query["limit"])
    items = [session_document(session) for session in found]
    return {"items": items, "next": next_path(request.path, list(query.items()), cursor)}


def _end(tenant: ManagedTenant, session_id: str, user_id: str | None) -> None:
    if not is_row_id(session_id):
        raise NotFound("no such id")
    with transaction():
        end_one_session(tenant.id, session_id, actor=caller().actor, now=now(), user_id=user_id)
