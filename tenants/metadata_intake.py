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
from urllib.parse import quote

from config.settings import Settings
from tenants.idp_metadata import metadata_to_document, read_idp_metadata
from tenants.idp_records import ManagedProvider
from tenants.management_errors import FieldsInvalid
from tenants.metadata_aggregate import entity_document
from tenants.metadata_errors import (
    MAX_AGGREGATE_BYTES,
    MAX_METADATA_BYTES,
    EntityChoiceRequired,
    EntityIDChanged,
    EntityNotFound,
)
from tenants.metadata_signature import MetadataSigner, read_signer
from tenants.metadata_source import FETCH_SECONDS, fetch_metadata, metadata_file_state, read_metadata_file
from tenants.service_provider import service_provider_of
from tenants.tenant_records import ManagedTenant
from tenants.trust import IdPMetadata


class SourceKind(StrEnum):
    """Where metadata comes from (M1)."""

    XML = "xml"
    URL = "url"
    PATH = "path"
    MDQ = "mdq"


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """`value` is the document itself, a URL, a path below METADATA_DIRECTORY, or the base URL of a metadata query service.

    `signer`: whose signature it needs. `aggregate`: it may be a federation's list of up to 32 MiB, which only
    `vestibule worker` and commands read, never a web worker.
    """

    kind: SourceKind
    value: str
    signer: MetadataSigner | None = None
    aggregate: bool = False

    @property
    def is_protected(self) -> bool:
        """Whether nobody on the way can have changed what came. The first hop counts: a redirect by http leads anywhere."""
        fetched = self.kind in (SourceKind.URL, SourceKind.MDQ)
        return self.signer is not None or not fetched or self.value[:6].lower() == "https:"


@dataclass(frozen=True, slots=True)
class ReadMetadata:
    """Metadata that was read and can be relied on: as it came (of a federation's list, the one entity), and what it says.

    `etag` is the validator of the copy at hand: the server's, or a file's inode, time and size.
    """

    source: MetadataSource
    xml: bytes
    metadata: IdPMetadata
    etag: str | None = None
    last_modified: str | None = None

    @property
    def sha256(self) -> str:
        """Of what is kept."""
        return hashlib.sha256(self.xml).hexdigest()


def source_of(provider: ManagedProvider) -> MetadataSource | None:
    """Where a connected identity provider's metadata can be read again; None where it was given as a document."""
    signer = read_signer(provider.metadata_signing_certificate) if provider.metadata_signing_certificate else None
    for kind, value in (
        (SourceKind.MDQ, provider.metadata_mdq),
        (SourceKind.URL, provider.metadata_url),
        (SourceKind.PATH, provider.metadata_path),
    ):
        if value is not None:
            return MetadataSource(kind, value, signer, provider.allow_aggregate)
    return None


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
        FieldsInvalid: a query service is named without the entity ID to ask for.
    """
    octets, etag, last_modified = _octets_of(source, settings, chosen or pinned, whose=tenant.id)
    xml, signer = _entity_of(source, octets or b"", chosen or pinned)
    own = service_provider_of(tenant.origin).entity_id
    metadata = _read_pinned(xml, now, pinned, chosen, own, signer)
    kept = xml.encode("utf-8", "replace") if isinstance(xml, str) else xml
    return ReadMetadata(source, kept, metadata, etag, last_modified)


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
    source = source_of(provider)
    if source is None:
        return Unchanged(None, None)
    etag, last_modified = (provider.etag, provider.last_modified) if sha256 else (None, None)
    if source.kind is SourceKind.PATH and etag is not None and metadata_file_state(source.value, settings) == etag:
        return Unchanged(etag, None)
    octets, found_etag, found_modified = _octets_of(
        source, settings, provider.entity_id, etag=etag, last_modified=last_modified, whose=provider.tenant_id
    )
    if octets is None:
        return Unchanged(found_etag or provider.etag, found_modified or provider.last_modified)
    xml, signer = _entity_of(source, octets, provider.entity_id)
    kept = xml.encode("utf-8", "replace") if isinstance(xml, str) else xml
    if hashlib.sha256(kept).hexdigest() == sha256:
        return Unchanged(found_etag, found_modified)
    own = service_provider_of(tenant.origin).entity_id
    if source.kind is SourceKind.MDQ:  # it was asked for one entity, and another one is no answer
        metadata = read_idp_metadata(kept, now, entity_id=provider.entity_id, own_entity_id=own, signer=signer)
    else:
        metadata = _read_either(kept, now, provider.entity_id, own, signer)
    return ReadMetadata(source, kept, metadata, found_etag, found_modified)


def query_url(base: str, entity_id: str) -> str:
    """Where a metadata query service tells about one entity (Metadata Query Protocol 3.2.1)."""
    return f"{base.rstrip('/')}/entities/{quote(entity_id, safe='')}"


def columns_of(read: ReadMetadata) -> dict[str, Any]:
    """The columns of an identity provider that hold accepted metadata, and the validators of that copy."""
    return {**metadata_columns(read.metadata), "etag": read.etag, "last_modified": read.last_modified}


def metadata_columns(metadata: IdPMetadata) -> dict[str, Any]:
    """The columns of an identity provider that hold accepted metadata."""
    return {
        "entity_id": metadata.entity_id,
        "metadata_document": metadata_to_document(metadata),
        "certificate_ends_at": max((item.not_after for item in metadata.signing_certificates), default=None),
        "valid_until": metadata.valid_until,
    }


def source_columns(source: MetadataSource, entity_id: str) -> Mapping[str, Any]:
    """The columns that say where metadata comes from, and what is asked of it."""
    urls = {SourceKind.URL: source.value, SourceKind.MDQ: query_url(source.value, entity_id)}
    return {
        "metadata_url": urls.get(source.kind),
        "metadata_path": source.value if source.kind is SourceKind.PATH else None,
        "metadata_mdq": source.value if source.kind is SourceKind.MDQ else None,
        "metadata_signing_certificate": source.signer.pem if source.signer else None,
        "allow_aggregate": source.aggregate,
    }


AGGREGATE_SECONDS = 60.0
"""For fetching a list, redirects and all: it is done in a worker, for which nobody waits longer than a request."""


def _octets_of(
    source: MetadataSource,
    settings: Settings,
    entity_id: str | None,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    whose: int,
) -> tuple[bytes | str | None, str | None, str | None]:
    """What the source gives, with its validators; None where the server says that it is the copy at hand."""
    if source.kind is SourceKind.XML:
        return source.value, None, None
    most, seconds = (MAX_AGGREGATE_BYTES, AGGREGATE_SECONDS) if source.aggregate else (MAX_METADATA_BYTES, FETCH_SECONDS)
    if source.kind is SourceKind.PATH:
        file = read_metadata_file(source.value, settings, most)
        return file.octets, file.state, None
    url = source.value
    if source.kind is SourceKind.MDQ:
        if entity_id is None:
            raise FieldsInvalid("MDQ without entity ID", errors={"entity_id": ["A query service is asked for one entity."]})
        url = query_url(source.value, entity_id)
    fetched = fetch_metadata(
        url, settings=settings, etag=etag, last_modified=last_modified, max_bytes=most, seconds=seconds, whose=whose
    )
    return fetched.body, fetched.etag, fetched.last_modified


def _entity_of(
    source: MetadataSource, octets: bytes | str, entity_id: str | None
) -> tuple[bytes | str, MetadataSigner | None]:
    """What is to be read, and whose signature it still needs: of a list only the entity, judged already."""
    if source.aggregate and isinstance(octets, bytes):
        return entity_document(octets, entity_id, source.signer), None
    return octets, source.signer


def _read_pinned(
    xml: bytes | str, now: dt.datetime, pinned: str | None, chosen: str | None, own: str, signer: MetadataSigner | None
) -> IdPMetadata:
    if chosen is not None:
        return read_idp_metadata(xml, now, entity_id=chosen, own_entity_id=own, signer=signer)
    if pinned is None:
        return read_idp_metadata(xml, now, own_entity_id=own, signer=signer)
    metadata = _read_either(xml, now, pinned, own, signer)
    if metadata.entity_id != pinned:
        raise EntityIDChanged(f"{metadata.entity_id} instead of {pinned}", entity_id=metadata.entity_id, expected=pinned)
    return metadata


def _read_either(
    xml: bytes | str, now: dt.datetime, pinned: str, own: str, signer: MetadataSigner | None
) -> IdPMetadata:
    """The pinned identity provider where the document has it; otherwise the only one that it has."""
    try:
        return read_idp_metadata(xml, now, entity_id=pinned, own_entity_id=own, signer=signer)
    except EntityNotFound as missing:
        try:
            return read_idp_metadata(xml, now, own_entity_id=own, signer=signer)
        except EntityChoiceRequired:
            raise missing from None
