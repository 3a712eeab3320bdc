"""Finer advice on what the identity provider itself refused (V2, D3): each status that is known, for those who mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from identity.advice_facts import Circumstances, Failure, Finding
from identity.advice_offers import LEAVE_CLASS_BLANK, LEAVE_FORMAT_BLANK, Offer
from identity.advice_words import Who
from identity.status_words import words_of_status


@dataclass(frozen=True, slots=True)
class _Status:
    """What a status means to an administrator, what to do, who can, and what one click does about it."""

    happened: str
    todo: str
    who: Who
    offers: tuple[Offer, ...] = ()


_BLANK_CLASS = (
    "Leave the authentication context class blank: the identity provider then signs people in as it thinks right, and what it "
    "did is still in the receipt."
)
_BY_CODE: Mapping[str, _Status] = {
    "NoAuthnContext": _Status(
        "The identity provider cannot sign people in by the method that we ask for.",
        _BLANK_CLASS,
        Who.TENANT_ADMIN,
        (LEAVE_CLASS_BLANK,),
    ),
    "AADSTS75011": _Status(
        "Microsoft Entra ID signed the person in by another method than the one that we ask for, a passkey for example.",
        _BLANK_CLASS,
        Who.TENANT_ADMIN,
        (LEAVE_CLASS_BLANK,),
    ),
    "AADSTS50105": _Status(
        "Microsoft Entra ID knows the person, but neither they nor a group of theirs is assigned to this application.",
        "Assign them in Entra ID: Enterprise applications, this application, Users and groups.",
        Who.IDP_ADMIN,
    ),
    "InvalidNameIDPolicy": _Status(
        "The identity provider cannot name people in the format that we ask for.",
        "Leave the NameID format blank, so that it sends its own, or choose the one that it knows.",
        Who.TENANT_ADMIN,
        (LEAVE_FORMAT_BLANK,),
    ),
    "AuthnFailed": _Status(
        "The person did not get in at the identity provider: a wrong password, a second factor refused, or they gave up.",
        "Try again; the log of the identity provider says what went wrong.",
        Who.PERSON,
    ),
    "NoPassive": _Status(
        "We asked the identity provider not to ask the person anything, and it had to.",
        "Start again from the sign-in page, which lets it ask.",
        Who.PERSON,
    ),
    "RequestDenied": _Status(
        "The identity provider knows the person, but does not let them use this service.",
        "Give them access there: assign them, or change its policy for this application.",
        Who.IDP_ADMIN,
    ),
    "UnknownPrincipal": _Status(
        "The identity provider does not know the person.", "Look up their account there.", Who.IDP_ADMIN
    ),
    "RequestUnsupported": _Status(
        "The identity provider does not support something in our request.",
        "Compare its settings for this application with ours: binding, signature, NameID format, class.",
        Who.TENANT_ADMIN,
    ),
    "VersionMismatch": _Status(
        "The identity provider speaks another version of SAML.", "Switch it to SAML 2.0.", Who.IDP_ADMIN
    ),
    "Requester": _Status(
        "The identity provider found a fault with our request and does not say which.",
        "Most often it knows another entity ID, ACS URL or certificate of ours: give it our present metadata.",
        Who.IDP_ADMIN,
    ),
    "Responder": _Status(
        "The identity provider had a fault of its own.",
        "It may be over in a few minutes. Its log says what it was.",
        Who.IDP_ADMIN,
    ),
}  # fmt: skip
"""Every code of identity.status_words; a test holds the two together."""


def finding_of_status(failure: Failure, _now: Circumstances) -> Finding:
    """What the identity provider reported, and its own words, which anybody could have written if nothing is signed."""
    status = failure.facts.get("status") or {}
    codes, message = status.get("codes", ()), status.get("message", "")
    told = tuple(
        filter(None, (f"It answered {', '.join(codes)}." if codes else "", f"Its own words: {message}" if message else ""))
    )
    words = words_of_status(codes, message)
    known = _BY_CODE.get(words.code) if words else None
    if known is None:
        return Finding(details=told)
    return Finding(known.happened, known.todo, known.who, told, known.offers)
