"""What a test sign-in tells of its person: to be kept with values masked, and to be shown to the tester as it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.sealing import KeyRing, SealBroken
from identity.assertion import Assertion, Profile
from identity.profile import NAME_ID
from tenants.saml_settings import PROFILE_FIELDS, SAMLSettings

MASK = "•••"
MAX_ATTRIBUTES, MAX_VALUES, MAX_VALUE = 100, 10, 200
"""What is kept and shown of a message that may carry hundreds of groups: attributes, values of each, characters of each."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came, and what the settings make of it. `profile` None: not enough for one."""

    assertion: Assertion
    profile: Profile | None
    settings: SAMLSettings


def masked_outcome(received: Received | None, would: str | None) -> dict[str, Any]:
    """The JSON form that is kept: names, and values with everything personal masked.

    Args:
        would: what would have become of the person: new, joined, updated or unchanged; None where they were refused.
    """
    if received is None:
        return {"would": would, "attributes": [], "person": {}, "name_id_format": None, "authn_context": None}
    attributes = [
        {"name": name, "values": [masked(value) for value in values], "fields": _fields_of(name, received)}
        for name, values in _attributes(received.assertion).items()
    ]
    person = {name: masked(value) for name, value in _person(received.profile).items()}
    return {
        "would": would,
        "attributes": attributes,
        "person": person,
        "name_id_format": received.assertion.name_id_format,
        "authn_context": received.assertion.authn_context,
    }


def seal_values(received: Received, browser: str, place: str) -> str:
    """The values as they came, for the browser that tested alone: nobody else can open them, whoever reads the database."""
    document = {"attributes": _attributes(received.assertion), "person": _person(received.profile)}
    return _ring_of(browser).seal(json.dumps(document).encode(), place)


def open_values(sealed: str | None, browser: str | None, place: str) -> Mapping[str, Any] | None:
    """What `seal_values` sealed; None for any other browser."""
    if not sealed or not browser:
        return None
    try:
        document: Mapping[str, Any] = json.loads(_ring_of(browser).open(sealed, place))
    except SealBroken:
        return None
    return document


def masked(value: str) -> str:
    """Nothing of it but the domain of an e-mail address, which is what goes wrong most often."""
    name, at, domain = value.rpartition("@")
    return f"{MASK}@{domain}" if at and name and domain and "." in domain and " " not in value else MASK


def _attributes(assertion: Assertion) -> dict[str, list[str]]:
    """Attribute -> values, NameID first: it may be mapped like one."""
    named = [(NAME_ID, (assertion.name_id,) if assertion.name_id else ()), *sorted(assertion.attributes.items())]
    return {
        name[:MAX_VALUE]: [value[:MAX_VALUE] for value in values[:MAX_VALUES]] for name, values in named[: MAX_ATTRIBUTES + 1]
    }


def _person(profile: Profile | None) -> dict[str, str]:
    if profile is None:
        return {}
    named = {name: getattr(profile, name) for name in ("subject", *PROFILE_FIELDS)}
    return {name: value[:MAX_VALUE] for name, value in named.items() if value}


def _fields_of(name: str, received: Received) -> list[str]:
    """Which fields of a profile this attribute fills: of each field's names the first one that came."""
    came = {NAME_ID, *received.assertion.attributes}
    fields = ["subject"] if received.settings.name_id_source == name else []
    for field in PROFILE_FIELDS:
        usable = [wanted for wanted in getattr(received.settings.attribute_map, field) if wanted in came]
        if usable and usable[0] == name:
            fields.append(field)
    return fields


def _ring_of(browser: str) -> KeyRing:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"vestibule test sign-in").derive(browser.encode())
    return KeyRing({"browser": key})
