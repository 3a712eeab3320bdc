"""Second factors on offer: what a browser has to bring back before a factor is kept.

An authenticator app's new secret and a passkey's challenge are sealed into the form that shows them, for this purpose, this
place and a quarter of an hour: nothing is written before they are confirmed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.sealing import KeyRing, SealBroken
from identity.credentials.errors import SecondFactorInvalid
from identity.credentials.passkeys import NewPasskey, PasskeyInvalid, RelyingParty, new_challenge, read_registration
from identity.credentials.second_factors import new_totp_secret, totp_step_of

FORM_LIFETIME = dt.timedelta(minutes=15)
MAX_SEALED = 1_000


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
    """Something new to enrol.

    Args:
        place: whose form it is for, such as `staff_enrolment:<session>`; it opens nowhere else.
    """
    secret, challenge = new_totp_secret(), new_challenge()
    until = int((now + FORM_LIFETIME).timestamp())
    return Offer(secret, challenge, keys.seal(f"{until} {secret} {challenge}".encode(), place))


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


def _offer_of(sealed: str, place: str, keys: KeyRing, now: dt.datetime) -> Offer:
    try:
        until, secret, challenge = keys.open(sealed[:MAX_SEALED], place).decode().split(" ")
    except SealBroken:
        until, secret, challenge = "0", "", ""
    if int(until) <= now.timestamp():
        sentence = "This page was open for too long. Scan the picture that it shows now."
        raise SecondFactorInvalid("offer", errors={"code": [sentence]})
    return Offer(secret, challenge, sealed)
