"""Flows: a draft of SAML settings is edited, compared, thrown away, and promoted once it has passed its test (A3).

An identity provider has one draft at most. It holds nothing that a sign-in is judged by, until it is promoted. The second
of two people who edit it is refused with what the first one changed; no edit is ever lost without a word.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenants.audit import EventType, record
from tenants.draft_errors import DraftMissing, DraftWithoutChange
from tenants.draft_proof import changed_since_test, reason_of, require_promotable
from tenants.draft_rows import remove_row, require_row, require_seen, save_row
from tenants.errors import NotFound
from tenants.idp_records import ManagedProvider
from tenants.providers import require_provider
from tenants.saml_settings import SAMLSettings
from tenants.settings_changes import Change, carried_over, changes_between, patched
from tenants.settings_documents import settings_from_document
from tenants.settings_versions import put_in_force, restore_version
from tenants.tenant_records import ManagedTenant, bump_version
from tenants.version_records import (
    VersionRow,
    find_draft,
    find_in_force,
    find_version,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft beside what is in force.

    `outdated`: other settings came into force since it was begun. `changed_since_test`: what a test of exactly these settings
    passed with, and is another one by now (tenants.trust_marks); the test does not count any more where anything is.
    """

    row: VersionRow
    settings: SAMLSettings
    changes: Mapping[str, Change]
    outdated: bool
    changed_since_test: tuple[str, ...]

    @property
    def tested(self) -> bool:
        """Whether a test of exactly these settings has passed, with metadata and keys as they are now."""
        return self.row.tested and not self.changed_since_test


def draft_of(provider: ManagedProvider) -> Draft | None:
    """The draft of an identity provider's settings."""
    row = find_draft(provider.tenant_id, provider.id)
    if row is None:
        return None
    settings, present = settings_from_document(row.settings), find_in_force(provider.tenant_id, provider.id)
    changes = changes_between(settings_from_document(provider.settings), settings)
    outdated = present is not None and present.number != row.base
    return Draft(row, settings, changes, outdated, changed_since_test(provider, row))


def require_draft(tenant_id: int, name: str) -> Draft:
    """The draft of the identity provider of this name.

    Raises:
        NotFound: there is no such identity provider. DraftMissing.
    """
    draft = draft_of(require_provider(tenant_id, name))
    if draft is None:
        raise DraftMissing(name)
    return draft


def save_draft(
    tenant: ManagedTenant,
    name: str,
    patch: Mapping[str, Any],
    *,
    revision: int | None = None,
    actor: str,
    now: dt.datetime,
) -> Draft:
    """Change the settings that `patch` names, in the draft; the first edit begins one from what is in force.

    Args:
        revision: of the draft that whoever edits has seen, 0 where there was none; None edits whatever is there.

    Raises:
        NotFound. SettingsInvalid: with a sentence for each field. DraftChanged: somebody else edited meanwhile.
    """
    provider = require_provider(tenant.id, name)
    row = find_draft(tenant.id, provider.id)
    require_seen(provider, row, revision)
    before = settings_from_document(row.settings if row else provider.settings)
    settings = patched(before, patch)
    changes = changes_between(before, settings)
    if changes:
        save_row(provider, row, settings, changes, actor, now)
        detail: dict[str, Any] = {"idp": name, "changes": changes}
        record(tenant.id, EventType.SAML_SETTINGS_DRAFT_SAVED, at=now, actor=actor, **detail)
    elif row is None:
        raise DraftWithoutChange("no change, no draft")
    return require_draft(tenant.id, name)


def rebase_draft(tenant: ManagedTenant, name: str, *, revision: int | None = None, actor: str, now: dt.datetime) -> Draft:
    """Bring a draft up to date: what it changed stays, everything else is as it is in force now. It is to be tested again.

    Raises:
        NotFound, DraftMissing, DraftChanged. SettingsInvalid: the changes do not go together with what is in force.
    """
    provider = require_provider(tenant.id, name)
    row = require_row(provider, revision)
    base = find_version(tenant.id, provider.id, row.base) if row.base is not None else None
    before, present = settings_from_document(row.settings), settings_from_document(provider.settings)
    begun_from = settings_from_document(base.settings) if base else present
    settings = carried_over(begun_from, before, present)
    changes = changes_between(before, settings)
    in_force = find_in_force(tenant.id, provider.id)
    save_row(provider, row, settings, changes, actor, now, base=in_force.number if in_force else None)
    detail: dict[str, Any] = {"idp": name, "changes": changes, "rebased": True}
    record(tenant.id, EventType.SAML_SETTINGS_DRAFT_SAVED, at=now, actor=actor, **detail)
    return require_draft(tenant.id, name)


def discard_draft(tenant: ManagedTenant, name: str, *, revision: int | None = None, actor: str, now: dt.datetime) -> None:
    """Throw the draft away; the audit keeps what it would have changed.

    Raises:
        NotFound, DraftMissing, DraftChanged.
    """
    provider = require_provider(tenant.id, name)
    row = require_row(provider, revision)
    remove_row(provider, row)
    changes = changes_between(settings_from_document(provider.settings), settings_from_document(row.settings))
    detail: dict[str, Any] = {"idp": name, "changes": changes}
    record(tenant.id, EventType.SAML_SETTINGS_DRAFT_DISCARDED, at=now, actor=actor, **detail)


def promote_draft(
    tenant: ManagedTenant,
    name: str,
    *,
    reason: str | None = None,
    revision: int | None = None,
    actor: str,
    now: dt.datetime,
) -> SAMLSettings:
    """Put the draft in force: after a test that passed with these very settings, metadata and keys, or for a kept reason.

    Raises:
        NotFound, DraftMissing, DraftChanged, DraftWithoutChange.
        DraftUntested, DraftTestOutdated, DraftOutdated: without a reason.
        FieldsInvalid: the reason says too little.
    """
    bump_version(tenant.id)
    provider = require_provider(tenant.id, name)
    row = require_row(provider, revision)
    before, settings = settings_from_document(provider.settings), settings_from_document(row.settings)
    changes = changes_between(before, settings)
    if not changes:
        raise DraftWithoutChange(name)
    why = reason_of(reason)
    if why is None:
        require_promotable(provider, row)
    tested = row.tested and not changed_since_test(provider, row)
    remove_row(provider, row)
    version = put_in_force(
        provider,
        settings,
        "promoted" if why is None else "forced",
        actor=actor,
        now=now,
        reason=why,
        tested_at=row.tested_at if tested else None,
        tested_fingerprint=row.tested_fingerprint if tested else None,
        tested_with=row.tested_with if tested else None,
        trial_id=row.trial_id,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )
    detail: dict[str, Any] = {"idp": name, "version": version, "forced": why is not None, "why": why, "changes": changes}
    record(tenant.id, EventType.SAML_SETTINGS_PROMOTED, at=now, actor=actor, **detail)
    return settings


def go_back(
    tenant: ManagedTenant, name: str, number: int, *, reason: str | None = None, actor: str, now: dt.datetime
) -> SAMLSettings:
    """Put a former version's settings in force again; a draft stays, and is out of date.

    Raises:
        NotFound: no such identity provider or version. VersionInForce, SettingsInvalid, FieldsInvalid.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    return restore_version(require_provider(tenant.id, name), number, reason=reason, actor=actor, now=now)
