"""Flows: the second step of a local sign-in: a code, a recovery code or a passkey; or a passkey alone, which is both.

Each step uses up what it checks, in the transaction that believes it: a code's time step, a recovery code, a passkey's
challenge, the sign-in itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

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
from identity.credentials.patience import Counter
from identity.credentials.second_factors import recovery_hash, totp_step_of
from identity.errors import SignInWayNotAllowed
from identity.local_accounts import sign_in_records
from identity.local_accounts.account_records import NOBODY, Account, find_account, totp_place, use_totp_step
from identity.local_accounts.errors import LocalSignInFailed, LocalSignInLost
from identity.local_accounts.factor_records import factors_of
from identity.local_accounts.sign_in_records import PendingSignIn
from identity.local_sign_in.break_glass import tell_of_use
from identity.local_sign_in.door import (
    BREAK_GLASS,
    Door,
    Entered,
    Means,
    counters_for,
    enter,
    forget_attempts,
    require_patience,
)
from identity.people_letters import tell_person
from tenants.audit import EventType, record
from tenants.organisations.access import LOCAL


def begin_with_passkey(target: str, door: Door) -> tuple[str, str]:
    """Begin without naming anybody: the secret for the cookie, and the challenge for the authenticator.

    Raises:
        SignInWayNotAllowed
    """
    if not door.organisations.allows_anywhere(LOCAL):
        raise SignInWayNotAllowed("no organisation here has local accounts")
    challenge = new_challenge()
    with transaction():
        return sign_in_records.begin(door.tenant.id, LOCAL, target, door.now, challenge=challenge), challenge


def challenge_for(secret: str, door: Door) -> str:
    """The challenge of a passkey as the second factor of a sign-in under way.

    Raises:
        LocalSignInLost
    """
    pending, challenge = require_pending(secret, door), new_challenge()
    with transaction():
        if not sign_in_records.set_challenge(door.tenant.id, pending.browser_hash, challenge):
            raise LocalSignInLost("finished meanwhile")
    return challenge


def require_pending(secret: str, door: Door) -> PendingSignIn:
    """The sign-in that this browser has under way.

    Raises:
        LocalSignInLost
    """
    pending = sign_in_records.find(door.tenant.id, secret, door.now)
    if pending is None:
        raise LocalSignInLost("none under way")
    return pending


def named_account(secret: str, door: Door) -> tuple[PendingSignIn, Account]:
    """The sign-in under way, and whose password was right; a person who was switched off meanwhile is nobody.

    Raises:
        LocalSignInLost
    """
    pending = require_pending(secret, door)
    account = find_account(door.tenant.id, pending.user_id) if pending.user_id else None
    if account is None or not account.person.active:
        raise LocalSignInLost("nobody named, or switched off meanwhile")
    return pending, account


def finish_with_code(secret: str, code: str, means: Means, door: Door) -> Entered:
    """The second step, by a code of an authenticator app.

    Raises:
        LocalSignInLost, RateLimited, LocalSignInFailed; SignInWayNotAllowed, UserInactive.
    """
    pending, account = named_account(secret, door)
    counters = _try_factor(pending, account, door)
    step = step_of(account, code, means.keys, door.now)
    with transaction():
        if step is None or not use_totp_step(door.tenant.id, account.person.id, step):
            raise _wrong(account, "code", "This code is not right, or it was used before. Wait for the next one.", door)
        return _enter(pending, account, "password_totp", counters, means, door)


def finish_with_recovery_code(secret: str, code: str, means: Means, door: Door) -> Entered:
    """The second step, by a recovery code, which is used up.

    Raises:
        LocalSignInLost, RateLimited, LocalSignInFailed; SignInWayNotAllowed, UserInactive.
    """
    pending, account = named_account(secret, door)
    counters, user_id = _try_factor(pending, account, door), account.person.id
    code_hash = recovery_hash(code)
    with transaction():
        if code_hash is None or not use_recovery_code(factors_of(door.tenant.id, user_id), code_hash, door.now):
            raise _wrong(account, "recovery_code", "This is none of your recovery codes, or it was used before.", door)
        record(door.tenant.id, EventType.LOCAL_RECOVERY_CODE_USED, at=door.now, actor=user_id, user=user_id)
        tell_person(door.tenant, account.person.email, "a recovery code was used to sign in", means.post, door.now)
        return _enter(pending, account, "password_recovery", counters, means, door)


def finish_with_passkey(secret: str, answer: str, party: RelyingParty, means: Means, door: Door) -> Entered:
    """By a passkey: the second step, or the only one.

    Raises:
        LocalSignInLost, RateLimited, LocalSignInFailed; SignInWayNotAllowed, UserInactive.
    """
    pending = require_pending(secret, door)
    if pending.challenge is None:
        raise LocalSignInLost("no challenge")
    account = find_account(door.tenant.id, pending.user_id) if pending.user_id else None
    counters, sentence = _try_factor(pending, account, door), "This passkey could not be used here."
    factors = factors_of(door.tenant.id)
    try:
        passkey = find_passkey(factors, unverified_credential_id(answer))
        if passkey is None or pending.user_id not in (None, passkey.owner_id):
            raise PasskeyInvalid("of nobody, or of another account")
        sign_count = verify_passkey(party, answer, pending.challenge, passkey)
    except PasskeyInvalid as error:
        raise _wrong(account, "passkey", sentence, door, str(error)) from None
    account = find_account(door.tenant.id, passkey.owner_id)
    with transaction():
        if account is None or not use_passkey(factors, passkey, sign_count, door.now):
            raise _wrong(account, "passkey", sentence, door)
        return _enter(pending, account, "password_passkey" if pending.user_id else "passkey", counters, means, door)


def step_of(account: Account, code: str, keys: KeyRing, now: dt.datetime) -> int | None:
    """The time step of a right code; None also where the secret's key is no longer among SECRET_KEYS."""
    if account.sealed_totp_secret is None:
        return None
    person = account.person
    try:
        secret = keys.open(account.sealed_totp_secret, totp_place(person.tenant_id, person.id)).decode()
    except SealBroken:
        sign_in_log.error("local_seal_broken", tenant_id=person.tenant_id, user=person.id)
        return None
    return totp_step_of(secret, code, now)


def _enter(
    pending: PendingSignIn, account: Account, how: str, counters: Sequence[Counter], means: Means, door: Door
) -> Entered:
    if not sign_in_records.finish(door.tenant.id, pending.browser_hash):
        raise LocalSignInLost("finished in another window")
    forget_attempts(counters, door)
    entered = enter(account, pending.way, how, pending.target, door)
    if pending.way == BREAK_GLASS:
        tell_of_use(account, entered, pending.reason, door, means)
    return entered


def _try_factor(pending: PendingSignIn, account: Account | None, door: Door) -> tuple[Counter, ...]:
    """Count the try before anything is compared; it uses the challenge up."""
    user_id = account.person.id if account else NOBODY
    counters = counters_for("factor", user_id, user_id, door)
    if account is None:  # a passkey names nobody before it is verified: the address alone can be counted
        counters = tuple(counter for counter in counters if counter.of_address)
    require_patience(counters, door, account.person.id if account else None)
    with transaction():
        if not sign_in_records.count_try(door.tenant.id, pending.browser_hash):
            raise LocalSignInLost("too many tries, or finished")
    return counters


def _wrong(account: Account | None, field: str, sentence: str, door: Door, cause: str = "") -> LocalSignInFailed:
    user_id = account.person.id if account else None
    sign_in_log.info("local_refused", tenant_id=door.tenant.id, user=user_id, step=field, cause=cause)
    return LocalSignInFailed(field, errors={field: [sentence]}, user=user_id)
