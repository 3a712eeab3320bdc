"""Flows: passwords and second factors are set: by an invitation, all at once, and later by their owner.

What a browser has to bring back (an authenticator app's new secret, a passkey's challenge) is sealed into its form, for this
purpose, this place and a quarter of an hour: nothing is written before it is confirmed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from admin_ui.access_errors import InvitationInvalid, SecondFactorInvalid
from admin_ui.factor_records import add_passkey, replace_recovery_codes
from admin_ui.passkeys import NewPasskey, PasskeyInvalid, RelyingParty, new_challenge, read_registration
from admin_ui.passwords import hash_password, require_password
from admin_ui.second_factors import new_recovery_codes, new_totp_secret, recovery_hash, totp_place, totp_step_of
from admin_ui.staff_entry import Door, Entered, enter
from admin_ui.staff_events import StaffEventType, record_staff
from admin_ui.staff_records import Staff, change_staff, find_invited, take_invitation
from config.database import transaction
from config.sealing import KeyRing, SealBroken
from identity.exchanges import hash_of

FORM_LIFETIME = dt.timedelta(minutes=15)
MAX_TOKEN_LENGTH = 64
MAX_SEALED = 1_000
FIRST_LABEL = "Passkey"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an enrolment form holds: a secret for an app and a challenge for a passkey, and both sealed for the way back."""

    secret: str
    challenge: str
    sealed: str

    def __repr__(self) -> str:
        return "Offer()"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a code of the app, or a passkey's answer; and the sealed offer."""

    sealed: str
    code: str = ""
    passkey: str = ""


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor that its holder has just proved to hold."""

    totp_secret: str | None = None
    totp_step: int | None = None
    passkey: NewPasskey | None = None


def new_offer(place: str, keys: KeyRing, now: dt.datetime) -> Offer:
    """Something new to enrol, for one place: an invitation, or a session."""
    secret, challenge = new_totp_secret(), new_challenge()
    until = int((now + FORM_LIFETIME).timestamp())
    return Offer(secret, challenge, keys.seal(f"{until} {secret} {challenge}".encode(), _sealed_to(place)))


def offer_again(sealed: str, place: str, keys: KeyRing, now: dt.datetime) -> Offer:
    """The offer of a form that is shown once more, so that what was scanned stays right; a new one where it is too old."""
    try:
        return _offer_of(sealed, place, keys, now)
    except SecondFactorInvalid:
        return new_offer(place, keys, now)


def read_factor(answer: Answer, place: str, party: RelyingParty, keys: KeyRing, now: dt.datetime) -> Factor:
    """The factor that an answer proves; a passkey where there is one, else the app.

    Raises:
        SecondFactorInvalid
    """
    offer = _offer_of(answer.sealed, place, keys, now)
    if answer.passkey:
        try:
            return Factor(passkey=read_registration(party, answer.passkey, offer.challenge))
        except PasskeyInvalid as error:
            sentence = "This passkey could not be made. Try again, or use an authenticator app."
            raise SecondFactorInvalid(str(error), errors={"passkey": [sentence]}) from None
    step = totp_step_of(offer.secret, answer.code, now)
    if step is None:
        sentence = "This is not the code that the app shows now. Scan the picture, then type the six digits."
        raise SecondFactorInvalid("code", errors={"code": [sentence]})
    return Factor(totp_secret=offer.secret, totp_step=step)


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
    token: str, password: str, answer: Answer, party: RelyingParty, keys: KeyRing, door: Door
) -> tuple[Entered, list[str]]:
    """Set password and second factor, use the invitation up, and sign in; with the recovery codes, shown this once.

    Raises:
        InvitationInvalid, PasswordNotAllowed, SecondFactorInvalid.
    """
    staff = require_invited(token, door.now)
    accepted = require_password(password, staff.email, staff.name)
    factor = read_factor(answer, hash_of(token), party, keys, door.now)
    password_hash = hash_password(accepted)
    with transaction():
        values = {"password_hash": password_hash, "sealed_totp_secret": None, "totp_step": None}
        if not take_invitation(staff.id, hash_of(token), door.now, values):
            raise InvitationInvalid("used in another window")
        keep_factor(staff.id, factor, FIRST_LABEL, keys, door.now)
        codes = give_recovery_codes(staff.id, door.now)
        record_staff(StaffEventType.INVITATION_FOLLOWED, at=door.now, actor=f"staff:{staff.id}", staff_id=staff.id)
        return Entered(enter(staff, "invitation", door), "/admin/"), codes


def keep_factor(staff_id: str, factor: Factor, label: str, keys: KeyRing, now: dt.datetime) -> None:
    """Keep a factor that was proved, inside a transaction. An app takes the place of the former app.

    Raises:
        SecondFactorInvalid: somebody has this passkey already.
    """
    if factor.passkey is not None:
        if not add_passkey(staff_id, factor.passkey, label, now):
            raise SecondFactorInvalid("known", errors={"passkey": ["This passkey is in use already."]})
        return
    sealed = keys.seal((factor.totp_secret or "").encode(), totp_place(staff_id))
    change_staff(staff_id, {"sealed_totp_secret": sealed, "totp_step": factor.totp_step})


def give_recovery_codes(staff_id: str, now: dt.datetime) -> list[str]:
    """Make ten new codes in place of all former ones, inside a transaction; shown this once."""
    codes = new_recovery_codes()
    replace_recovery_codes(staff_id, [hash_ for code in codes if (hash_ := recovery_hash(code))], now)
    return codes


def _offer_of(sealed: str, place: str, keys: KeyRing, now: dt.datetime) -> Offer:
    try:
        until, secret, challenge = keys.open(sealed[:MAX_SEALED], _sealed_to(place)).decode().split(" ")
    except SealBroken:
        until, secret, challenge = "0", "", ""
    if int(until) <= now.timestamp():
        sentence = "This page was open for too long. Scan the picture that it shows now."
        raise SecondFactorInvalid("offer", errors={"code": [sentence]})
    return Offer(secret, challenge, sealed)


def _sealed_to(place: str) -> str:
    return f"staff_enrolment:{place}"
