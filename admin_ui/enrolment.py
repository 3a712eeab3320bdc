"""Flows: passwords and second factors are set: by an invitation, all at once, and later by their owner."""

from __future__ import annotations

import datetime as dt

from admin_ui.access_errors import InvitationInvalid
from admin_ui.factor_records import factors_of
from admin_ui.staff_entry import Door, Entered, enter
from admin_ui.staff_letters import tell_staff
from admin_ui.staff_records import Staff, change_staff, find_invited, take_invitation, totp_place
from config.database import transaction
from config.sealing import KeyRing
from identity.credentials.errors import SecondFactorInvalid
from identity.credentials.factors import add_passkey, replace_recovery_codes
from identity.credentials.offers import Answer, Factor, read_factor
from identity.credentials.passkeys import RelyingParty
from identity.credentials.passwords import hash_password, require_password
from identity.credentials.second_factors import new_recovery_codes, recovery_hash
from identity.exchanges import hash_of
from identity.people_letters import Post
from tenants.staff_audit import StaffEventType, record_staff

MAX_TOKEN_LENGTH = 64
FIRST_LABEL = "Passkey"


def place_of(asked: str) -> str:
    """What an offer is sealed to: an invitation's hash, or a session's id."""
    return f"staff_enrolment:{asked}"


def require_invited(token: str, now: dt.datetime) -> Staff:
    """Whose invitation this is.

    Raises:
        InvitationInvalid: unknown, used, withdrawn or expired, all alike.
    """
    staff = find_invited(hash_of(token), now) if token.isascii() and len(token) <= MAX_TOKEN_LENGTH else None
    if staff is None:
        raise InvitationInvalid("unknown, used or expired")
    return staff


def follow_invitation(
    token: str, password: str, answer: Answer, party: RelyingParty, post: Post, door: Door
) -> tuple[Entered, list[str]]:
    """Set password and second factor, use the invitation up, and sign in; with the recovery codes, shown this once.

    Raises:
        InvitationInvalid, PasswordNotAllowed, SecondFactorInvalid.
    """
    staff, keys = require_invited(token, door.now), post.keys
    accepted = require_password(password, staff.email, staff.name)
    factor = read_factor(answer, place_of(hash_of(token)), party, keys, door.now)
    password_hash = hash_password(accepted)
    with transaction():
        values = {"password_hash": password_hash, "sealed_totp_secret": None, "totp_step": None}
        if not take_invitation(staff.id, hash_of(token), door.now, values):
            raise InvitationInvalid("used in another window")
        keep_factor(staff.id, factor, FIRST_LABEL, keys, door.now)
        codes = give_recovery_codes(staff.id, door.now)
        record_staff(StaffEventType.INVITATION_FOLLOWED, at=door.now, actor=f"staff:{staff.id}", staff_id=staff.id)
        tell_staff(staff, "its invitation was followed: it has a password and a second factor now", post, door.now)
        return Entered(enter(staff, "invitation", door), "/admin/"), codes


def keep_factor(staff_id: str, factor: Factor, label: str, keys: KeyRing, now: dt.datetime) -> None:
    """Keep a factor that was proved, inside a transaction. An app takes the place of the former app.

    Raises:
        SecondFactorInvalid: somebody has this passkey already.
    """
    if factor.passkey is not None:
        if not add_passkey(factors_of(staff_id), factor.passkey, label, now):
            raise SecondFactorInvalid("known", errors={"passkey": ["This passkey is in use already."]})
        return
    sealed = keys.seal((factor.totp_secret or "").encode(), totp_place(staff_id))
    change_staff(staff_id, {"sealed_totp_secret": sealed, "totp_step": factor.totp_step})


def give_recovery_codes(staff_id: str, now: dt.datetime) -> list[str]:
    """Make ten new codes in place of all former ones, inside a transaction; shown this once."""
    codes = new_recovery_codes()
    replace_recovery_codes(factors_of(staff_id), [hash_ for code in codes if (hash_ := recovery_hash(code))], now)
    return codes
