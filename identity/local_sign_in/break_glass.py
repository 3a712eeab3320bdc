"""Flows: break-glass administrators are named, come in past everything that may be down, and everybody is told (G4)."""

from __future__ import annotations

import datetime as dt

from identity.local_accounts.account_records import Account, find_account, hold_account
from identity.local_accounts.break_glass_records import (
    GlassBroken,
    NamedAdmin,
    add_use,
    count_admins,
    name_admin,
    named_admins,
    see_use,
    user_of_use,
    uses_of,
    withdraw_admin,
)
from identity.local_accounts.errors import LocalAccountMissing, OwnUse
from identity.local_accounts.session_records import end_sessions_of_way
from identity.local_sign_in.door import BREAK_GLASS, Door, Entered, Means
from identity.local_sign_in.letters import BROKEN, NAMED, broken_document, broken_letter, named_letter
from identity.moments import utc_words
from identity.people import require_person
from identity.people_letters import tell_person
from tenants.audit import EventType, record
from tenants.errors import ConflictingState, NotFound
from tenants.management_errors import FieldsInvalid
from tenants.notices.telling import NamedTenant, tell_everybody
from tenants.tenant_records import bump_version
from tenants.tokens import maker_behind

MIN_REASON, MAX_REASON = 10, 500
MAX_NAMED = 10
"""For each tenant: an emergency's way in is for a few."""
CONSOLE_PAGE = "/break-glass"


def require_reason(text: str) -> str:
    """A reason that says something, in one line.

    Raises:
        FieldsInvalid
    """
    reason = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise FieldsInvalid("reason", errors={"reason": [f"Say why, in {MIN_REASON} to {MAX_REASON} characters."]})
    return reason


def name_break_glass(
    tenant: NamedTenant, user_id: str, reason: str, means: Means, *, actor: str, now: dt.datetime
) -> NamedAdmin:
    """Let somebody come in when single sign-on is down, inside a transaction; everybody is told. The same again does nothing.

    Raises:
        NotFound, FieldsInvalid, LocalAccountMissing. ConflictingState: there are enough.
    """
    reason = require_reason(reason)
    require_person(tenant.id, user_id)
    bump_version(tenant.id)  # holds the tenant's row: two at once are counted one after the other
    account = find_account(tenant.id, user_id)
    if account is None:
        raise LocalAccountMissing("no account")
    if not account.break_glass:
        if count_admins(tenant.id) >= MAX_NAMED:
            raise ConflictingState(f"{MAX_NAMED} break-glass administrators")
        name_admin(tenant.id, user_id, reason, named_by=actor, now=now)
        record(tenant.id, EventType.BREAK_GLASS_NAMED, at=now, actor=actor, user=user_id, why=reason)
        facts = {"name": account.name, "email": account.person.email, "reason": reason}
        tell_everybody(
            tenant, CONSOLE_PAGE, NAMED, lambda address: named_letter(tenant.name, facts, address), facts, means, now
        )
        tell_person(tenant, account.person.email, "it may be used for emergency access from now on", means.post, now)
    return require_named(tenant.id, user_id)


def withdraw_break_glass(tenant_id: int, user_id: str, *, actor: str, now: dt.datetime) -> None:
    """Take the name back, inside a transaction; sessions that began by it end.

    Raises:
        NotFound
    """
    if not withdraw_admin(tenant_id, user_id):
        raise NotFound("not named")
    ended = end_sessions_of_way(tenant_id, user_id, (BREAK_GLASS,), now)
    record(tenant_id, EventType.BREAK_GLASS_WITHDRAWN, at=now, actor=actor, user=user_id, sessions_ended=ended)


def require_named(tenant_id: int, user_id: str) -> NamedAdmin:
    """One of the tenant's break-glass administrators, or NotFound."""
    found = named_admins(tenant_id, user_id=user_id)
    if not found:
        raise NotFound("not named")
    return found[0]


def tell_of_use(account: Account, entered: Entered, reason: str, door: Door, means: Means) -> None:
    """Tell everybody that somebody came in so, inside that sign-in's transaction: it holds only together with what tells.

    Nothing is sent from here, so nothing waits for a network that may be down; a job sends when it can.
    """
    hold_account(door.tenant.id, account.person.id)
    facts = {
        "name": account.name,
        "email": account.person.email,
        "reason": reason,
        "address": door.browser.address,
        "at": utc_words(door.now),
    }
    use_id = add_use(
        door.tenant.id,
        account.person.id,
        entered.session.id,
        reason,
        door.browser.user_agent,
        door.browser.address,
        door.now,
    )
    used = f"emergency access was used with it, from {door.browser.address}"
    tell_person(door.tenant, account.person.email, used, means.post, door.now)
    told = tell_everybody(
        door.tenant,
        CONSOLE_PAGE,
        BROKEN,
        lambda address: broken_letter(door.tenant.name, facts, address),
        broken_document(door.tenant.slug, use_id, facts),
        means,
        door.now,
    )
    record(
        door.tenant.id,
        EventType.BREAK_GLASS_USED,
        at=door.now,
        actor=account.person.id,
        session=entered.session.id,
        why=reason,
        address=door.browser.address,
        recipients=told,
    )


def acknowledge_use(tenant_id: int, use_id: str, *, actor: str, now: dt.datetime) -> None:
    """Say that a use is known and in order, inside a transaction; the console stops telling of it.

    Not one's own use, nor by a token of one's own: an hour as an administrator is enough to make one.

    Raises:
        NotFound, OwnUse.
    """
    if maker_behind(actor) == f"user:{user_of_use(tenant_id, use_id)}":
        raise OwnUse("by whoever came in")
    if not see_use(tenant_id, use_id, seen_by=actor, now=now):
        raise NotFound("no such use, or seen already")
    record(tenant_id, EventType.BREAK_GLASS_ACKNOWLEDGED, at=now, actor=actor, use=use_id)


def uses(tenant_id: int) -> list[GlassBroken]:
    """The latest times that somebody came in so, the last one first."""
    return uses_of(tenant_id)
