"""Two forms of SAML settings compared: what differs, what a patch makes of them, and the name of exactly these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tenants.saml_settings import SAMLSettings
from tenants.settings_documents import settings_from_document

Change = Mapping[str, Any]
"""`{"from": …, "to": …}` of one setting, in JSON."""


def fingerprint_of(settings: SAMLSettings) -> str:
    """SHA-256 of the canonical JSON form: the same settings have the same one, wherever and whenever they were made."""
    canonical = json.dumps(settings.to_document(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def changes_between(before: SAMLSettings, after: SAMLSettings) -> dict[str, Change]:
    """Setting -> from and to, for each that differs."""
    old, new = before.to_document(), after.to_document()
    return {name: {"from": old[name], "to": new[name]} for name in new if new[name] != old[name]}


def patched(settings: SAMLSettings, patch: Mapping[str, Any]) -> SAMLSettings:
    """Settings with those changed that `patch` names; the attribute map field by field.

    Raises:
        SettingsInvalid: with a sentence for each field that is wrong.
    """
    before = settings.to_document()
    merged = before | dict(patch)
    if isinstance(patch.get("attribute_map"), Mapping):
        merged["attribute_map"] = before["attribute_map"] | dict(patch["attribute_map"])
    return settings_from_document(merged)


def carried_over(base: SAMLSettings, draft: SAMLSettings, present: SAMLSettings) -> SAMLSettings:
    """What a draft changed, on top of what is in force now; a setting that both changed is the draft's.

    Raises:
        SettingsInvalid: the two changes do not go together.
    """
    wanted = {name: change["to"] for name, change in changes_between(base, draft).items()}
    return settings_from_document(present.to_document() | wanted)


def summed(edits: Sequence[Mapping[str, Change]]) -> dict[str, Change]:
    """Several edits, oldest first, as one: from where the first one began to where the last one ended."""
    total: dict[str, Change] = {}
    for changes in edits:
        for name, change in changes.items():
            total[name] = {"from": total.get(name, change)["from"], "to": change["to"]}
    return {name: change for name, change in total.items() if change["from"] != change["to"]}
