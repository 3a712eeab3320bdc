"""Flows: the first step of a local sign-in, name and password.

What is slow (Argon2id) stands outside of transactions. Unknown names, wrong passwords and accounts that wait for their
invitation get one answer after the same work; whatever else there is to say is said once the password was right.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from config.database import transaction
from config.logs import sign_in_log
from identity.credentials.factors import passkeys_of
from identity.credentials.passwords import password_matches
from identity.errors import SignInWayNotAllowed
from identity.local_accounts import sign_in_records
from identity.local_accounts.account_records import (
    NOBODY,
    Account,
    find_account,
    find_account_by_email,
    find_account_by_username,
    hold_account,
)
from identity.local_accounts.errors import DO_NOT_FIT, LocalSignInFailed, SecondFactorMissing
from identity.local_accounts.factor_records import factors_of
from identity.local_sign_in.break_glass import require_reason
from identity.local_sign_in.door import (
    BREAK_GLASS,
    Door,
    Entered,
    counters_for,
    enter,
    forget_attempts,
    needs_second_factor,
    require_patience,
    require_way,
)
from identity.local_sign_in.receipts import NO_NAME, NO_PASSWORD_YET, OTHER_PASSWORD
from tenants.email_domains import normalise_email
from tenants.folding import folded
from tenants.organisations.access import LOCAL

MAX_NAME = 320
UNSEEN = ("Cc", "Cf", "Mn", "Me")
"""Control and format characters: the soft hyphen, joiners, marks of direction; accents and variation selectors."""
UNSEEN_LETTERS = frozenset("\u115f\u1160\u1806\u2800\u3164\uffa0\ufffc")
"""Of other kinds, and nothing to see or to compare all the same."""


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody typed, and where they want to go. `way` is `local` or `break_glass`; `reason` the latter's."""

    name: str = field(repr=False)
    password: str = field(repr=False)
    target: str = "/"
    way: str = LOCAL
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The password was right, and a second factor has to follow: the secret for the browser's cookie."""

    secret: str = field(repr=False)


def check_password(given: Given, door: Door) -> Entered | Waiting:
    """Take name and password: somebody is in, or a second factor has to follow.

    Raises:
        RateLimited, LocalSignInFailed; SignInWayNotAllowed, UserInactive, SecondFactorMissing. FieldsInvalid: no reason.
    """
    reason = require_reason(given.reason) if given.way == BREAK_GLASS else ""
    if given.way == LOCAL and not door.organisations.allows_anywhere(LOCAL):
        raise SignInWayNotAllowed("no organisation here has local accounts")
    tenant_id, typed = door.tenant.id, given.name[:MAX_NAME].replace("\x00", "")
    account = account_of(tenant_id, typed)
    user_id = account.person.id if account else NOBODY
    counters = counters_for("password", name_key(typed), user_id, door)
    require_patience(counters, door, account.person.id if account else None)
    matches = password_matches(account.password_hash if account else None, given.password)
    if account is None or not matches:
        sign_in_log.info("local_refused", tenant_id=tenant_id, user=account and account.person.id, step="password")
        cause = OTHER_PASSWORD if account and account.password_hash else NO_PASSWORD_YET if account else NO_NAME
        raise LocalSignInFailed(cause, errors={"password": [DO_NOT_FIT]}, user=account and account.person.id)
    require_way(account, given.way, door)
    has_factor = account.sealed_totp_secret is not None or bool(passkeys_of(factors_of(tenant_id, user_id)))
    if not has_factor and needs_second_factor(account, given.way, door.organisations):
        raise SecondFactorMissing("none", user=user_id)
    with transaction():
        hold_account(tenant_id, user_id)
        present = find_account(tenant_id, user_id)
        if present is None or present.password_hash != account.password_hash:
            # Changed while it was compared, which takes a while: a password that was given up opens nothing any more.
            raise LocalSignInFailed("changed this moment", errors={"password": [DO_NOT_FIT]}, user=user_id)
        forget_attempts(counters, door)
        if has_factor:
            return Waiting(
                sign_in_records.begin(tenant_id, given.way, given.target, door.now, user_id=user_id, reason=reason)
            )
        return enter(present, given.way, "password", given.target, door)


def account_of(tenant_id: int, name: str) -> Account | None:
    """The account of an e-mail address or a username. As many statements for an unknown name as for a known one."""
    if "@" in name:
        return find_account_by_email(tenant_id, normalise_email(name) or NOBODY)
    return find_account_by_username(tenant_id, name.strip() or NOBODY)


def name_key(name: str) -> str:
    """What attempts at a name are counted under, however it is written.

    Characters that nobody sees are left out: directories do so, too (RFC 4518 2.2), and each would begin a count of its own.
    """
    return normalise_email(name) or folded("".join(char for char in name if _is_seen(char)))


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in UNSEEN and char not in UNSEEN_LETTERS
