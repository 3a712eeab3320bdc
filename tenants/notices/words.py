"""What notices say: of something that ends, and of a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from tenants.notices.letters import Letter
from tenants.notices.thresholds import Ending

CERTIFICATE_ENDING, METADATA_ENDING = "certificate.ending", "metadata.ending"
TEST = "notice.test"

_TRUSTED = (
    "Sign-ins do not stop at that moment: the key is trusted, whatever its certificate's dates. But most identity providers "
    "change the key when the certificate ends, and from then on nobody can sign in until the new certificate is known here."
)
_REFUSED = "From that moment sign-ins that it signs are refused, as the settings of this identity provider want it."
_RENEW = "Have the identity provider publish its next certificate, and let its metadata be fetched or saved again."
_LASTS_ON = "Another certificate of the same identity provider is known already and lasts longer, so nothing has to be done."
_METADATA = (
    "After that moment nobody can sign in through it. Metadata that comes from an address is fetched again by itself: see why "
    "that does not succeed. Metadata from a file has to be saved again."
)
_OWN = (
    "Identity providers know it from our metadata, and some of them refuse our requests once it has ended. Publish the next "
    "key, wait until the identity provider has read our metadata, and promote it."
)


def event_of(ending: Ending) -> str:
    """The event that tells of it."""
    return METADATA_ENDING if ending.subject == "metadata" else CERTIFICATE_ENDING


def what_ends(ending: Ending) -> str:
    """It, in words."""
    return {
        "idp_certificate": f"The signing certificate of {ending.label}",
        "sp_certificate": f"Our own certificate for {ending.label}",
        "metadata": f"The metadata of {ending.label}",
    }[ending.subject]


def ending_letter(ending: Ending, tenant: str, address: str, now: dt.datetime, *, refused: bool = False) -> Letter:
    """A warning by mail.

    Args:
        tenant: the organisation's name.
        address: of the page that tells more.
        refused: an ended certificate is not used, by the settings.
    """
    days = ending.days_left(now)
    when = "in less than a day" if days < 1 else "in 1 day" if days == 1 else f"in {days} days"
    verb = "expires" if ending.subject == "metadata" else "ends"
    moment = f"{ending.ends_at.day} {ending.ends_at:%B %Y at %H:%M} UTC"
    return Letter(
        f"{tenant}: {_lowered(what_ends(ending))} {verb} {when}",
        (
            f"{what_ends(ending)} {verb} on {moment}, {when}. The organisation is {tenant}.",
            *_advice_of(ending, refused),
            "This warning comes once each 60, 30, 14, 7 and 1 days before an end, and stops when it is renewed.",
        ),
        ("See it in the console", address),
    )


def ending_document(ending: Ending, slug: str, tenant: str, days: int, now: dt.datetime) -> Mapping[str, Any]:
    """The same for programs."""
    return {
        "tenant": slug,
        "tenant_name": tenant,
        "subject": ending.subject,
        "id": ending.subject_id,
        "label": ending.label,
        "ends_at": ending.ends_at.isoformat(),
        "threshold_days": days,
        "days_left": ending.days_left(now),
        "lasts_on": ending.lasts_on,
    }


def try_letter(whose: str) -> Letter:
    """A test by mail."""
    return Letter(
        f"{whose}: notices arrive here",
        (
            f"Somebody asked for this test of the notices for {whose}. It arrived, so nothing has to be done.",
            "Warnings come here 60, 30, 14, 7 and 1 days before a certificate or the metadata of an identity provider ends.",
        ),
    )


def _advice_of(ending: Ending, refused: bool) -> tuple[str, ...]:
    if ending.subject == "metadata":
        return (_METADATA,)
    if ending.subject == "sp_certificate":
        return (_OWN,)
    if ending.lasts_on:
        return (_LASTS_ON,)
    return (_REFUSED if refused else _TRUSTED, _RENEW)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
