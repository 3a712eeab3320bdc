"""Flows: a tenant's own tokens of the management API are made, shown once, and ended (A4, I1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from tenants.audit import EventType, record
from tenants.console_role_records import admin_roles
from tenants.errors import NotFound, Unauthenticated
from tenants.management_errors import DurationInvalid, TokenOutlivesMaker, TooManyTokens
from tenants.roles import Role
from tenants.tenant_records import ManagedTenant
from tenants.tokens import (
    BY_PERSON,
    BY_TOKEN,
    TokenView,
    add_token,
    count_valid_tokens,
    end_tenant_token,
    find_tenant_token,
    hold_token,
    role_tokens,
)

MAX_TENANT_LIFETIME = dt.timedelta(days=366)
MAX_VALID_TOKENS = 100
"""Of one tenant; programs share tokens or have one each, nobody has a hundred programs."""
TENANT_ROLES = (Role.ADMIN, Role.VIEWER)


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token with its secret, which is shown this once and kept nowhere."""

    secret: str
    token: TokenView

    def __repr__(self) -> str:
        return f"MadeToken({self.token.public_id})"


def make_tenant_token(
    tenant: ManagedTenant,
    role: Role,
    *,
    label: str,
    lifetime: dt.timedelta,
    actor: str,
    now: dt.datetime,
    not_after: dt.datetime | None = None,
    made_under: str | None = None,
) -> MadeToken:
    """Make a token of one tenant.

    Args:
        not_after: when the token ends that makes this one. What it makes ends no later: whoever stole it for an hour has
            it for that hour. People at the console have none.
        made_under: the role of one of the tenant's people at the console, as `admin_roles` names it.

    Raises:
        DurationInvalid: over already, or longer than a year. TokenOutlivesMaker, TooManyTokens, TokenScopeInvalid.
        Unauthenticated: the token that makes it was revoked this moment.
    """
    if actor.startswith(BY_TOKEN) and not hold_token(actor.removeprefix(BY_TOKEN), now):
        raise Unauthenticated("revoked meanwhile")
    if not dt.timedelta(0) < lifetime <= MAX_TENANT_LIFETIME:
        raise DurationInvalid("a tenant's token lives for a year at most")
    if not_after is not None and now + lifetime > not_after:
        raise TokenOutlivesMaker(f"until {not_after.isoformat()}", not_after=not_after.isoformat())
    if count_valid_tokens(tenant.id, now) >= MAX_VALID_TOKENS:
        raise TooManyTokens(f"{MAX_VALID_TOKENS} valid ones")
    made = {"made_by": actor, "made_under": made_under}
    secret, public_id = add_token(role, tenant.id, lifetime=lifetime, label=label, now=now, **made)
    record(tenant.id, EventType.TOKEN_CREATED, at=now, actor=actor, token=public_id, role=role.value, label=label)
    return MadeToken(secret, require_tenant_token(tenant.id, public_id))


def revoke_tenant_token(tenant_id: int, public_id: str, *, actor: str, now: dt.datetime) -> TokenView:
    """End a token of the tenant at once, and what was made with it; one that has ended stays so.

    Raises:
        NotFound: the tenant has no such token.
    """
    require_tenant_token(tenant_id, public_id)
    for ended in end_tenant_token(tenant_id, public_id, now):
        with_it = {} if ended == public_id else {"made_with": public_id}
        record(tenant_id, EventType.TOKEN_REVOKED, at=now, actor=actor, token=ended, **with_it)
    return require_tenant_token(tenant_id, public_id)


def end_tokens_of_lost_roles(tenant_id: int, *, actor: str, now: dt.datetime, person: str | None = None) -> int:
    """End what people made with a role that they have lost, and what that made in turn; tells how many.

    Inside the transaction that takes the role away and holds the tenant's row, as whoever makes a token does.

    Args:
        person: whose role by name it was: tokens of theirs end, too, that do not say by what role they were made.
    """
    roles, ended = admin_roles(tenant_id), list[str]()
    for token in role_tokens(tenant_id, now):
        lost = token.made_by == f"{BY_PERSON}{person}" if token.made_under is None else token.made_under not in roles
        if lost:
            ended += end_tenant_token(tenant_id, token.public_id, now)
    for public_id in ended:
        record(tenant_id, EventType.TOKEN_REVOKED, at=now, actor=actor, token=public_id, role_ended=True)
    return len(ended)


def end_tokens_of(tenant_id: int, person: str, made_under: Sequence[str], now: dt.datetime) -> None:
    """End what one of the tenant's people made with any of these roles, and what that made, inside a transaction."""
    maker = BY_PERSON + person
    for token in role_tokens(tenant_id, now, made_by=maker):
        if token.made_under in made_under:
            for public_id in end_tenant_token(tenant_id, token.public_id, now):
                record(tenant_id, EventType.TOKEN_REVOKED, at=now, actor=person, token=public_id, role_ended=True)


def require_tenant_token(tenant_id: int, public_id: str) -> TokenView:
    """One of the tenant's tokens, or NotFound."""
    found = find_tenant_token(tenant_id, public_id)
    if found is None:
        raise NotFound("no such token")
    return found
