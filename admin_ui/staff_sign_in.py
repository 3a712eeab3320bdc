"""Flows: one of staff signs in, with a password and a second factor, or with a passkey, which is both (A1).

What is slow (Argon2id) stands outside of transactions. Each step uses up what it checks, in the transaction that believes it:
a code's time step, a recovery code, a passkey's challenge, the sign-in itself. Unknown addresses, wrong passwords and accounts
that may not sign in get one answer after the same work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from admin_ui import sign_in_records
from admin_ui.access_errors import StaffSignInFailed, StaffSignInLost
from admin_ui.attempt_records import forget_attempts
from admin_ui.console_sessions import knows_address
from admin_ui.factor_records import factors_of
from admin_ui.sign_in_records import PendingSignIn
from admin_ui.staff_entry import Door, Entered, enter, require_patience
from admin_ui.staff_letters import tell_staff
from admin_ui.staff_records import Staff, find_staff, find_staff_by_email, hold_staff, totp_place, use_totp_step
from config.database import transaction
from config.logs import sign_in_log
from config.sealing import KeyRing, SealBroken
from identity.credentials.factors import find_passkey, use_passkey, use_recovery_code
from identity.credentials.passkeys import (
    PasskeyInvalid,
    RelyingParty,
    new_challenge,
    unverified_credential_id,
    verify_passkey,
)
from identity.credentials.passwords import password_matches
from identity.credentials.patience import Counter, counters_of
from identity.credentials.second_factors import recovery_hash, totp_step_of
from identity.people_letters import Post
from tenants.email_domains import normalise_email
from tenants.staff_audit import StaffEventType, record_staff

NOBODY = "00000000-0000-7000-8000-000000000000"
"""An id that no account has: what is asked about a known account is asked about an unknown one, too."""
DO_NOT_FIT = "This address and this password do not belong together."


def check_password(email: str, password: str, target: str, door: Door) -> str:
    """The first step: the secret of a sign-in under way, for the browser's cookie.

    Raises:
        RateLimited, StaffSignInFailed.
    """
    address = normalise_email(email[:300])
    staff = find_staff_by_email(address) if address else find_staff(NOBODY)
    known = knows_address(staff.id if staff else NOBODY, door.browser.address, door.now)
    require_patience(counters_of("password", address or email[:300], door.browser.address, known_address=known), door)
    matches = password_matches(staff.password_hash if staff else None, password)
    if staff is None or not matches or not staff.active:
        sign_in_log.info("staff_refused", staff=staff.id if staff else None, step="password")
        raise StaffSignInFailed("password", errors={"password": [DO_NOT_FIT]})
    with transaction():
        hold_staff(staff.id)
        present = find_staff(staff.id)
        if present is None or not present.active or present.password_hash != staff.password_hash:
            # Changed while it was compared, which takes a while: a password that was given up opens nothing any more.
            raise StaffSignInFailed("changed", errors={"password": [DO_NOT_FIT]})
        return sign_in_records.begin(target, door.now, staff_id=staff.id)


def begin_with_passkey(target: str, door: Door) -> tuple[str, str]:
    """Begin without naming anybody: the secret for the cookie, and the challenge for the authenticator."""
    challenge = new_challenge()
    with transaction():
        return sign_in_records.begin(target, door.now, challenge=challenge), challenge


def challenge_for(secret: str, door: Door) -> str:
    """The challenge of a passkey as the second factor of a sign-in under way.

    Raises:
        StaffSignInLost
    """
    pending, challenge = require_pending(secret, door.now), new_challenge()
    with transaction():
        if not sign_in_records.set_challenge(pending.browser_hash, challenge):
            raise StaffSignInLost("finished meanwhile")
    return challenge


def require_pending(secret: str, now: dt.datetime) -> PendingSignIn:
    """The sign-in that this browser has under way.

    Raises:
        StaffSignInLost
    """
    pending = sign_in_records.find(secret, now)
    if pending is None:
        raise StaffSignInLost("none under way")
    return pending


def finish_with_code(secret: str, code: str, keys: KeyRing, door: Door) -> Entered:
    """The second step, by a code of an authenticator app.

    Raises:
        StaffSignInLost, RateLimited, StaffSignInFailed.
    """
    pending, staff = _named(secret, door)
    counters = _try_factor(pending, staff, door)
    step = _step_of(staff, code, keys, door.now)
    with transaction():
        if step is None or not use_totp_step(staff.id, step):
            raise _wrong_factor(staff, "code", "This code is not right, or it was used before. Wait for the next one.")
        return _enter(pending, staff, "password_totp", counters, door)


def finish_with_recovery_code(secret: str, code: str, post: Post, door: Door) -> Entered:
    """The second step, by a recovery code, which is used up.

    Raises:
        StaffSignInLost, RateLimited, StaffSignInFailed.
    """
    pending, staff = _named(secret, door)
    counters = _try_factor(pending, staff, door)
    code_hash = recovery_hash(code)
    with transaction():
        if code_hash is None or not use_recovery_code(factors_of(staff.id), code_hash, door.now):
            raise _wrong_factor(staff, "recovery_code", "This is none of your recovery codes, or it was used before.")
        record_staff(StaffEventType.RECOVERY_CODE_USED, at=door.now, actor=f"staff:{staff.id}", staff_id=staff.id)
        tell_staff(staff, "a recovery code was used to sign in", post, door.now)
        return _enter(pending, staff, "password_recovery", counters, door)


def finish_with_passkey(secret: str, answer: str, party: RelyingParty, door: Door) -> Entered:
    """By a passkey: the second step, or the only one.

    Raises:
        StaffSignInLost, RateLimited, StaffSignInFailed.
    """
    pending = require_pending(secret, door.now)
    if pending.challenge is None:
        raise StaffSignInLost("no challenge")
    staff = find_staff(pending.staff_id) if pending.staff_id else None
    counters = _try_factor(pending, staff, door)
    try:
        passkey = find_passkey(factors_of(), unverified_credential_id(answer))
        if passkey is None or pending.staff_id not in (None, passkey.owner_id):
            raise PasskeyInvalid("of nobody, or of another account")
        sign_count = verify_passkey(party, answer, pending.challenge, passkey)
    except PasskeyInvalid as error:
        raise _wrong_factor(staff, "passkey", "This passkey could not be used here.", str(error)) from None
    staff = find_staff(passkey.owner_id)
    with transaction():
        if staff is None or not staff.active or not use_passkey(factors_of(), passkey, sign_count, door.now):
            raise _wrong_factor(staff, "passkey", "This passkey could not be used here.")
        how = "password_passkey" if pending.staff_id else "passkey"
        return _enter(pending, staff, how, counters, door)


def _enter(pending: PendingSignIn, staff: Staff, how: str, counters: Sequence[Counter], door: Door) -> Entered:
    if not sign_in_records.finish(pending.browser_hash):
        raise StaffSignInLost("finished in another window")
    password = counters_of("password", staff.email, door.browser.address, known_address=False)
    forget_attempts((*counters, *password))
    return Entered(enter(staff, how, door), pending.target)


def _named(secret: str, door: Door) -> tuple[PendingSignIn, Staff]:
    """The sign-in under way, and whose password was right; an account that was switched off meanwhile is nobody's."""
    pending = require_pending(secret, door.now)
    staff = find_staff(pending.staff_id) if pending.staff_id else None
    if staff is None or not staff.active:
        raise StaffSignInLost("nobody named, or switched off meanwhile")
    return pending, staff


def _step_of(staff: Staff, code: str, keys: KeyRing, now: dt.datetime) -> int | None:
    """The time step of a right code; None also where the secret's key is no longer among SECRET_KEYS."""
    if staff.sealed_totp_secret is None:
        return None
    try:
        secret = keys.open(staff.sealed_totp_secret, totp_place(staff.id)).decode()
    except SealBroken:
        sign_in_log.error("staff_seal_broken", staff=staff.id)
        return None
    return totp_step_of(secret, code, now)


def _try_factor(pending: PendingSignIn, staff: Staff | None, door: Door) -> tuple[Counter, ...]:
    """Count the try before anything is compared; it uses the challenge up."""
    known = staff is not None and knows_address(staff.id, door.browser.address, door.now)
    counters = counters_of("factor", staff.id if staff else NOBODY, door.browser.address, known_address=known)
    if staff is None:  # a passkey names nobody before it is verified: the address alone can be counted
        counters = tuple(counter for counter in counters if counter.of_address)
    require_patience(counters, door)
    with transaction():
        if not sign_in_records.count_try(pending.browser_hash):
            raise StaffSignInLost("too many tries, or finished")
    return counters


def _wrong_factor(staff: Staff | None, field: str, sentence: str, cause: str = "") -> StaffSignInFailed:
    sign_in_log.info("staff_refused", staff=staff.id if staff else None, step=field, cause=cause)
    return StaffSignInFailed(field, errors={field: [sentence]})
