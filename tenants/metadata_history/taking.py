"""Flow: metadata comes into force, or waits for somebody; each version stays with who, when, from where (M6).

The caller has raised the tenant's version before: its row is then held, and two changes follow each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenants.idp_metadata import metadata_from_document, metadata_to_document
from tenants.idp_records import ManagedProvider
from tenants.metadata_history.changes import changes_between, documents_of, fingerprint_of, why_waits
from tenants.metadata_history.records import (
    VersionRow,
    add_accepted,
    add_pending,
    find_version_by_id,
    settle,
)
from tenants.metadata_intake import ReadMetadata, columns_of
from tenants.metadata_models import SUPERSEDED
from tenants.trust import IdPMetadata

CHANGE_REFUSED = "change_refused"
"""The source still says what somebody refused; nothing is asked again until it says something else."""
ROLLED_BACK = "rolled_back"
"""The source still says what somebody went back from; it comes back only if somebody approves of it."""
MAX_CHANGES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of fetched metadata: `code` None where it is in force; `values` are for the identity provider's row."""

    code: str | None
    waits: bool
    changed: bool
    newly: bool
    values: Mapping[str, Any] = field(default_factory=dict)


def take(provider: ManagedProvider, read: ReadMetadata, *, actor: str, now: dt.datetime) -> Taken:
    """Put fetched metadata into force, unless somebody has to look at it, or has looked at it already."""
    found = fingerprint_of(read.metadata)
    present_metadata = metadata_from_document(provider.metadata_document)
    code = _why_held(provider, found) or why_waits(present_metadata, read.metadata, protected=read.source.is_protected)
    if code == CHANGE_REFUSED:
        supersede_pending(provider, actor, now)
        return Taken(code, waits=False, changed=False, newly=False, values={"pending": None})
    if code is not None:
        return _wait(provider, read, code, found, actor, now)
    supersede_pending(provider, actor, now)
    version_id, is_new = keep_version(provider, read, actor=actor, now=now)
    present = fingerprint_of(present_metadata)
    held = provider.metadata_held if found == present else None  # still what it was: a decision about other content stays
    values = {"pending": None, "metadata_version_id": version_id, "metadata_held": held, **columns_of(read)}
    return Taken(None, waits=False, changed=is_new, newly=is_new, values=values)


def keep_version(provider: ManagedProvider, read: ReadMetadata, *, actor: str, now: dt.datetime) -> tuple[str, bool]:
    """Keep accepted metadata as a version, and tell its id and whether it is a new one."""
    present = find_version_by_id(provider.tenant_id, provider.id, provider.metadata_version_id)
    values = values_of(read, actor, now)
    if present is not None and present.sha256 == values["sha256"]:
        return present.id, False
    values["base"] = present.number if present else None
    version_id, _ = add_accepted(provider.tenant_id, provider.id, values)
    return version_id, True


def values_of(read: ReadMetadata, actor: str, now: dt.datetime) -> dict[str, Any]:
    """The columns of a version that follow from what was read."""
    return {
        "source": read.source.kind.value,
        "sha256": read.sha256,
        "xml": read.xml,
        "document": metadata_to_document(read.metadata),
        "created_at": now,
        "created_by": actor,
    }


def supersede_pending(provider: ManagedProvider, actor: str, now: dt.datetime) -> None:
    """What waited does so no more: something else came."""
    waiting = pending_version(provider)
    if waiting is not None:
        settle(waiting, SUPERSEDED, {"decided_at": now, "decided_by": actor})


def pending_version(provider: ManagedProvider) -> VersionRow | None:
    """The version that waits for a decision."""
    version_id = provider.pending.get("version") if provider.pending else None
    return find_version_by_id(provider.tenant_id, provider.id, version_id)


def held(metadata: IdPMetadata, why: str, actor: str, now: dt.datetime) -> dict[str, str]:
    """What must not come into force by itself: content, whatever its validity, with who said so."""
    return {"fingerprint": fingerprint_of(metadata), "why": why, "by": actor, "at": now.isoformat()}


def _why_held(provider: ManagedProvider, found: str) -> str | None:
    kept = provider.metadata_held
    return kept["why"] if kept and kept["fingerprint"] == found else None


def _wait(
    provider: ManagedProvider, read: ReadMetadata, code: str, found: str, actor: str, now: dt.datetime
) -> Taken:
    """Keep it for somebody to decide; the same content as before goes on waiting as it was shown."""
    before = provider.pending
    if before and before.get("fingerprint") == found and before.get("code") == code:
        return Taken(code, waits=True, changed=False, newly=False)
    supersede_pending(provider, actor, now)
    version_id = add_pending(provider.tenant_id, provider.id, values_of(read, actor, now) | {"pending_code": code})
    changes = changes_between(metadata_from_document(provider.metadata_document), read.metadata)
    pending = {
        "code": code,
        "at": now.isoformat(),
        "entity_id": read.metadata.entity_id,
        "sso": [{"binding": endpoint.binding, "location": endpoint.location} for endpoint in read.metadata.sso],
        "version": version_id,
        "fingerprint": found,
        "changes": documents_of(changes[:MAX_CHANGES_SHOWN]),
    }
    return Taken(code, waits=True, changed=False, newly=True, values={"pending": pending})
