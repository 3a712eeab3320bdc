"""What an identity provider's refusal means (V2), in our words only.

An unsigned response may say anything, and anybody can have a browser post one. So its own message never reaches the
page, where it could tell people to ring a stranger: known codes do, explained from the table below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

STATUS_PREFIX = "urn:oasis:names:tc:SAML:2.0:status:"
_ENTRA_CODE = re.compile(r"AADSTS[0-9]{5,7}")


@dataclass(frozen=True, slots=True)
class StatusWords:
    """`code` as the identity provider calls it; what it means; what can be done, and by whom."""

    code: str
    sentence: str
    advice: str = ""


_NO_CONTEXT_ADVICE = (
    "Your organisation's administrator can leave the authentication context class blank in the SAML settings, so that the "
    "identity provider decides. Give them the code and the reference below."
)
_BY_CODE = {
    words.code: words
    for words in (
        StatusWords("AuthnFailed", "Your identity provider could not confirm who you are."),
        StatusWords(
            "NoAuthnContext",
            "Your identity provider cannot sign people in by the method that was asked for.",
            _NO_CONTEXT_ADVICE,
        ),
        StatusWords(
            "NoPassive",
            "You are not signed in at your identity provider, or it has to ask you something first.",
            "Start the sign-in from here: it leads to where you were going.",
        ),
        StatusWords(
            "RequestDenied",
            "Your identity provider knows you, but does not let you use this service.",
            "Your organisation's administrator can give you access at the identity provider.",
        ),
        StatusWords(
            "UnknownPrincipal",
            "Your identity provider does not know you.",
            "Your organisation's administrator can look up your account at the identity provider.",
        ),
        StatusWords(
            "InvalidNameIDPolicy",
            "Your identity provider cannot name people in the way that was asked for.",
            "Your organisation's administrator can choose another NameID format in the SAML settings, or leave it out.",
        ),
        StatusWords(
            "RequestUnsupported",
            "Your identity provider does not support this way of signing in.",
            "Your organisation's administrator can compare its settings with ours.",
        ),
        StatusWords("VersionMismatch", "Your identity provider speaks another version of SAML."),
        StatusWords("Requester", "Your identity provider found a fault with the request that was sent to it."),
        StatusWords("Responder", "Your identity provider had a fault of its own. It may be over in a few minutes."),
        StatusWords(
            "AADSTS75011",
            "Microsoft Entra ID signed you in by another method than the one that was asked for.",
            _NO_CONTEXT_ADVICE,
        ),
        StatusWords(
            "AADSTS50105",
            "Microsoft Entra ID knows you, but you are not assigned to this application.",
            "Your organisation's administrator can assign you or your group to it in Entra ID.",
        ),
    )
}


def words_of_status(codes: Sequence[str], message: str = "") -> StatusWords | None:
    """Our words for what the identity provider reports; None where nothing of it is known.

    Args:
        codes: the status code and those nested in it, outermost first (SAML Core 3.2.2.2).
        message: its own words, searched for the codes of Entra ID, which are more precise.
    """
    entra = _ENTRA_CODE.findall(message)
    precise_first = (*entra, *(code.removeprefix(STATUS_PREFIX) for code in reversed(codes)))
    return next((_BY_CODE[code] for code in precise_first if code in _BY_CODE), None)
