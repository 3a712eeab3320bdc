"""Flows: people look after their own local account: password, app, passkeys, recovery codes.

Each change takes the present password: whoever sits at an open session does not get to change what it takes to come back. It
ends the person's other sessions and gives this browser a new token: whoever had one before the change has none after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.database import transaction
from identity.credentials.errors import SecondFactorInvalid
from identity.credentials.factors import passkeys_of, remove_passkey
from identity.credentials.offers import Factor
from identity.credentials.passwords import hash_password, password_matches
from identity.local_accounts.account_records import Account, change_account, find_account, hold_account
from identity.local_accounts.errors import LastLocalFactor
from identity.local_accounts.factor_records import factors_of
from identity.local_accounts.session_records import renew_token
from identity.local_accounts.sign_in_records import forget_what_waits
from identity.local_sign_in.acceptance import require_new_password
from identity.local_sign_in.door import Door, Means, counters_for, forget_attempts, needs_second_factor, require_patience
from identity.local_sign_in.links import give_recovery_codes, keep_factor, tell_owner
from identity.native_records import drop_codes
from identity.people_records import end_open_sessions
from tenants.administration import require_name
from tenants.audit import EventType, record
from tenants.errors import ConflictingState, NotFound
from tenants.organisations.access import LOCAL

MAX_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class Own:
    """One's own account, in one session."""

    account: Account
    session_id: str


def require_present(own: Own, present: str, door: Door) -> None:
    """Take the present password before anything is changed, as patiently as at the door.

    Raises:
        RateLimited, SecondFactorInvalid.
    """
    user_id = own.account.person.id
    counters = counters_for("present", user_id, user_id, door)
    require_patience(counters, door)
    if not password_matches(own.account.password_hash, present):
        raise SecondFactorInvalid("present", errors={"present": ["This is not your present password."]})
    with transaction():
        forget_attempts(counters, door)


def change_password(own: Own, wanted: str, means: Means, door: Door) -> str:
    """Change the password; the new token of this browser's session.

    Raises:
        PasswordNotAllowed
    """
    person = own.account.person
    password_hash = hash_password(require_new_password(wanted, own.account, means.settings))
    with transaction():
        _hold_unchanged(own)
        change_account(person.tenant_id, person.id, {"password_hash": password_hash, "password_set_at": door.now})
        return _changed(own, EventType.LOCAL_PASSWORD_CHANGED, "your password was changed", means, door)


def change_factor(own: Own, factor: Factor, label: str, means: Means, door: Door) -> tuple[list[str], str]:
    """Use another app, or add a passkey; recovery codes where it is the first factor, and the new token.

    Raises:
        SecondFactorInvalid, FieldsInvalid. ConflictingState: there are too many.
    """
    label = require_name(label or "Passkey", "label")[:100]
    with transaction():
        account = _hold_unchanged(own)
        present = passkeys_of(factors_of(account.person.tenant_id, account.person.id))
        if factor.passkey is not None and len(present) >= MAX_PASSKEYS:
            raise ConflictingState(f"{MAX_PASSKEYS} passkeys are enough")
        codes = keep_factor(account, factor, label, means, door.now)
        what = "app" if factor.passkey is None else "passkey"
        words = "an authenticator app was set up" if factor.passkey is None else "a passkey was added"
        return codes, _changed(own, EventType.LOCAL_FACTOR_CHANGED, words, means, door, what=what)


def drop_app(own: Own, means: Means, door: Door) -> str:
    """Give the authenticator app up; the new token of this browser's session.

    Raises:
        NotFound, LastLocalFactor.
    """
    with transaction():
        account = _hold_unchanged(own)
        if account.sealed_totp_secret is None:
            raise NotFound("no app")
        if not passkeys_of(factors_of(account.person.tenant_id, account.person.id)):
            _require_dispensable(account, door)
        change_account(account.person.tenant_id, account.person.id, {"sealed_totp_secret": None, "totp_step": None})
        words = "your authenticator app was removed"
        return _changed(own, EventType.LOCAL_FACTOR_CHANGED, words, means, door, what="app", removed=True)


def drop_passkey(own: Own, passkey_id: str, means: Means, door: Door) -> str:
    """Remove a passkey; the new token of this browser's session.

    Raises:
        NotFound, LastLocalFactor.
    """
    with transaction():
        account = _hold_unchanged(own)
        tenant_id, user_id = account.person.tenant_id, account.person.id
        factors = factors_of(tenant_id, user_id)
        if account.sealed_totp_secret is None and len(passkeys_of(factors)) == 1:
            _require_dispensable(account, door)
        if not remove_passkey(factors, passkey_id):
            raise NotFound("no such passkey")
        words = "a passkey was removed"
        return _changed(own, EventType.LOCAL_FACTOR_CHANGED, words, means, door, what="passkey", removed=True)


def new_codes(own: Own, means: Means, door: Door) -> tuple[list[str], str]:
    """New recovery codes, shown this once, and the new token; the former codes are worth nothing."""
    with transaction():
        codes = give_recovery_codes(_hold_unchanged(own), door.now)
        return codes, _changed(own, EventType.LOCAL_RECOVERY_CODES_MADE, "new recovery codes were made", means, door)


def _hold_unchanged(own: Own) -> Account:
    """The account, held. One whose password was changed since this request began is somebody else's to change now."""
    person = own.account.person
    hold_account(person.tenant_id, person.id)
    present = find_account(person.tenant_id, person.id)
    if present is None or present.password_hash != own.account.password_hash:
        raise ConflictingState("changed in another window")
    return present


def _require_dispensable(account: Account, door: Door) -> None:
    if needs_second_factor(account, LOCAL, door.organisations):
        raise LastLocalFactor("the only one")


def _changed(own: Own, event: EventType, words: str, means: Means, door: Door, **detail: Any) -> str:
    tenant_id, user_id, now = door.tenant.id, own.account.person.id, door.now
    drop_codes(tenant_id, user_id)  # whoever had this session's token may have asked for one just before
    ended = end_open_sessions(tenant_id, now, user_id=user_id, but=own.session_id)
    forget_what_waits(tenant_id, user_id, browsers=event is EventType.LOCAL_PASSWORD_CHANGED)
    record(tenant_id, event, at=now, actor=f"user:{user_id}", user=user_id, sessions_ended=ended, **detail)
    tell_owner(door.tenant, own.account, words, means, now)
    return renew_token(tenant_id, own.session_id)


def own_account_of(tenant_id: int, user_id: str, session_id: str) -> Own | None:
    """One's own local account, where one has a password here; None for everybody else."""
    account = find_account(tenant_id, user_id)
    return Own(account, session_id) if account is not None and account.password_hash is not None else None

