"""Flows: administrators give people local accounts, take them away, and take second factors away that were lost (G2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from identity.credentials.factors import PasskeyView, passkeys_of, recovery_codes_left, remove_factors
from identity.local_accounts.account_records import (
    NOBODY,
    Account,
    add_account,
    change_account,
    find_account,
    find_account_by_email,
    hold_account,
    remove_account,
)
from identity.local_accounts.factor_records import factors_of
from identity.local_accounts.link_records import waits_for_invitation
from identity.local_accounts.models import WAYS_IN
from identity.local_accounts.session_records import end_sessions_of_way
from identity.local_accounts.sign_in_records import forget_what_waits
from identity.local_sign_in.door import Means
from identity.local_sign_in.links import IssuedLink, issue_link, tell_owner
from identity.people import require_person
from identity.people_records import end_open_sessions
from tenants.audit import EventType, record
from tenants.email_domains import normalise_email
from tenants.errors import ConflictingState, NotFound
from tenants.management_errors import FieldsInvalid
from tenants.notices.telling import NamedTenant


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """A local account as administrators see it."""

    account: Account
    passkeys: list[PasskeyView]
    recovery_codes_left: int
    invited_until: dt.datetime | None

    @property
    def state(self) -> str:
        """Whether it can be signed in with."""
        if self.account.password_hash is not None:
            return "active"
        return "invited" if self.invited_until else "invitation_over"


def give_account(
    tenant: NamedTenant, user_id: str, means: Means, *, show: bool, by_staff: bool, actor: str, now: dt.datetime
) -> IssuedLink | None:
    """Give a person a local account and an invitation, inside a transaction; None where they have one.

    Raises:
        NotFound. ConflictingState: the person is switched off. As `issue_link` does.
    """
    person = require_person(tenant.id, user_id)
    if not person.active:
        raise ConflictingState("switch the person on first")
    if not add_account(tenant.id, user_id, created_by=actor, now=now):
        return None
    record(tenant.id, EventType.LOCAL_ACCOUNT_CREATED, at=now, actor=actor, user=user_id)
    return issue_link(tenant, user_id, means, show=show, by_staff=by_staff, actor=actor, now=now)


def take_account(tenant: NamedTenant, user_id: str, means: Means, *, actor: str, now: dt.datetime) -> None:
    """Take a person's local account away, inside a transaction, with all that belongs to it; its sessions end.

    Raises:
        NotFound
    """
    account = require_account(tenant.id, user_id)
    ended = end_sessions_of_way(tenant.id, user_id, WAYS_IN, now)
    forget_what_waits(tenant.id, user_id, browsers=True)  # a known browser is the person's, and would stay
    if not remove_account(tenant.id, user_id):
        raise NotFound("no local account")
    record(tenant.id, EventType.LOCAL_ACCOUNT_REMOVED, at=now, actor=actor, user=user_id, sessions_ended=ended)
    tell_owner(tenant, account, "an administrator took your password here away, and what belongs to it", means, now)


def take_factors(tenant: NamedTenant, user_id: str, means: Means, *, actor: str, now: dt.datetime) -> None:
    """Take all second factors of a person away, inside a transaction: they were lost. Every session of the person ends.

    Raises:
        NotFound
    """
    account = require_account(tenant.id, user_id)
    hold_account(tenant.id, user_id)
    change_account(tenant.id, user_id, {"sealed_totp_secret": None, "totp_step": None})
    remove_factors(factors_of(tenant.id, user_id))
    forget_what_waits(tenant.id, user_id, browsers=True)
    ended = end_open_sessions(tenant.id, now, user_id=user_id)
    record(tenant.id, EventType.LOCAL_FACTORS_REMOVED, at=now, actor=actor, user=user_id, sessions_ended=ended)
    tell_owner(tenant, account, "an administrator removed your second factors", means, now)


def show_account(tenant_id: int, user_id: str, now: dt.datetime) -> ShownAccount | None:
    """A person's local account and what belongs to it.

    Raises:
        NotFound: the tenant has no such person.
    """
    require_person(tenant_id, user_id)
    account = find_account(tenant_id, user_id)
    if account is None:
        return None
    factors, until = factors_of(tenant_id, user_id), waits_for_invitation(tenant_id, user_id, now)
    return ShownAccount(account, passkeys_of(factors), recovery_codes_left(factors), until)


def require_account(tenant_id: int, user_id: str) -> Account:
    """A person's local account, or NotFound."""
    account = find_account(tenant_id, user_id)
    if account is None:
        raise NotFound("no local account")
    return account


def holder_of(tenant_id: int, email: str) -> str:
    """Whose local account an e-mail address names, for an administrator who types it.

    Raises:
        FieldsInvalid
    """
    account = find_account_by_email(tenant_id, normalise_email(email) or NOBODY)
    if account is None:
        raise FieldsInvalid("email", errors={"email": ["Nobody with this address has a local account. Give them one first."]})
    return account.person.id
