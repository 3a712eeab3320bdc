"""Edges of the management API for local accounts and break-glass (G2, G4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.database import transaction
from identity.api_people import USER, require_user
from identity.local_account_schemas import (
    BreakGlassAdminView,
    BreakGlassPut,
    BreakGlassView,
    LinkAsked,
    LinkView,
    LocalAccountGiven,
    LocalAccountView,
)
from identity.local_account_views import account_document, admin_document, break_glass_document, link_document
from identity.local_sign_in.accounts import (
    ShownAccount,
    give_account,
    require_account,
    show_account,
    take_account,
    take_factors,
)
from identity.local_sign_in.break_glass import acknowledge_use, name_break_glass, withdraw_break_glass
from identity.local_sign_in.door import Means
from identity.local_sign_in.links import issue_link
from tenants import wiring
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import NotFound
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ, Role
from tenants.tenant_records import ManagedTenant

ACCOUNT = f"{USER}/local-account"
BREAK_GLASS = "/tenants/<slug>/break-glass"
NAMED = f"{BREAK_GLASS}/<user_id>"

local_accounts_api = ManagementBlueprint(
    "api_local_accounts", __name__, description="Local accounts, and administrators for when single sign-on is down"
)


def _require_account(tenant: ManagedTenant, user_id: str, **_more: str) -> None:
    require_user(tenant, user_id)
    require_account(tenant.id, user_id)


@local_accounts_api.operation("GET", ACCOUNT, READ, answers={200: LocalAccountView}, exists=_require_account)
def get_local_account(tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Show a person's local account."""
    return account_document(_shown(tenant, user_id))


@local_accounts_api.operation(
    "PUT",
    ACCOUNT,
    CONFIGURE,
    body=LinkAsked,
    answers={200: LocalAccountGiven, 201: LocalAccountGiven},
    exists=require_user,
    refuses=(409,),
)
def put_local_account(body: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> tuple[dict[str, Any], int]:
    """Give a person a local account and an invitation, by mail where mail is set up. One that is there stays as it is."""
    with transaction():
        link = give_account(tenant, user_id, _means(), show=body["show"], **_asker())
    document = {"account": account_document(_shown(tenant, user_id)), "link": link_document(link) if link else None}
    return document, 201 if link else 200


@local_accounts_api.operation("DELETE", ACCOUNT, CONFIGURE, answers={204: None}, exists=_require_account)
def delete_local_account(tenant: ManagedTenant, user_id: str) -> None:
    """Take a person's local account away, with all that belongs to it; its sessions end."""
    with transaction():
        take_account(tenant, user_id, _means(), actor=caller().actor, now=now())


@local_accounts_api.operation(
    "POST", f"{ACCOUNT}/links", CONFIGURE, body=LinkAsked, answers={201: LinkView}, exists=_require_account, refuses=(409,)
)
def post_local_link(body: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Make another invitation, or a reset where there is a password. Former links stay good until one is followed."""
    with transaction():
        return link_document(issue_link(tenant, user_id, _means(), show=body["show"], **_asker()))


@local_accounts_api.operation("DELETE", f"{ACCOUNT}/second-factors", CONFIGURE, answers={204: None}, exists=_require_account)
def delete_second_factors(tenant: ManagedTenant, user_id: str) -> None:
    """Take all second factors of a person away, which were lost; every session of the person ends."""
    with transaction():
        take_factors(tenant, user_id, _means(), actor=caller().actor, now=now())


@local_accounts_api.operation("GET", BREAK_GLASS, READ, answers={200: BreakGlassView})
def get_break_glass(tenant: ManagedTenant) -> dict[str, Any]:
    """Who may come in when single sign-on is down, and the latest times that somebody did."""
    return break_glass_document(tenant.id)


@local_accounts_api.operation(
    "PUT", NAMED, CONFIGURE, body=BreakGlassPut, answers={200: BreakGlassAdminView}, exists=require_user, refuses=(409,)
)
def put_break_glass(body: Mapping[str, Any], tenant: ManagedTenant, user_id: str) -> dict[str, Any]:
    """Name somebody who has a local account; everybody is told. Whoever is named already stays so, for the former reason."""
    with transaction():
        return admin_document(
            name_break_glass(tenant, user_id, body["reason"], _means(), actor=caller().actor, now=now())
        )


@local_accounts_api.operation("DELETE", NAMED, CONFIGURE, answers={204: None}, exists=require_user)
def delete_break_glass(tenant: ManagedTenant, user_id: str) -> None:
    """Take the name back; sessions that began by it end."""
    with transaction():
        withdraw_break_glass(tenant.id, user_id, actor=caller().actor, now=now())


@local_accounts_api.operation("POST", f"{BREAK_GLASS}/uses/<use_id>/acknowledgement", CONFIGURE, answers={204: None})
def post_acknowledgement(tenant: ManagedTenant, use_id: str) -> None:
    """Say that a use is known and in order; the console stops telling of it."""
    if not is_row_id(use_id):
        raise NotFound("no such id")
    with transaction():
        acknowledge_use(tenant.id, use_id, actor=caller().actor, now=now())


def _shown(tenant: ManagedTenant, user_id: str) -> ShownAccount:
    shown = show_account(tenant.id, user_id, now())
    if shown is None:
        raise NotFound("no local account")
    return shown


def _asker() -> dict[str, Any]:
    return {"by_staff": caller().role is Role.STAFF, "actor": caller().actor, "now": now()}


def _means() -> Means:
    return Means(wiring.settings(), wiring.keys(), wiring.admins_of())
