"""What an identity provider's product calls things: a value for each product that the guides know.

A preset is a suggestion. Settings start from it, and the test sign-in shows the names that really come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from tenants.saml_settings import PROFILE_FIELDS
from tenants.trust import IdPMetadata

EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


@dataclass(frozen=True, slots=True)
class Entry:
    """A field there, and what goes into it. `value` may name ours: see `filled`."""

    label: str
    value: str
    copied: bool = True


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing to do at the identity provider."""

    text: str
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """A product.

    `entity_ids` and `endpoints` are patterns that its metadata is recognised by; none where it has no address of its own.
    `by_url` False: its metadata comes as a file only. `login_hint_parameter` "": it is not known to take one.
    """

    key: str
    name: str
    attribute_map: Mapping[str, tuple[str, ...]]
    instructions: tuple[Instruction, ...]
    metadata_help: str
    metadata_example: str = ""
    by_url: bool = True
    entity_ids: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    login_hint_parameter: str = ""

    def patch(self) -> dict[str, Any]:
        """The SAML settings to start from, as the API takes them.

        The authentication context is left to the identity provider: most products refuse a class that people with a second
        factor did not use (Entra ID: AADSTS75011).
        """
        attribute_map = {name: list(self.attribute_map.get(name, ())) for name in PROFILE_FIELDS}
        asked = {"authn_context_class_ref": "", "login_hint_parameter": self.login_hint_parameter}
        return {**asked, "attribute_map": attribute_map, **self.settings}

    def recognises(self, metadata: IdPMetadata) -> bool:
        """Whether metadata is this product's, by its entity ID or the address of its sign-in."""
        by_name = any(re.search(pattern, metadata.entity_id) for pattern in self.entity_ids)
        locations = [endpoint.location for endpoint in metadata.sso]
        return by_name or any(re.search(pattern, location) for pattern in self.endpoints for location in locations)


@dataclass(frozen=True, slots=True)
class OurSide:
    """Our values, as an identity provider's administrator enters them."""

    entity_id: str
    acs_url: str
    metadata_url: str
    slo_url: str


def filled(instructions: tuple[Instruction, ...], ours: OurSide) -> list[Instruction]:
    """Instructions with our own values in place of their names."""
    values = {
        "entity_id": ours.entity_id,
        "acs_url": ours.acs_url,
        "metadata_url": ours.metadata_url,
        "slo_url": ours.slo_url,
        "acs_pattern": "^" + re.sub(r"([./])", r"\\\1", ours.acs_url) + "$",
    }
    return [
        Instruction(
            Template(step.text).substitute(values),
            tuple(Entry(entry.label, Template(entry.value).substitute(values), entry.copied) for entry in step.entries),
        )
        for step in instructions
    ]


def ours(label: str, value: str) -> Entry:
    """A field that takes a value of ours."""
    return Entry(label, value)


def choice(label: str, value: str) -> Entry:
    """A field that takes one of the product's own choices."""
    return Entry(label, value, copied=False)
