"""Flows: staff look after their own account: password, second factors, recovery codes, sessions.

Each change takes a proof of the last 15 minutes (`require_recent`, at the edge). It ends the account's other sessions and
gives this browser a new token: whoever had one before the change has none after it.
"""

from __future__ import annotations

import datetime as dt

from admin_ui.access_errors import LastFactor
from admin_ui.attempt_records import forget_attempts
from admin_ui.console_sessions import end_console_sessions, renew_token
from admin_ui.enrolment import give_recovery_codes, keep_factor
from admin_ui.factor_records import factors_of
from admin_ui.principal import Principal
from admin_ui.sign_in_records import forget_sign_ins_of
from admin_ui.staff_accounts import require_staff
from admin_ui.staff_entry import Door, require_patience
from admin_ui.staff_letters import tell_staff
from admin_ui.staff_records import change_staff, hold_staff
from config.database import transaction
from identity.credentials.errors import SecondFactorInvalid
from identity.credentials.factors import passkeys_of, remove_passkey
from identity.credentials.offers import Factor
from identity.credentials.passwords import hash_password, password_matches, require_password
from identity.credentials.patience import counters_of
from identity.people_letters import Post
from tenants.administration import require_name
from tenants.errors import ConflictingState, NotFound
from tenants.staff_audit import StaffEventType, record_staff

MAX_PASSKEYS = 20


def change_password(principal: Principal, present: str, wanted: str, post: Post, door: Door) -> str:
    """Change the password; the new token of this browser's session.

    Raises:
        SecondFactorInvalid: the present one is wrong. PasswordNotAllowed. ConflictingState: the account has none.
        RateLimited: whoever sits at an open session does not get to guess it either.
    """
    staff = require_staff(principal.id)
    if staff.password_hash is None:
        raise ConflictingState("an account without a password; an owner can send an invitation")
    counters = counters_of("present", principal.id, door.browser.address, known_address=False)
    require_patience(counters, door)
    if not password_matches(staff.password_hash, present):
        raise SecondFactorInvalid("present", errors={"present": ["This is not your present password."]})
    password_hash = hash_password(require_password(wanted, staff.email, staff.name))
    with transaction():
        hold_staff(principal.id)
        if require_staff(principal.id).password_hash != staff.password_hash:
            # Reset or changed meanwhile: a password must not come back to an account that waits for its invitation.
            raise ConflictingState("changed in another window")
        change_staff(principal.id, {"password_hash": password_hash})
        forget_attempts(counters)
        return _changed(principal, StaffEventType.PASSWORD_CHANGED, "your password was changed", post, door.now)


def change_totp(principal: Principal, factor: Factor, post: Post, now: dt.datetime) -> str:
    """Use another authenticator app from now on; the new token of this browser's session."""
    with transaction():
        _require_password_account(principal)
        keep_factor(principal.id, factor, "", post.keys, now)
        return _changed(principal, StaffEventType.TOTP_CHANGED, "an authenticator app was set up", post, now)


def remove_totp(principal: Principal, post: Post, now: dt.datetime) -> str:
    """Give the authenticator app up; the new token of this browser's session.

    Raises:
        LastFactor, NotFound.
    """
    with transaction():
        hold_staff(principal.id)
        staff = require_staff(principal.id)
        if staff.sealed_totp_secret is None:
            raise NotFound("no app")
        if not passkeys_of(factors_of(principal.id)):
            raise LastFactor("no passkey")
        change_staff(principal.id, {"sealed_totp_secret": None, "totp_step": None})
        what = "the authenticator app was given up"
        return _changed(principal, StaffEventType.TOTP_CHANGED, what, post, now, removed=True)


def add_own_passkey(principal: Principal, factor: Factor, label: str, post: Post, now: dt.datetime) -> str:
    """Add a passkey; the new token of this browser's session.

    Raises:
        SecondFactorInvalid, FieldsInvalid, ConflictingState: there are too many.
    """
    label = require_name(label or "Passkey", "label")[:100]
    with transaction():
        _require_password_account(principal)
        if len(passkeys_of(factors_of(principal.id))) >= MAX_PASSKEYS:
            raise ConflictingState(f"{MAX_PASSKEYS} passkeys are enough")
        keep_factor(principal.id, factor, label, post.keys, now)
        return _changed(principal, StaffEventType.PASSKEY_ADDED, "a passkey was added", post, now, label=label)


def remove_own_passkey(principal: Principal, passkey_id: str, post: Post, now: dt.datetime) -> str:
    """Remove a passkey; the new token of this browser's session.

    Raises:
        NotFound, LastFactor.
    """
    with transaction():
        hold_staff(principal.id)
        staff, passkeys = require_staff(principal.id), passkeys_of(factors_of(principal.id))
        if passkey_id not in {passkey.id for passkey in passkeys}:
            raise NotFound("no such passkey")
        if staff.sealed_totp_secret is None and len(passkeys) == 1:
            raise LastFactor("the only one")
        remove_passkey(factors_of(principal.id), passkey_id)
        what = "a passkey was removed"
        return _changed(principal, StaffEventType.PASSKEY_REMOVED, what, post, now, passkey=passkey_id)


def new_codes(principal: Principal, post: Post, now: dt.datetime) -> tuple[list[str], str]:
    """New recovery codes, shown this once, and the new token of this browser's session; the former codes are worth nothing."""
    with transaction():
        _require_password_account(principal)
        codes = give_recovery_codes(principal.id, now)
        what = "new recovery codes were made"
        return codes, _changed(principal, StaffEventType.RECOVERY_CODES_MADE, what, post, now)


def _require_password_account(principal: Principal) -> None:
    """Accounts that come by single sign-on alone have no factors here; they would never be asked for."""
    hold_staff(principal.id)
    if require_staff(principal.id).password_hash is None:
        raise ConflictingState("an account without a password; an owner can send an invitation")


def _changed(
    principal: Principal, event: StaffEventType, what: str, post: Post, now: dt.datetime, **detail: object
) -> str:
    ended = end_console_sessions(principal.id, now, other_than=principal.session_id)
    forget_sign_ins_of(principal.id)
    record_staff(event, at=now, actor=principal.actor, staff_id=principal.id, sessions_ended=ended, **detail)
    tell_staff(require_staff(principal.id), what, post, now)
    return renew_token(principal.session_id)
