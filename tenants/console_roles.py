"""Flows: who has a role in a tenant's console: named people, and rules over what a sign-in says of somebody (A1).

Roles are looked up with each request of the console, so taking one away holds at once. Rules are met at sign-in; they bump the
tenant's version, since they travel with its trust.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from tenants.access_tokens import end_tokens_of_lost_roles
from tenants.audit import EventType, record
from tenants.console_role_records import (
    NOTHING_ADDED,
    Added,
    Grant,
    Rule,
    add_grant,
    add_rule,
    added_by,
    count_grants,
    count_rules,
    find_grant,
    find_grant_of,
    find_rule,
    holder_of,
    remove_grant,
    remove_rule,
    set_grant_role,
)
from tenants.email_domains import domain_of, normalise_email
from tenants.errors import NotFound
from tenants.idp_records import find_provider
from tenants.management_errors import FieldsInvalid, TooManyRoles
from tenants.roles import Role
from tenants.tenant_records import ManagedTenant, bump_version, domains_of
from tenants.tokens import BY_PERSON

MAX_GRANTS = 200
MAX_RULES = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """What went with somebody's role, and what of theirs stays: webhooks and contacts are the tenant's."""

    tokens_ended: int
    stays: Added = NOTHING_ADDED

    def as_detail(self) -> dict[str, Any]:
        """What an event tells of it."""
        return ({"tokens_ended": self.tokens_ended} if self.tokens_ended else {}) | self.stays.as_detail()


def grant_role(tenant: ManagedTenant, email: str, role: Role, *, actor: str, now: dt.datetime) -> Grant:
    """Name somebody for a role, inside a transaction; before or after they first signed in.

    Raises:
        FieldsInvalid, GrantExists, TooManyRoles.
    """
    address = _require_address(tenant, email)
    _require_tenant_role(role)
    _hold(tenant)
    if count_grants(tenant.id) >= MAX_GRANTS:
        raise TooManyRoles(f"{MAX_GRANTS} grants")
    grant_id = add_grant(tenant.id, address, role.value, granted_by=actor, now=now)
    record(tenant.id, EventType.CONSOLE_ROLE_GRANTED, at=now, actor=actor, email=address, role=role.value)
    return require_grant(tenant.id, grant_id)


def change_grant(tenant: ManagedTenant, grant_id: str, role: Role, *, actor: str, now: dt.datetime) -> Grant:
    """Give a named person another role, inside a transaction; the same again does nothing. Tokens end with a stronger one.

    Raises:
        NotFound, FieldsInvalid.
    """
    _require_tenant_role(role)
    _hold(tenant)
    grant = require_grant(tenant.id, grant_id)
    if set_grant_role(tenant.id, grant_id, role.value, granted_by=actor, now=now):
        detail: dict[str, Any] = {"email": grant.email, "role": role.value, "before": grant.role}
        if role is not Role.ADMIN:
            detail |= _taken(tenant.id, grant.email, actor, now).as_detail()
        record(tenant.id, EventType.CONSOLE_ROLE_GRANTED, at=now, actor=actor, **detail)
    return require_grant(tenant.id, grant_id)


def withdraw_grant(tenant: ManagedTenant, grant_id: str, *, actor: str, now: dt.datetime) -> Taken:
    """Take a named person's role away, inside a transaction; it holds with their next request. Tokens that they made end.

    Raises:
        NotFound: somebody did so before.
    """
    _hold(tenant)
    grant = require_grant(tenant.id, grant_id)
    if not remove_grant(tenant.id, grant_id):
        raise NotFound("withdrawn meanwhile")
    taken = _taken(tenant.id, grant.email, actor, now)
    detail = {"email": grant.email, "role": grant.role, **taken.as_detail()}
    record(tenant.id, EventType.CONSOLE_ROLE_WITHDRAWN, at=now, actor=actor, **detail)
    return taken


def make_rule(
    tenant: ManagedTenant, idp: str, attribute: str, value: str, role: Role, *, actor: str, now: dt.datetime
) -> Rule:
    """Give a role to everybody whose verified attribute has this value, from their next sign-in on, inside a transaction.

    Raises:
        FieldsInvalid, RuleExists, TooManyRoles.
    """
    _require_tenant_role(role)
    attribute, value = attribute.strip(), value.strip()  # those of a sign-in have no blanks around them either
    empty = {name: ["It cannot be empty."] for name, text in (("attribute", attribute), ("value", value)) if not text}
    if empty:
        raise FieldsInvalid("empty", errors=empty)
    _hold(tenant)
    provider = find_provider(tenant.id, idp)
    if provider is None:
        raise FieldsInvalid("idp", errors={"idp": ["There is no identity provider of this name."]})
    if count_rules(tenant.id) >= MAX_RULES:
        raise TooManyRoles(f"{MAX_RULES} rules")
    rule_id = add_rule(tenant.id, provider.id, attribute, value, role.value, created_by=actor, now=now)
    detail = {"idp": idp, "attribute": attribute, "value": value, "role": role.value}
    record(tenant.id, EventType.ROLE_RULE_MADE, at=now, actor=actor, rule=rule_id, **detail)
    return require_rule(tenant.id, rule_id)


def drop_rule(tenant: ManagedTenant, rule_id: str, *, actor: str, now: dt.datetime) -> None:
    """Remove a rule, inside a transaction; whoever has a role by it has none with their next request, nor tokens by it.

    Raises:
        NotFound: somebody did so before.
    """
    _hold(tenant)
    rule = require_rule(tenant.id, rule_id)
    if not remove_rule(tenant.id, rule_id):
        raise NotFound("removed meanwhile")
    detail = {"idp": rule.idp, "attribute": rule.attribute, "value": rule.value, "role": rule.role}
    ended = end_tokens_of_lost_roles(tenant.id, actor=actor, now=now)
    told: dict[str, Any] = {**detail, **Taken(ended).as_detail()}
    record(tenant.id, EventType.ROLE_RULE_REMOVED, at=now, actor=actor, rule=rule_id, **told)


def require_grant(tenant_id: int, grant_id: str) -> Grant:
    """One of the tenant's grants, or NotFound."""
    grant = find_grant(tenant_id, grant_id)
    if grant is None:
        raise NotFound("no such grant")
    return grant


def require_grant_of(tenant_id: int, email: str) -> Grant:
    """The grant of an address, or NotFound."""
    grant = find_grant_of(tenant_id, normalise_email(email) or "")
    if grant is None:
        raise NotFound("no role of this address")
    return grant


def require_rule(tenant_id: int, rule_id: str) -> Rule:
    """One of the tenant's rules, or NotFound."""
    rule = find_rule(tenant_id, rule_id)
    if rule is None:
        raise NotFound("no such rule")
    return rule


def _taken(tenant_id: int, email: str, actor: str, now: dt.datetime) -> Taken:
    person = holder_of(tenant_id, email)
    ended = end_tokens_of_lost_roles(tenant_id, actor=actor, now=now, person=person)
    who = f"{BY_PERSON}{person}"
    return Taken(ended, added_by(tenant_id, [who]).get(who, NOTHING_ADDED) if person else NOTHING_ADDED)


def _hold(tenant: ManagedTenant) -> None:
    """Two changes follow each other, and rules reach every worker."""
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")


def _require_address(tenant: ManagedTenant, email: str) -> str:
    address = normalise_email(email)
    if address is None:
        raise FieldsInvalid("email", errors={"email": ["It takes one e-mail address, such as ada@example.com."]})
    if domain_of(address) not in {owned.domain for owned in domains_of([tenant.id])[tenant.id]}:
        sentence = "It is at none of this organisation's e-mail domains, so nobody could sign in with it."
        raise FieldsInvalid("email", errors={"email": [sentence]})
    return address


def _require_tenant_role(role: Role) -> None:
    if not role.of_one_tenant:
        raise FieldsInvalid("role", errors={"role": ["It is admin or viewer."]})
