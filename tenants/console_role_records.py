"""Records of who has a role in a tenant's console: grants by name, and rules over attributes (A1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import RowId, new_id, read, savepoint, write
from tenants.management_errors import GrantExists, RuleExists
from tenants.models import ConsoleGrant, IdentityProvider, RoleRule
from tenants.roles import Role
from tenants.trust import ConsoleRule


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody was named for."""

    id: str
    email: str
    role: str
    granted_by: str
    granted_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """A role for everybody whose attribute has this value; `idp` is the identity provider's name."""

    id: str
    idp: str
    attribute: str
    value: str
    role: str
    created_by: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Added:
    """What somebody has added that goes on without them: webhooks by their ids, and how many contacts."""

    webhooks: tuple[str, ...] = ()
    contacts: int = 0

    def as_detail(self) -> dict[str, Any]:
        """What an event tells of it; nothing where there is nothing."""
        return {name: value for name, value in (("webhooks", list(self.webhooks)), ("contacts", self.contacts)) if value}


NOTHING_ADDED = Added()
_PLACEMENT = sa.table("placement_rule", sa.column("tenant_id"), sa.column("id", RowId), sa.column("role"))
_ADDRESSES = sa.table("email_address", sa.column("tenant_id"), sa.column("email"), sa.column("user_id", RowId))
_WEBHOOKS = sa.table("webhook", sa.column("tenant_id"), sa.column("id", RowId), sa.column("created_by"))
_CONTACTS = sa.table("notice_contact", sa.column("tenant_id"), sa.column("added_by"))
"""Of packages above this one."""
_GRANT = tuple(getattr(ConsoleGrant, name) for name in Grant.__dataclass_fields__)
_RULE = (
    RoleRule.id,
    IdentityProvider.name.label("idp"),
    RoleRule.attribute,
    RoleRule.value,
    RoleRule.role,
    RoleRule.created_by,
    RoleRule.created_at,
)
_ITS_PROVIDER = sa.and_(IdentityProvider.tenant_id == RoleRule.tenant_id, IdentityProvider.id == RoleRule.idp_id)


def add_grant(tenant_id: int, email: str, role: str, *, granted_by: str, now: dt.datetime) -> str:
    """Name somebody for a role, inside a transaction; the grant's id.

    Raises:
        GrantExists: the address has a role already.
    """
    grant_id = new_id()
    row = {"tenant_id": tenant_id, "id": grant_id, "email": email, "role": role, "granted_by": granted_by, "granted_at": now}
    try:
        with savepoint():
            write(sa.insert(ConsoleGrant).values(**row))
    except sa.exc.IntegrityError:
        raise GrantExists(email) from None
    return grant_id


def set_grant_role(tenant_id: int, grant_id: str, role: str, *, granted_by: str, now: dt.datetime) -> bool:
    """Change the role of a grant; False where it was this one already."""
    statement = sa.update(ConsoleGrant).where(
        ConsoleGrant.tenant_id == tenant_id, ConsoleGrant.id == grant_id, ConsoleGrant.role != role
    )
    return write(statement.values(role=role, granted_by=granted_by, granted_at=now)).rowcount == 1


def remove_grant(tenant_id: int, grant_id: str) -> bool:
    """Take a role away; False where somebody did so before."""
    statement = sa.delete(ConsoleGrant).where(ConsoleGrant.tenant_id == tenant_id, ConsoleGrant.id == grant_id)
    return write(statement).rowcount == 1


def find_grant(tenant_id: int, grant_id: str) -> Grant | None:
    """One grant of a tenant."""
    row = read(sa.select(*_GRANT).where(ConsoleGrant.tenant_id == tenant_id, ConsoleGrant.id == grant_id)).one_or_none()
    return Grant(**row._mapping) if row else None


def find_grant_of(tenant_id: int, email: str) -> Grant | None:
    """The grant of an address."""
    row = read(sa.select(*_GRANT).where(ConsoleGrant.tenant_id == tenant_id, ConsoleGrant.email == email)).one_or_none()
    return Grant(**row._mapping) if row else None


def grants_of(tenant_id: int, after: str | None = None, limit: int = 200) -> list[Grant]:
    """A tenant's grants in the order of their making, from behind `after` on."""
    statement = sa.select(*_GRANT).where(ConsoleGrant.tenant_id == tenant_id)
    if after is not None:
        statement = statement.where(ConsoleGrant.id > after)
    return [Grant(**row._mapping) for row in read(statement.order_by(ConsoleGrant.id).limit(limit))]


def count_grants(tenant_id: int) -> int:
    """How many a tenant has."""
    statement = sa.select(sa.func.count()).select_from(ConsoleGrant).where(ConsoleGrant.tenant_id == tenant_id)
    return int(read(statement).scalar_one())


def add_rule(tenant_id: int, idp_id: str, attribute: str, value: str, role: str, *, created_by: str, now: dt.datetime) -> str:
    """Make a rule, inside a transaction; its id.

    Raises:
        RuleExists: there is one for this attribute and value.
    """
    rule_id = new_id()
    row = {"tenant_id": tenant_id, "id": rule_id, "idp_id": idp_id, "attribute": attribute, "value": value, "role": role}
    try:
        with savepoint():
            write(sa.insert(RoleRule).values(created_by=created_by, created_at=now, **row))
    except sa.exc.IntegrityError:
        raise RuleExists(attribute) from None
    return rule_id


def remove_rule(tenant_id: int, rule_id: str) -> bool:
    """Remove a rule; False where somebody did so before."""
    statement = sa.delete(RoleRule).where(RoleRule.tenant_id == tenant_id, RoleRule.id == rule_id)
    return write(statement).rowcount == 1


def remove_rules_of(tenant_id: int, idp_id: str) -> int:
    """Remove all rules of an identity provider, inside a transaction; tells how many."""
    return write(sa.delete(RoleRule).where(RoleRule.tenant_id == tenant_id, RoleRule.idp_id == idp_id)).rowcount


def find_rule(tenant_id: int, rule_id: str) -> Rule | None:
    """One rule of a tenant."""
    statement = sa.select(*_RULE).join(IdentityProvider, _ITS_PROVIDER)
    row = read(statement.where(RoleRule.tenant_id == tenant_id, RoleRule.id == rule_id)).one_or_none()
    return Rule(**row._mapping) if row else None


def rules_of(tenant_id: int, after: str | None = None, limit: int = 200) -> list[Rule]:
    """A tenant's rules in the order of their making, from behind `after` on; without those of deleted providers."""
    statement = (
        sa.select(*_RULE)
        .join(IdentityProvider, _ITS_PROVIDER)
        .where(RoleRule.tenant_id == tenant_id, IdentityProvider.deleted_at.is_(None))
    )
    if after is not None:
        statement = statement.where(RoleRule.id > after)
    return [Rule(**row._mapping) for row in read(statement.order_by(RoleRule.id).limit(limit))]


def count_rules(tenant_id: int) -> int:
    """How many a tenant has."""
    statement = sa.select(sa.func.count()).select_from(RoleRule).where(RoleRule.tenant_id == tenant_id)
    return int(read(statement).scalar_one())


def move_grant(tenant_id: int, grant: Grant, email: str) -> str:
    """Let a role by name follow its person to another address, inside a transaction; the role that they have then.

    Where the other address has a role as well, both were this person's: the stronger one stays.
    """
    other = find_grant_of(tenant_id, email)
    role = Role.ADMIN.value if other and other.role == Role.ADMIN.value else grant.role
    if other is not None:
        remove_grant(tenant_id, other.id)
    here = (ConsoleGrant.tenant_id == tenant_id, ConsoleGrant.id == grant.id)
    write(sa.update(ConsoleGrant).where(*here).values(email=email, role=role))
    return role


def admin_roles(tenant_id: int) -> frozenset[str]:
    """Whatever makes an administrator at a tenant now, as tokens name it: `grant:`, `rule:` or `placement:` and an id."""
    found = set[str]()
    for kind, table in (("grant", ConsoleGrant.__table__), ("rule", RoleRule.__table__), ("placement", _PLACEMENT)):
        which = sa.select(table.c.id).where(table.c.tenant_id == tenant_id, table.c.role == Role.ADMIN.value)
        found |= {f"{kind}:{row.id}" for row in read(which)}
    return frozenset(found)


def holder_of(tenant_id: int, email: str) -> str | None:
    """The person of a tenant who has an address, and so the role that is named for it."""
    whose = sa.select(_ADDRESSES.c.user_id).where(_ADDRESSES.c.tenant_id == tenant_id, _ADDRESSES.c.email == email)
    found: str | None = read(whose).scalar_one_or_none()
    return found


def added_by(tenant_id: int, actors: Sequence[str]) -> dict[str, Added]:
    """What these have added to a tenant's notices, as events name them: of those who have added anything."""
    hooks = sa.select(_WEBHOOKS.c.created_by, _WEBHOOKS.c.id).where(
        _WEBHOOKS.c.tenant_id == tenant_id, _WEBHOOKS.c.created_by.in_(actors)
    )
    contacts = (
        sa.select(_CONTACTS.c.added_by, sa.func.count().label("how_many"))
        .where(_CONTACTS.c.tenant_id == tenant_id, _CONTACTS.c.added_by.in_(actors))
        .group_by(_CONTACTS.c.added_by)
    )
    webhooks, counts = dict[str, list[str]](), {row.added_by: int(row.how_many) for row in read(contacts)}
    for row in read(hooks.order_by(_WEBHOOKS.c.id)):
        webhooks.setdefault(row.created_by, []).append(row.id)
    return {one: Added(tuple(webhooks.get(one, ())), counts.get(one, 0)) for one in {*webhooks, *counts}}


def console_rules(tenant_id: int) -> dict[str, tuple[ConsoleRule, ...]]:
    """What sign-ins are compared with, by identity provider; it travels with the trust."""
    found: dict[str, tuple[ConsoleRule, ...]] = {}
    statement = sa.select(RoleRule.idp_id, RoleRule.id, RoleRule.attribute, RoleRule.value, RoleRule.role)
    for row in read(statement.where(RoleRule.tenant_id == tenant_id).order_by(RoleRule.id)):
        rule = ConsoleRule(row.id, row.attribute, row.value, row.role == "admin")
        found[row.idp_id] = (*found.get(row.idp_id, ()), rule)
    return found
