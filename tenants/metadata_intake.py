"""Flow: metadata comes from its source and is judged against what is connected now (M1, M5, M6).

Reading comes before any transaction. The entity ID is pinned: another one is taken only by somebody who names it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from config.settings import Settings
from tenants.idp_metadata import metadata_to_document, read_idp_metadata
from tenants.idp_records import ManagedProvider
from tenants.metadata_errors import EntityChoiceRequired, EntityIDChanged, EntityNotFound
from tenants.metadata_source import FetchedMetadata, fetch_metadata, read_metadata_file
from tenants.service_provider import service_provider_of
from tenants.tenant_records import ManagedTenant
from tenants.trust import IdPMetadata

ENDPOINT_HOST_CHANGED = "endpoint_host_changed"


class SourceKind(StrEnum):
    """Where metadata comes from (M1)."""

    XML = "xml"
    URL = "url"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """`value` is the document itself, a URL, or a path below METADATA_DIRECTORY."""

    kind: SourceKind
    value: str


@dataclass(frozen=True, slots=True)
class ReadMetadata:
    """Metadata that was read and can be relied on, as it came and as what it says."""

    source: MetadataSource
    xml: bytes
    metadata: IdPMetadata
    etag: str | None = None
    last_modified: str | None = None


def read_source(
    source: MetadataSource,
    tenant: ManagedTenant,
    settings: Settings,
    now: dt.datetime,
    *,
    pinned: str | None,
    chosen: str | None,
) -> ReadMetadata:
    """Read metadata from where it is said to be; slow, and before any transaction.

    Args:
        pinned: the entity ID that is connected now, if there is one.
        chosen: the entity ID that the caller names; the only way from the pinned one to another.

    Raises:
        MetadataRefused: with the code that says what is wrong; EntityIDChanged where it is not the pinned one.
    """
    own = service_provider_of(tenant.origin).entity_id
    if source.kind is SourceKind.URL:
        fetched = fetch_metadata(source.value, settings=settings)
        xml = fetched.body or b""
        metadata = _read_pinned(xml, now, pinned, chosen, own)
        return ReadMetadata(source, xml, metadata, fetched.etag, fetched.last_modified)
    if source.kind is SourceKind.PATH:
        xml = read_metadata_file(source.value, settings)
        return ReadMetadata(source, xml, _read_pinned(xml, now, pinned, chosen, own))
    metadata = _read_pinned(source.value, now, pinned, chosen, own)
    return ReadMetadata(source, source.value.encode("utf-8", "replace"), metadata)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The source still gives the document in force; what to ask with the next time."""

    etag: str | None
    last_modified: str | None


def refetch(
    provider: ManagedProvider, tenant: ManagedTenant, settings: Settings, now: dt.datetime, *, sha256: str | None
) -> ReadMetadata | Unchanged:
    """What its source gives now, whatever the entity ID; slow, without the database, and for any thread.

    Args:
        sha256: of the document in force. The same octets are not read again, also from a server that knows no validators;
            so whoever changes what documents are judged by gives None.

    Raises:
        MetadataRefused: with the code that says what is wrong.
    """
    if provider.metadata_path is not None:
        source = MetadataSource(SourceKind.PATH, provider.metadata_path)
        fetched = FetchedMetadata(read_metadata_file(source.value, settings), None, None, False, source.value)
    else:
        source = MetadataSource(SourceKind.URL, provider.metadata_url or "")
        etag, last_modified = (provider.etag, provider.last_modified) if sha256 else (None, None)
        fetched = fetch_metadata(source.value, settings=settings, etag=etag, last_modified=last_modified)
    if fetched.not_modified or fetched.body is None:
        return Unchanged(fetched.etag or provider.etag, fetched.last_modified or provider.last_modified)
    if hashlib.sha256(fetched.body).hexdigest() == sha256:
        return Unchanged(fetched.etag, fetched.last_modified)
    metadata = _read_either(fetched.body, now, provider.entity_id, service_provider_of(tenant.origin).entity_id)
    return ReadMetadata(source, fetched.body, metadata, fetched.etag, fetched.last_modified)


def columns_of(read: ReadMetadata) -> dict[str, Any]:
    """The columns of an identity provider that hold accepted metadata."""
    return {
        "entity_id": read.metadata.entity_id,
        "metadata_document": metadata_to_document(read.metadata),
        "certificate_ends_at": max((item.not_after for item in read.metadata.signing_certificates), default=None),
        "etag": read.etag,
        "last_modified": read.last_modified,
    }


def source_columns(source: MetadataSource) -> Mapping[str, str | None]:
    """The columns that say where metadata comes from."""
    return {
        "metadata_url": source.value if source.kind is SourceKind.URL else None,
        "metadata_path": source.value if source.kind is SourceKind.PATH else None,
    }


def pending_of(present: IdPMetadata, found: IdPMetadata, now: dt.datetime) -> dict[str, Any] | None:
    """What a changed entity ID or a new endpoint host looks like to whoever decides; None where neither is there.

    Such a change would send people, and then trust, somewhere else: it waits until an admin saves the source again (M6).
    """
    if found.entity_id != present.entity_id:
        code = EntityIDChanged.code
    elif not _hosts_of(found) <= _hosts_of(present):
        code = ENDPOINT_HOST_CHANGED
    else:
        return None
    return {
        "code": code,
        "at": now.isoformat(),
        "entity_id": found.entity_id,
        "sso": [{"binding": endpoint.binding, "location": endpoint.location} for endpoint in found.sso],
    }


def _hosts_of(metadata: IdPMetadata) -> set[str | None]:
    return {urlsplit(endpoint.location).hostname for endpoint in (*metadata.sso, *metadata.slo)}


def _read_pinned(xml: bytes | str, now: dt.datetime, pinned: str | None, chosen: str | None, own: str) -> IdPMetadata:
    if chosen is not None:
        return read_idp_metadata(xml, now, entity_id=chosen, own_entity_id=own)
    if pinned is None:
        return read_idp_metadata(xml, now, own_entity_id=own)
    metadata = _read_either(xml, now, pinned, own)
    if metadata.entity_id != pinned:
        raise EntityIDChanged(f"{metadata.entity_id} instead of {pinned}", entity_id=metadata.entity_id, expected=pinned)
    return metadata


def _read_either(xml: bytes | str, now: dt.datetime, pinned: str, own: str) -> IdPMetadata:
    """The pinned identity provider where the document has it; otherwise the only one that it has."""
    try:
        return read_idp_metadata(xml, now, entity_id=pinned, own_entity_id=own)
    except EntityNotFound as missing:
        try:
            return read_idp_metadata(xml, now, own_entity_id=own)
        except EntityChoiceRequired:
            raise missing from None
