"""Flow: syncs of identity providers' metadata: asked for, claimed by one worker, fetched, taken or kept waiting (M2, M3, M6).

Fetching comes before any transaction. The last good copy stays in force whatever fails.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from config.database import transaction
from config.isolation import every_tenant
from config.logs import metadata_log
from config.settings import Settings
from tenants.audit import EventType, record
from tenants.errors import RateLimited
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import (
    SYNC_INTERVAL,
    DueSync,
    ManagedProvider,
    change_provider,
    claim_sync,
    find_provider_by_id,
    finish_sync,
    keep_version,
    request_sync,
    syncs_due,
)
from tenants.management_errors import NothingToFetch
from tenants.metadata_errors import MetadataRefused
from tenants.metadata_intake import ReadMetadata, SourceKind, columns_of, pending_of, refetch
from tenants.tenant_records import ManagedTenant, bump_version, find_managed_tenant_by_id

MAX_SYNCS_PER_RUN = 4
"""So that the last of a run is fetched while its claim still holds: 4 × 10 s < SYNC_LEASE."""
SYNC_ACTOR = "sync"


class SyncResult(StrEnum):
    """What a sync came to. Pending: something changed that somebody has to look at first (M6)."""

    OK = "ok"
    FAILED = "failed"
    PENDING = "pending"


def queue_sync(tenant: ManagedTenant, provider: ManagedProvider, now: dt.datetime) -> None:
    """Ask for a sync; the outcome is read in `last_sync`.

    Raises:
        NothingToFetch: its metadata does not come from a URL. RateLimited: one was asked for within the minute (M2).
    """
    if provider.metadata_url is None:
        raise NothingToFetch(provider.name)
    if not request_sync(tenant.id, provider.id, now):
        last = max(time for time in (provider.last_sync_at, provider.sync_requested_at, now - SYNC_INTERVAL) if time)
        wait = (last + SYNC_INTERVAL - now).total_seconds()
        raise RateLimited("not syncing at this moment: rate limited", retry_after=max(1, int(wait + 0.999)))


def run_due_syncs(settings: Settings, now: dt.datetime) -> int:
    """Fetch what waits in the queue, and tell how many that was; cheap when nothing waits."""
    with every_tenant():
        waiting = syncs_due(now, MAX_SYNCS_PER_RUN)
    return sum(run_sync(tenant_id, idp_id, settings, now) for tenant_id, idp_id in waiting)


def run_sync(tenant_id: int, idp_id: str, settings: Settings, now: dt.datetime) -> bool:
    """Fetch one that waits; False where another worker has it, so that each is fetched once (M3)."""
    with transaction():
        sync = claim_sync(tenant_id, idp_id, now)
    if sync is not None:
        _sync(sync, settings, now)
    return sync is not None


def _sync(sync: DueSync, settings: Settings, now: dt.datetime) -> None:
    tenant = find_managed_tenant_by_id(sync.tenant_id)
    provider = find_provider_by_id(sync.tenant_id, sync.idp_id)
    if tenant is None or provider is None or provider.metadata_url is None:
        with transaction():
            finish_sync(sync)
        return
    try:
        read = refetch(
            provider.metadata_url,
            provider.entity_id,
            tenant,
            settings,
            now,
            etag=provider.etag,
            last_modified=provider.last_modified,
        )
    except MetadataRefused as refusal:
        with transaction():
            if finish_sync(sync):
                _note_failure(provider, refusal, now)
        return
    with transaction():
        bump_version(sync.tenant_id)
        present = find_provider_by_id(sync.tenant_id, sync.idp_id)
        if finish_sync(sync) and present is not None and present.entity_id == provider.entity_id:
            _take(present, read, now)


def _take(provider: ManagedProvider, read: ReadMetadata | None, now: dt.datetime) -> None:
    """Put a fetched copy into force, unless somebody has to look at it first."""
    if read is None:
        _note(provider, SyncResult.OK, None, now)
        record(provider.tenant_id, EventType.METADATA_FETCHED, at=now, actor=SYNC_ACTOR, idp=provider.name, changed=False)
        return
    waiting = pending_of(metadata_from_document(provider.metadata_document), read.metadata, now)
    if waiting is not None:
        _note(provider, SyncResult.PENDING, waiting["code"], now, pending=waiting)
        record(
            provider.tenant_id, EventType.METADATA_FAILED, at=now, actor=SYNC_ACTOR, reason=waiting["code"], idp=provider.name
        )
        return
    version_id, is_new = keep_version(provider.tenant_id, provider.id, source=SourceKind.URL, xml=read.xml, now=now)
    _note(provider, SyncResult.OK, None, now, pending=None, metadata_version_id=version_id, **columns_of(read))
    record(provider.tenant_id, EventType.METADATA_FETCHED, at=now, actor=SYNC_ACTOR, idp=provider.name, changed=is_new)


def _note(provider: ManagedProvider, result: SyncResult, code: str | None, now: dt.datetime, **values: Any) -> None:
    outcome = {"last_sync_at": now, "last_sync_result": result.value, "last_sync_code": code}
    change_provider(provider.tenant_id, provider.id, outcome | values)
    metadata_log.info("sync", tenant_id=provider.tenant_id, idp=provider.name, result=result.value, code=code)


def _note_failure(provider: ManagedProvider, refusal: MetadataRefused, now: dt.datetime) -> None:
    _note(provider, SyncResult.FAILED, refusal.code, now)
    record(
        provider.tenant_id,
        EventType.METADATA_FAILED,
        at=now,
        actor=SYNC_ACTOR,
        reason=refusal.code,
        idp=provider.name,
        cause=refusal.cause,
    )
