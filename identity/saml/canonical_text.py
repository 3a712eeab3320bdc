"""Text of messages that we write, in exclusive canonical form from the start (Canonical XML 1.0, 2.3)."""

from __future__ import annotations

import datetime as dt
import re

SAMLP, SAML = "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion"
_SPECIAL = re.compile('[&<>"\t\n\r]')
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_IN_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, 2.2."""
WITHOUT_ZONE = len("2026-01-01T00:00:00")


def canonical_text(value: str) -> str:
    """A text in canonical form."""
    return value.translate(_IN_TEXT) if _SPECIAL.search(value) else value


def canonical_attribute(value: str) -> str:
    """An attribute's value in canonical form."""
    return value.translate(_IN_ATTRIBUTE) if _SPECIAL.search(value) else value


def canonical_instant(now: dt.datetime) -> str:
    """A time as SAML Core 1.3.3 wants it: UTC, to the second.

    Raises:
        ValueError: not aware.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    in_utc = now if now.tzinfo is dt.UTC else now.astimezone(dt.UTC)
    return in_utc.isoformat(timespec="seconds")[:WITHOUT_ZONE] + "Z"


def message_octets(xml: str) -> bytes:
    """A whole message as octets.

    Raises:
        ValueError: a value holds a character that XML has no place for.
    """
    if _NO_XML.search(xml):
        raise ValueError("a value with a character that XML has no place for")
    return xml.encode()
