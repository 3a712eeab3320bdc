"""Flow: what a fetch found is put into force, kept waiting or told as a failure; by whoever holds the claim, and nobody else.

A copy that has not changed costs one statement, and no tenant's row is touched. The last good copy stays in force whatever
fails; an outage is told once, when it begins, when its cause changes and when it ends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from config.database import transaction
from config.logs import metadata_log
from config.metrics import METADATA_SYNCS
from config.properties.records import property_value
from tenants.audit import EventType, record
from tenants.errors import Refusal
from tenants.idp_records import ManagedProvider, change_provider, find_provider_by_id
from tenants.metadata_errors import MetadataOutOfDate
from tenants.metadata_history import taking as history
from tenants.metadata_intake import ReadMetadata, Unchanged
from tenants.refresh.records import ClaimedSync, SyncReason, SyncResult, finish_sync
from tenants.refresh.schedule import SYNC_HOURS, Pace, due_after_success, retry_after
from tenants.tenant_records import ManagedTenant, bump_version

SYNC_ACTOR = "sync"
MAX_CAUSE = 500
MAX_STAGE = 10
_chance = SystemRandom()


@dataclass(frozen=True, slots=True)
class Fetch:
    """A claimed fetch with all that it takes, so that it needs no database while it lasts."""

    sync: ClaimedSync
    provider: ManagedProvider
    tenant: ManagedTenant
    sha256: str | None


class _Overtaken(Exception):
    """The claim has passed on."""


def take(fetch: Fetch, found: ReadMetadata | Unchanged | Refusal, now: dt.datetime) -> SyncResult | None:
    """Keep what was found, in transactions of its own; None where the claim had passed to another worker."""
    try:
        result = _take(fetch, found, now)
    except Refusal as refusal:
        result = _take_failure(fetch, refusal, now)
    except _Overtaken:
        result = None
    if result is None:
        metadata_log.warning("sync_overtaken", tenant_id=fetch.provider.tenant_id, idp=fetch.provider.name)
    return result


def scheduled_columns(provider_hours: int | None, document: Mapping[str, Any], now: dt.datetime) -> dict[str, Any]:
    """The columns that say when to come again after a good fetch, which ends any row of failures."""
    due = due_after_success(pace_of(provider_hours, document), now, _chance.random())
    return {
        "last_sync_at": now,
        "last_sync_code": None,
        "last_sync_stage": None,
        "last_sync_cause": None,
        "sync_failures": 0,
        "fresh_from": due.fresh_from,
        "sync_due_at": due.due_at,
    }


def pace_of(provider_hours: int | None, document: Mapping[str, Any]) -> Pace:
    """What sets the pace, from an identity provider's own interval and the stored form of its metadata."""
    valid_until = document["valid_until"]
    return Pace(
        property_value(SYNC_HOURS),
        provider_hours,
        document["cache_duration_seconds"],
        dt.datetime.fromisoformat(valid_until) if valid_until else None,
    )


def _take(fetch: Fetch, found: ReadMetadata | Unchanged | Refusal, now: dt.datetime) -> SyncResult | None:
    if isinstance(found, Refusal):
        return _take_failure(fetch, found, now)
    if isinstance(found, ReadMetadata):
        return _take_copy(fetch, found, now)
    valid_until = fetch.provider.metadata_document["valid_until"]
    if valid_until and dt.datetime.fromisoformat(valid_until) <= now:
        return _take_failure(fetch, MetadataOutOfDate(f"validUntil was {valid_until}", valid_until=valid_until), now)
    return _take_unchanged(fetch, found, now)


def _take_unchanged(fetch: Fetch, found: Unchanged, now: dt.datetime) -> SyncResult | None:
    provider = fetch.provider
    values = scheduled_columns(provider.sync_hours, provider.metadata_document, now)
    values |= {"last_success_at": now, "last_sync_result": SyncResult.OK.value, "pending": None}
    with transaction():
        if not finish_sync(fetch.sync, values | {"etag": found.etag, "last_modified": found.last_modified}):
            return None
        history.supersede_pending(provider, SYNC_ACTOR, now)
        if _is_worth_an_event(fetch):
            _record_fetched(fetch, now, changed=False)
    return _counted(fetch, SyncResult.OK)


def _take_copy(fetch: Fetch, read: ReadMetadata, now: dt.datetime) -> SyncResult | None:
    """Put a fetched copy into force, unless somebody has to look at it first, or has refused it (M6)."""
    provider = fetch.provider
    with transaction():
        bump_version(provider.tenant_id)
        if not finish_sync(fetch.sync, {}) or find_provider_by_id(provider.tenant_id, provider.id) is None:
            raise _Overtaken  # nothing is left behind, the new version of the tenant neither
        taken = history.take(provider, read, actor=SYNC_ACTOR, now=now)
        result = SyncResult.PENDING if taken.waits else SyncResult.OK
        document = taken.values.get("metadata_document", provider.metadata_document)
        values = scheduled_columns(provider.sync_hours, document, now) | {"last_sync_code": taken.code}
        if not taken.waits:
            values["last_success_at"] = now
        change_provider(provider.tenant_id, provider.id, {**values, "last_sync_result": result.value, **taken.values})
        if not taken.waits:
            _record_fetched(fetch, now, changed=taken.changed)
        elif taken.newly and taken.code:
            _record_failed(fetch, taken.code, now)
    return _counted(fetch, result, taken.code)


def _take_failure(fetch: Fetch, refusal: Refusal, now: dt.datetime) -> SyncResult | None:
    provider = fetch.provider
    # Strangers' responses do not make it wait longer for the next try of its own.
    failures = provider.sync_failures + (fetch.sync.reason is not SyncReason.UNKNOWN_KEY or provider.sync_failures == 0)
    valid_until = provider.metadata_document["valid_until"]
    expired = bool(valid_until) and dt.datetime.fromisoformat(valid_until) <= now
    stage = str(refusal.detail.get("stage") or "")[:MAX_STAGE] or None
    values = {
        "last_sync_at": now,
        "last_sync_result": SyncResult.FAILED.value,
        "last_sync_code": refusal.code,
        "last_sync_stage": stage,
        "last_sync_cause": (refusal.cause or refusal.sentence).replace("\x00", "")[:MAX_CAUSE],
        "sync_failures": failures,
        "sync_due_at": now + retry_after(failures, _chance.random(), expired=expired),
    }
    told = (provider.last_sync_code, provider.last_sync_stage) if provider.sync_failures else None
    with transaction():
        if not finish_sync(fetch.sync, values):
            return None
        if fetch.sync.reason is SyncReason.ASKED or told != (refusal.code, stage):
            _record_failed(fetch, refusal.code, now, cause=refusal.cause, **({"stage": stage} if stage else {}))
    return _counted(fetch, SyncResult.FAILED, refusal.code, stage)


def _is_worth_an_event(fetch: Fetch) -> bool:
    """A schedule that finds nothing new is in the metrics, and not in the audit for ever."""
    provider = fetch.provider
    return fetch.sync.reason is not SyncReason.SCHEDULE or provider.sync_failures > 0 or provider.pending is not None


def _record_fetched(fetch: Fetch, now: dt.datetime, *, changed: bool) -> None:
    provider = fetch.provider
    detail: dict[str, Any] = {"idp": provider.name, "changed": changed, "why": fetch.sync.reason.value}
    if provider.sync_failures:
        detail["failures_before"] = provider.sync_failures
    record(provider.tenant_id, EventType.METADATA_FETCHED, at=now, actor=SYNC_ACTOR, **detail)


def _record_failed(fetch: Fetch, code: str, now: dt.datetime, **detail: Any) -> None:
    provider = fetch.provider
    facts = {"idp": provider.name, "why": fetch.sync.reason.value, **detail}
    record(provider.tenant_id, EventType.METADATA_FAILED, at=now, actor=SYNC_ACTOR, reason=code, **facts)


def _counted(fetch: Fetch, result: SyncResult, code: str | None = None, stage: str | None = None) -> SyncResult:
    METADATA_SYNCS.labels(result.value, code or "", stage or "").inc()
    provider = fetch.provider
    metadata_log.info("sync", tenant_id=provider.tenant_id, idp=provider.name, result=result.value, code=code, stage=stage)
    return result
