"""Records and refusals of drafts: saved, taken away, and held to the revision that whoever edits has seen (A3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from tenants.draft_errors import DraftChanged, DraftMissing
from tenants.idp_records import ManagedProvider
from tenants.saml_settings import SAMLSettings
from tenants.settings_changes import Change, changes_between, fingerprint_of, summed
from tenants.settings_documents import settings_from_document
from tenants.version_records import VersionRow, add_draft, change_draft, find_draft, find_in_force, remove_draft

MAX_EDITS = 100
"""Edits of one draft that are remembered; whoever knows an older revision is shown all that the draft changes."""


def save_row(
    provider: ManagedProvider,
    row: VersionRow | None,
    settings: SAMLSettings,
    changes: Mapping[str, Change],
    actor: str,
    now: dt.datetime,
    **more: Any,
) -> None:
    """Save settings as a new revision of the draft, or begin one; whoever was faster is told of."""
    values: dict[str, Any] = {"settings": settings.to_document(), "fingerprint": fingerprint_of(settings), **more}
    values |= {"changed_at": now, "changed_by": actor}
    if row is not None:
        edit = {"revision": row.revision + 1, "by": actor, "at": now.isoformat(), "changes": dict(changes)}
        if not change_draft(row, {**values, "edits": [*row.edits, edit][-MAX_EDITS:]}):
            _refuse_as_changed(provider, row.revision)
        return
    present = find_in_force(provider.tenant_id, provider.id)
    edit = {"revision": 1, "by": actor, "at": now.isoformat(), "changes": dict(changes)}
    values |= {"base": present.number if present else None, "created_at": now, "created_by": actor, "edits": [edit]}
    if not add_draft(provider.tenant_id, provider.id, values):
        _refuse_as_changed(provider, 0)


def remove_row(provider: ManagedProvider, row: VersionRow) -> None:
    """Take the draft away, in the revision that was read."""
    if not remove_draft(row):
        _refuse_as_changed(provider, row.revision)


def require_row(provider: ManagedProvider, revision: int | None) -> VersionRow:
    """The draft that there is, in the revision that whoever edits has seen."""
    row = find_draft(provider.tenant_id, provider.id)
    require_seen(provider, row, revision)
    if row is None:
        raise DraftMissing(provider.name)
    return row


def require_seen(provider: ManagedProvider, row: VersionRow | None, revision: int | None) -> None:
    """Whoever says which revision they saw is held to it."""
    if revision is not None and revision != (row.revision if row else 0):
        _refuse_as_changed(provider, revision)


def _refuse_as_changed(provider: ManagedProvider, known: int) -> None:
    """Refuse with what changed since the revision that was known.

    Raises:
        DraftChanged
    """
    row = find_draft(provider.tenant_id, provider.id)
    if row is None:
        raise DraftChanged("the draft is gone", revision=0, changed_by=None, changed_at=None, changes={})
    missed = [edit for edit in row.edits if edit["revision"] > known]
    complete = known > 0 and len(missed) == row.revision - known
    changes = summed([edit["changes"] for edit in missed]) if complete or known == 0 else {}
    if not complete and known != 0:
        changes = changes_between(settings_from_document(provider.settings), settings_from_document(row.settings))
    seen = {"revision": row.revision, "changed_by": row.changed_by, "changed_at": row.changed_at.isoformat()}
    raise DraftChanged(f"{known} instead of {row.revision}", **seen, changes=changes)
