"""Flows: what every step of a local sign-in brings along, patience, and the way in that all of them share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from config.database import transaction
from identity.credentials import attempts
from identity.credentials.patience import FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS, FREE_FOR_BOTH, Counter, counters_of
from identity.errors import SignInWayNotAllowed, UserInactive
from identity.exchanges import hash_of
from identity.local_accounts.account_records import Account, ledger_of, note_sign_in
from identity.local_accounts.sign_in_records import is_known, remember_browser
from identity.local_sign_in.receipts import keep_entry, keep_refusal
from identity.people_letters import Post, post_of
from identity.sessions import BrowserFacts, Entry, OpenedSession, end_session, open_session
from tenants.audit import EventType, record
from tenants.errors import RateLimited, Refusal
from tenants.notices.telling import NoticeMeans
from tenants.organisations.access import LOCAL
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView

BREAK_GLASS = "break_glass"
BREAK_GLASS_LIFETIME = dt.timedelta(hours=1)
"""How long a session lasts that was opened in an emergency; its idle limit is that of the organisation."""
KNOWN_BROWSER_HASH = 32
"""Characters of a known browser's hash that its counter is named by."""
BUDGETS = (FREE_FOR_BOTH, FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS)


@dataclass(frozen=True, slots=True)
class Means(NoticeMeans):
    """What the deployment gives, to tell administrators and the people themselves."""

    @property
    def post(self) -> Post:
        """How people are written to."""
        return post_of(self.settings, self.keys)


@dataclass(frozen=True, slots=True)
class Door:
    """What one request brings to a tenant's door.

    Args:
        former: the token of a session that this browser had; it ends with a new one.
        device: the token of a browser that somebody signed in with before; "" where there is none.
        reference: what the person is shown, and finds the attempt by.
        limited: False only in test runs.
    """

    tenant: TenantView
    organisations: OrganisationTree
    browser: BrowserFacts
    now: dt.datetime
    former: str = field(default="", repr=False)
    device: str = field(default="", repr=False)
    reference: str = ""
    limited: bool = True


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody is in: tokens for the session's cookie and the browser's, and where they were going."""

    session: OpenedSession
    device: str = field(repr=False)
    target: str


def counters_for(what: str, account: str, user_id: str, door: Door) -> tuple[Counter, ...]:
    """What an attempt is counted under.

    A browser in which this person signed in before has a budget of its own, and is spared all others: however strangers
    fail at the account, or from this address, its owner is not shut out there. Whoever steals the browser's token gets as
    few guesses as anybody else.

    Args:
        account: what was typed, so that unknown names are counted as known ones are, and a known one not by two names.
    """
    everywhere = counters_of(what, account, door.browser.address, known_address=False)
    if is_known(door.tenant.id, door.device, user_id, door.now):
        return (Counter(f"{everywhere[1].key}:~{hash_of(door.device)[:KNOWN_BROWSER_HASH]}", FREE_FOR_BOTH),)
    return everywhere


def require_patience(counters: Sequence[Counter], door: Door, user_id: str | None = None) -> None:
    """Count an attempt before anything is compared, in a transaction of its own.

    Args:
        user_id: whose account it is about, for the record of a refusal.

    Raises:
        RateLimited: too many failed before.
    """
    if not door.limited:
        return
    with transaction():
        wait = attempts.count_attempt(ledger_of(door.tenant.id), counters, door.now)
        if wait:  # takes back what was written: names that are made up, one after the other, leave no rows
            raise RateLimited("too many failed", retry_after=int(wait.total_seconds()) + 1, user=user_id)


def count_one_less(counters: Sequence[Counter], door: Door) -> None:
    """Take an attempt back that could not be judged, in a transaction of its own."""
    if door.limited:
        with transaction():
            attempts.count_one_less(ledger_of(door.tenant.id), counters)


def forget_attempts(counters: Sequence[Counter], door: Door) -> None:
    """After a success, inside its transaction."""
    attempts.forget_attempts(ledger_of(door.tenant.id), counters)


def require_way(account: Account, way: str, door: Door) -> None:
    """Refuse a person who may not come in this way; asked once the password was right, since it tells who exists.

    Raises:
        UserInactive, SignInWayNotAllowed.
    """
    person = account.person
    if not person.active:
        raise UserInactive("switched off", user=person.id)
    allowed = account.break_glass if way == BREAK_GLASS else door.organisations.access_of(person.organisation_id).allows(LOCAL)
    if not allowed:
        raise SignInWayNotAllowed(f"by {way}", user=person.id)


def needs_second_factor(account: Account, way: str, organisations: OrganisationTree) -> bool:
    """Whether a password alone is not enough: in an emergency, for whoever may come in then, and where settings say so."""
    access = organisations.access_of(account.person.organisation_id)
    return way == BREAK_GLASS or account.break_glass or access.require_second_factor


def enter(account: Account, way: str, how: str, target: str, door: Door) -> Entered:
    """Open a session, inside a transaction; always under a new token, and the browser's former session ends.

    Raises:
        UserInactive, SignInWayNotAllowed.
    """
    person, tenant, now = account.person, door.tenant, door.now
    require_way(account, way, door)
    if not note_sign_in(account, now):
        raise UserInactive("switched off this moment", user=person.id)
    if door.former:
        end_session(tenant.id, door.former, now, reason="signed_in_again")
    access = door.organisations.access_of(person.organisation_id)
    ends_at = now + BREAK_GLASS_LIFETIME if way == BREAK_GLASS else None
    entry = Entry(way=way, proved_at=now, ends_at=ends_at)
    session = open_session(tenant, person, entry, access, door.browser, now)
    device = remember_browser(tenant.id, person.id, door.device, now)
    record(tenant.id, EventType.SESSION_OPENED, at=now, actor=person.id, session=session.id, way=way, how=how)
    keep_entry(tenant.id, way, how, door.reference, person.id, now)
    return Entered(session, device, target)


def record_refusal(refusal: Refusal, way: str, reference: str, door: Door) -> None:
    """Keep a refusal, in a transaction of its own; the same for a known name and an unknown one. What was typed is not kept."""
    with transaction():
        keep_refusal(door.tenant.id, refusal, way, reference, door.now)
        record(
            door.tenant.id,
            EventType.SIGN_IN_REFUSED,
            at=door.now,
            actor="sign-in",
            reason=refusal.code,
            reference=reference,
            way=way,
            user=refusal.detail.get("user"),
            cause=refusal.cause,
        )
