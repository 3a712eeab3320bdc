"""Records of who has a role in a tenant's console: grants by name, and rules over attributes (A1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from tenants.management_errors import GrantExists, RuleExists
from tenants.models import ConsoleGrant, IdentityProvider, RoleRule
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


def console_rules(tenant_id: int) -> dict[str, tuple[ConsoleRule, ...]]:
    """What sign-ins are compared with, by identity provider; it travels with the trust."""
    found: dict[str, tuple[ConsoleRule, ...]] = {}
    statement = sa.select(RoleRule.idp_id, RoleRule.id, RoleRule.attribute, RoleRule.value, RoleRule.role)
    for row in read(statement.where(RoleRule.tenant_id == tenant_id).order_by(RoleRule.id)):
        rule = ConsoleRule(row.id, row.attribute, row.value, row.role == "admin")
        found[row.idp_id] = (*found.get(row.idp_id, ()), rule)
    return found
