"""Flow: an identity provider is connected or changed, from its source to its row, for API, console and command line alike.

A federation's list is too much for the memory of a web worker: its reading is queued for `vestibule worker`, which saves it,
and whoever asked waits for that as long as a request may take.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from config.clocks.records import worker_is_alive
from config.database import transaction
from config.settings import Settings
from tenants.administration import require_name
from tenants.idp_records import ManagedProvider, find_provider
from tenants.metadata_errors import MetadataRefused, ReadingGoesOn, WorkerMissing, refusal_of
from tenants.metadata_intake import MetadataSource, ReadMetadata, SourceKind, read_source
from tenants.metadata_models import DONE, TURNED_DOWN
from tenants.metadata_signature import read_signer
from tenants.providers import (
    ProviderDraft,
    record_refused_metadata,
    require_provider,
    require_provider_name,
    require_seen,
    save_provider,
)
from tenants.reading_records import add_reading, find_reading, withdraw_reading
from tenants.tenant_records import ManagedTenant, bump_version

WAIT_SECONDS = 9.0
"""Of the 10 s that a request may take; the rest is for what comes before and after."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """What somebody asks for. `enabled` None: as it is, and a new one is; `chosen_entity_id` None: none was named.

    `signer_pem` None: as it is; "": metadata needs no signature. `allow_aggregate` None: as it is. `version`: of what they have
    seen.
    """

    name: str
    display_name: str
    source: MetadataSource
    enabled: bool | None = None
    chosen_entity_id: str | None = None
    signer_pem: str | None = None
    allow_aggregate: bool | None = None
    version: str | None = None

    def to_document(self) -> dict[str, Any]:
        """For a reading that is queued."""
        document = {name: getattr(self, name) for name in _PLAIN}
        return document | {"kind": self.source.kind.value, "value": self.source.value}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> ProviderRequest:
        """As it was queued."""
        source = MetadataSource(SourceKind(document["kind"]), document["value"])
        return cls(source=source, **{name: document[name] for name in _PLAIN if name in document})


_PLAIN = ("name", "display_name", "enabled", "chosen_entity_id", "signer_pem", "allow_aggregate", "version")


def connect(
    tenant: ManagedTenant,
    wanted: ProviderRequest,
    settings: Settings,
    *,
    actor: str,
    now: dt.datetime,
    in_web: bool = True,
) -> tuple[ManagedProvider, bool]:
    """Read the metadata outside of any transaction, then save; what was refused is kept on record and changes nothing.

    Args:
        in_web: this process answers requests, so that a federation's list is read elsewhere.

    Returns:
        The identity provider as it is now, and whether it is new.

    Raises:
        NameInvalid, FieldsInvalid, MetadataRefused, EntityIDTaken, ProviderChanged, NotFound.
        WorkerMissing: nobody is there to read a list; nothing was changed. ReadingGoesOn: it takes longer than a request.
    """
    present = find_provider(tenant.id, require_provider_name(wanted.name))
    require_seen(present, wanted.version)
    if in_web and _is_list(wanted, present):
        return _connect_elsewhere(tenant, wanted, actor=actor, now=now)
    read = read_for(tenant, wanted, present, settings, actor=actor, now=now, in_web=in_web)
    with transaction():
        return save_provider(tenant, draft_of(wanted, read, enabled_of(wanted, present)), actor=actor, now=now)


def read_for(
    tenant: ManagedTenant,
    wanted: ProviderRequest,
    present: ManagedProvider | None,
    settings: Settings,
    *,
    actor: str,
    now: dt.datetime,
    in_web: bool = True,
) -> ReadMetadata:
    """Read the metadata, outside of any transaction; what is refused is kept on record.

    Raises:
        MetadataRefused
    """
    try:
        source = _source_of(wanted, present, in_web)
        pinned = present.entity_id if present else None
        return read_source(source, tenant, settings, now, pinned=pinned, chosen=wanted.chosen_entity_id)
    except MetadataRefused as refusal:
        with transaction():
            record_refused_metadata(tenant.id, wanted.name, refusal, actor=actor, now=now)
        raise


def draft_of(wanted: ProviderRequest, read: ReadMetadata, enabled: bool) -> ProviderDraft:
    """What is to be saved."""
    return ProviderDraft(wanted.name, wanted.display_name, enabled, read, wanted.chosen_entity_id, wanted.version)


def enabled_of(wanted: ProviderRequest, present: ManagedProvider | None) -> bool:
    """Whether it is to be on: as it is, and a new one is, unless somebody says so."""
    return wanted.enabled if wanted.enabled is not None else present is None or present.enabled


def _is_list(wanted: ProviderRequest, present: ManagedProvider | None) -> bool:
    allowed = wanted.allow_aggregate if wanted.allow_aggregate is not None else bool(present and present.allow_aggregate)
    return allowed and wanted.source.kind is not SourceKind.XML


def _source_of(wanted: ProviderRequest, present: ManagedProvider | None, in_web: bool) -> MetadataSource:
    """The source with what holds for it: what is asked for now, or what held before."""
    kept = present.metadata_signing_certificate if present else None
    pem = kept if wanted.signer_pem is None else wanted.signer_pem
    signer = read_signer(pem) if pem and pem.strip() else None
    return dataclasses.replace(wanted.source, signer=signer, aggregate=not in_web and _is_list(wanted, present))


def _connect_elsewhere(
    tenant: ManagedTenant, wanted: ProviderRequest, *, actor: str, now: dt.datetime
) -> tuple[ManagedProvider, bool]:
    """Queue the reading and wait. One that nobody took up in time is withdrawn, so that nothing happens afterwards."""
    require_name(wanted.display_name, "display_name")
    if wanted.signer_pem and wanted.signer_pem.strip():
        read_signer(wanted.signer_pem)
    if not worker_is_alive(now):
        raise WorkerMissing("no `vestibule worker` has been heard of for half a minute")
    ends = time.monotonic() + WAIT_SECONDS
    with transaction():
        bump_version(tenant.id)
        reading_id = add_reading(tenant.id, wanted.name, wanted.to_document(), actor=actor, now=now)
    while time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)
        reading = find_reading(tenant.id, reading_id)
        if reading is not None and reading.state == DONE:
            return require_provider(tenant.id, wanted.name), bool(reading.is_new)
        if reading is not None and reading.state == TURNED_DOWN:
            raise refusal_of(reading.code or "", reading.cause or "", reading.detail)
    with transaction():
        withdrawn = withdraw_reading(tenant.id, reading_id)
    if withdrawn:
        raise WorkerMissing("no `vestibule worker` took it up in time")
    raise ReadingGoesOn("the worker is at it", reading=reading_id)
