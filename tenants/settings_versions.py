"""Flows: SAML settings come into force, and each that did stays as a version with who, when and why (A3).

The caller has raised the tenant's version before: its row is then held, and two changes follow each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenants.audit import EventType, record
from tenants.draft_errors import VersionInForce
from tenants.errors import NotFound
from tenants.idp_records import ManagedProvider, change_provider
from tenants.management_errors import FieldsInvalid
from tenants.saml_settings import SAMLSettings
from tenants.settings_changes import Change, changes_between, fingerprint_of
from tenants.settings_documents import settings_from_document
from tenants.version_records import VersionRow, find_in_force, find_version, page_of_versions, put_version_in_force

MIN_REASON, MAX_REASON = 10, 500
"""Characters of the reason that takes the place of a test."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version as people look at it, with what it changed in the one before it."""

    row: VersionRow
    settings: SAMLSettings
    changes: Mapping[str, Change]


def keep_first_version(tenant_id: int, idp_id: str, settings: SAMLSettings, *, actor: str, now: dt.datetime) -> None:
    """The settings that an identity provider is connected with; one that comes back goes on counting."""
    put_version_in_force(tenant_id, idp_id, _values(settings, "connected", actor, now))


def put_in_force(
    provider: ManagedProvider, settings: SAMLSettings, origin: str, *, actor: str, now: dt.datetime, **more: Any
) -> int:
    """Let settings hold from the next sign-in on, and give their version's number.

    Args:
        origin: how they come into force, a word of tenants.settings_models.
        more: further columns of the version, such as `reason`.
    """
    present = find_in_force(provider.tenant_id, provider.id)
    values = {"base": present.number if present else None, **_values(settings, origin, actor, now), **more}
    change_provider(provider.tenant_id, provider.id, {"settings": settings.to_document()})
    return put_version_in_force(provider.tenant_id, provider.id, values)


def restore_version(
    provider: ManagedProvider, number: int, *, reason: str | None, actor: str, now: dt.datetime
) -> SAMLSettings:
    """Go back to a former version: a new one with the same settings is in force. It needs no test, since it was before.

    Raises:
        NotFound: there is no such version. VersionInForce: its settings are. SettingsInvalid: they are refused by now.
        FieldsInvalid: the reason is too long.
    """
    former = find_version(provider.tenant_id, provider.id, number)
    if former is None:
        raise NotFound("no such version")
    before, settings = settings_from_document(provider.settings), settings_from_document(former.settings)
    changes = changes_between(before, settings)
    if not changes:
        raise VersionInForce(f"version {number}")
    words = optional_reason(reason)
    made = put_in_force(provider, settings, "restored", actor=actor, now=now, restored=number, reason=words)
    detail: dict[str, Any] = {"idp": provider.name, "version": made, "restored": number, "why": words, "changes": changes}
    record(provider.tenant_id, EventType.SAML_SETTINGS_ROLLED_BACK, at=now, actor=actor, **detail)
    return settings


def versions_of(provider: ManagedProvider, before: int | None, limit: int) -> list[Version]:
    """Versions, newest first, each with its changes; those of the first one are none."""
    rows = page_of_versions(provider.tenant_id, provider.id, before, limit + 1)
    return [_shown(row, older) for row, older in zip(rows, [*rows[1:], None], strict=True)][:limit]


def version_of(provider: ManagedProvider, number: int) -> Version:
    """One version.

    Raises:
        NotFound: there is none of this number.
    """
    found = versions_of(provider, number + 1, 1)
    if not found or found[0].row.number != number:
        raise NotFound("no such version")
    return found[0]


def optional_reason(text: str | None) -> str | None:
    """A reason as it is kept; none where only blanks were given.

    Raises:
        FieldsInvalid: it is too long.
    """
    words = (text or "").strip()
    if len(words) > MAX_REASON:
        raise FieldsInvalid("reason", errors={"reason": [f"At most {MAX_REASON} characters."]})
    return words or None


def _shown(row: VersionRow, older: VersionRow | None) -> Version:
    settings = settings_from_document(row.settings)
    changes = changes_between(settings_from_document(older.settings), settings) if older else {}
    return Version(row, settings, changes)


def _values(settings: SAMLSettings, origin: str, actor: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "origin": origin,
        "settings": settings.to_document(),
        "fingerprint": fingerprint_of(settings),
        "created_at": now,
        "created_by": actor,
        "changed_at": now,
        "changed_by": actor,
        "in_force_at": now,
        "in_force_by": actor,
    }
