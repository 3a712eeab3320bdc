"""Flow: the versions of an identity provider's metadata as they are shown, each with what it changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from tenants.errors import NotFound
from tenants.idp_metadata import metadata_from_document, read_idp_metadata
from tenants.idp_records import ManagedProvider
from tenants.metadata_errors import MetadataRefused
from tenants.metadata_history.changes import MetadataChange, changes_between
from tenants.metadata_history.records import VersionRow, find_version, page_of_versions, xml_of
from tenants.metadata_history.taking import CHANGE_REFUSED
from tenants.trust import IdPMetadata


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `metadata` and `changes` are None where it is too old to know them and cannot be read any more."""

    row: VersionRow
    metadata: IdPMetadata | None
    changes: Sequence[MetadataChange] | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class RefusedContent:
    """What the source still says, although somebody has refused it."""

    by: str
    at: dt.datetime


def refused_of(provider: ManagedProvider) -> RefusedContent | None:
    """Who refused what the source says, as far as its last fetch tells; None where it says what is in force or what waits."""
    kept = provider.metadata_held
    if not kept or kept["why"] != CHANGE_REFUSED or provider.pending:
        return None
    asked_since = provider.last_sync_at is not None and provider.last_sync_at > dt.datetime.fromisoformat(kept["at"])
    if asked_since and provider.last_sync_code != CHANGE_REFUSED:
        return None
    return RefusedContent(kept["by"], dt.datetime.fromisoformat(kept["at"]))


def versions_of(provider: ManagedProvider, before: int | None, limit: int) -> list[Version]:
    """Versions, newest first, each with what it changed in what was in force before."""
    rows = page_of_versions(provider.tenant_id, provider.id, before, limit + 1)
    known = {row.number: metadata_of(row, provider) for row in rows}
    return [_shown(row, provider, known) for row in rows[:limit]]


def version_of(provider: ManagedProvider, number: int) -> Version:
    """One version.

    Raises:
        NotFound: there is none of this number.
    """
    row = find_version(provider.tenant_id, provider.id, number)
    if row is None:
        raise NotFound("no such version")
    return _shown(row, provider, {number: metadata_of(row, provider)})


def version_xml(provider: ManagedProvider, row: VersionRow) -> bytes:
    """A version as it came."""
    return xml_of(provider.tenant_id, provider.id, row.id)


def metadata_of(row: VersionRow, provider: ManagedProvider) -> IdPMetadata | None:
    """What a version says. Rows that are older than the column for it are read again, as they were then."""
    if row.document:
        return metadata_from_document(row.document)
    try:
        return read_idp_metadata(version_xml(provider, row), row.created_at, entity_id=provider.entity_id)
    except MetadataRefused:
        return None


def _shown(row: VersionRow, provider: ManagedProvider, known: dict[int | None, IdPMetadata | None]) -> Version:
    metadata = known[row.number]
    base = row.base if row.base is not None else (row.number or 1) - 1
    if base not in known:
        earlier = find_version(provider.tenant_id, provider.id, base)
        known[base] = metadata_of(earlier, provider) if earlier else None
    before = known[base]
    changes = changes_between(before, metadata) if before and metadata else None
    return Version(row, metadata, changes, row.id == provider.metadata_version_id)
