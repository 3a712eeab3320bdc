"""Records: which role in their tenant's console a person has at this moment: in one session, or as others see it (A1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read
from config.statements import Prepared
from identity.local_accounts.models import BreakGlassAdmin
from identity.models import SessionRow, User
from tenants.models import ConsoleGrant, RoleRule
from tenants.organisations.access import LDAP
from tenants.placement.models import PlacementRuleRow
from tenants.roles import Role


@dataclass(frozen=True, slots=True)
class ConsoleRole:
    """The strongest of what was granted by name, what this sign-in's rules give, and what an emergency does; None for none.

    `proved_at`: when the person last proved who they are in this session. `made_under`: what makes them an administrator, as
    tokens name it; the most lasting one.
    """

    role: Role | None
    proved_at: dt.datetime | None
    made_under: str | None = None


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role of a person, and where it comes from: a rule over a sign-in, or, where `attribute` is None, somebody's word."""

    role: Role
    attribute: str | None = None
    value: str | None = None


_ITS_PLACEMENT = sa.and_(
    PlacementRuleRow.tenant_id == SessionRow.tenant_id,
    PlacementRuleRow.id == SessionRow.placement_rule_id,
    sa.or_(
        PlacementRuleRow.idp_id == SessionRow.idp_id,
        sa.and_(PlacementRuleRow.directory_id == User.directory_id, SessionRow.way == LDAP),
    ),
)
_FIND = Prepared(
    sa.select(
        ConsoleGrant.role.label("granted"),
        ConsoleGrant.id.label("grant_id"),
        RoleRule.role.label("ruled"),
        RoleRule.id.label("rule_id"),
        BreakGlassAdmin.user_id.label("break_glass"),
        PlacementRuleRow.role.label("placed"),
        PlacementRuleRow.id.label("placement_id"),
        SessionRow.proved_at,
    )
    .select_from(SessionRow)
    .join(User, sa.and_(User.tenant_id == SessionRow.tenant_id, User.id == SessionRow.user_id))
    .join(
        ConsoleGrant,
        sa.and_(ConsoleGrant.tenant_id == SessionRow.tenant_id, ConsoleGrant.email == User.email),
        isouter=True,
    )
    .join(
        RoleRule,
        sa.and_(
            RoleRule.tenant_id == SessionRow.tenant_id,
            RoleRule.id == SessionRow.role_rule_id,
            RoleRule.idp_id == SessionRow.idp_id,
        ),
        isouter=True,
    )
    .join(
        BreakGlassAdmin,
        sa.and_(
            BreakGlassAdmin.tenant_id == SessionRow.tenant_id,
            BreakGlassAdmin.user_id == SessionRow.user_id,
            SessionRow.way == "break_glass",
        ),
        isouter=True,
    )
    .join(PlacementRuleRow, _ITS_PLACEMENT, isouter=True)
    .where(
        SessionRow.tenant_id == sa.bindparam("tenant_id"),
        SessionRow.user_id == sa.bindparam("user_id"),
        SessionRow.id == sa.bindparam("session_id"),
        SessionRow.ended_at.is_(None),
        User.active.is_(True),
    )
)


def console_role_of(tenant_id: int, user_id: str, session_id: str) -> ConsoleRole | None:
    """What grants and rules say now: taking one away holds with the next request. None for a session that has ended."""
    row = _FIND.one_or_none({"tenant_id": tenant_id, "user_id": user_id, "session_id": session_id})
    if row is None:
        return None
    by_name, by_rule = (row.granted, f"grant:{row.grant_id}"), (row.ruled, f"rule:{row.rule_id}")
    sources = (by_name, by_rule, (row.placed, f"placement:{row.placement_id}"))
    held = {*(role for role, _ in sources), Role.ADMIN.value if row.break_glass else None}
    role = next((role for role in (Role.ADMIN, Role.VIEWER) if role.value in held), None)
    return ConsoleRole(role, row.proved_at, next((source for role, source in sources if role == Role.ADMIN.value), None))


def held_roles(tenant_id: int, user_id: str, now: dt.datetime) -> list[HeldRole]:
    """What a person has: by name, and by the rules that the sign-ins of their open sessions met."""
    by_name = (
        sa.select(ConsoleGrant.role)
        .join(User, sa.and_(User.tenant_id == ConsoleGrant.tenant_id, User.email == ConsoleGrant.email))
        .where(ConsoleGrant.tenant_id == tenant_id, User.id == user_id)
    )
    its_rule = sa.and_(
        RoleRule.tenant_id == SessionRow.tenant_id,
        RoleRule.id == SessionRow.role_rule_id,
        RoleRule.idp_id == SessionRow.idp_id,
    )
    by_rule = (
        sa.select(RoleRule.role, RoleRule.attribute, RoleRule.value)
        .join(SessionRow, its_rule)
        .where(
            SessionRow.tenant_id == tenant_id,
            SessionRow.user_id == user_id,
            SessionRow.ended_at.is_(None),
            SessionRow.expires_at > now,
        )
        .distinct()
        .order_by(RoleRule.role, RoleRule.attribute, RoleRule.value)
    )
    by_placement = (
        sa.select(PlacementRuleRow.role, PlacementRuleRow.attribute, PlacementRuleRow.values)
        .select_from(SessionRow)
        .join(User, sa.and_(User.tenant_id == SessionRow.tenant_id, User.id == SessionRow.user_id))
        .join(PlacementRuleRow, _ITS_PLACEMENT)
        .where(
            SessionRow.tenant_id == tenant_id,
            SessionRow.user_id == user_id,
            SessionRow.ended_at.is_(None),
            SessionRow.expires_at > now,
        )
        .order_by(PlacementRuleRow.position)
    )
    named = [HeldRole(Role(row.role)) for row in read(by_name)]
    ruled = [HeldRole(Role(row.role), row.attribute, row.value) for row in read(by_rule)]
    placed = [HeldRole(Role(row.role), row.attribute, ", ".join(row.values)) for row in read(by_placement)]
    return named + list(dict.fromkeys(ruled + placed))
