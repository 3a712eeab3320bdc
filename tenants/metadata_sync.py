"""Flow: identity providers' metadata is fetched again, when it is due or when somebody asks (M2, M3, M7).

Each is claimed by one worker, fetched outside of any transaction, and finished only with the claim.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence

from config.database import DATABASE_ERRORS, transaction
from config.isolation import every_tenant
from config.logs import metadata_log
from config.properties.records import property_value
from config.settings import Settings
from tenants.errors import Refusal
from tenants.idp_records import ManagedProvider, find_provider_by_id
from tenants.management_errors import NothingToFetch, NotSyncing
from tenants.metadata_errors import MetadataInvalid, ReadingFailed
from tenants.metadata_intake import ReadMetadata, Unchanged, refetch
from tenants.refresh.records import (
    SYNC_INTERVAL,
    ClaimedSync,
    SyncReason,
    claim_syncs,
    finish_sync,
    request_sync,
    sha256_of_version,
    syncs_due,
)
from tenants.refresh.running import choose, crowding, run_side_by_side
from tenants.refresh.schedule import SYNC_HOURS
from tenants.refresh.taking import Fetch, take
from tenants.tenant_records import ManagedTenant, find_managed_tenant_by_id

FINISH_TRIES = 3
"""SQLite gives up on a lock after five seconds; what was fetched is not thrown away for that."""
LIST_LEASE = dt.timedelta(minutes=3)
"""A list may take a minute to fetch, and half of one to read."""


def queue_sync(tenant: ManagedTenant, provider: ManagedProvider, now: dt.datetime) -> None:
    """Ask for a sync; the outcome is read in `last_sync`.

    Raises:
        NothingToFetch: its metadata comes from nowhere that could be asked again.
        NotSyncing: one was asked for within the minute (M2); until when counts from there, whenever it ran.
    """
    if provider.metadata_url is None and provider.metadata_path is None:
        raise NothingToFetch(provider.name)
    if not request_sync(tenant.id, provider.id, now, SyncReason.ASKED):
        present = find_provider_by_id(tenant.id, provider.id) or provider
        may_at = (present.sync_asked_at or now) + SYNC_INTERVAL
        seconds = max(1, int((may_at - now).total_seconds() + 0.999))
        at = may_at.isoformat(timespec="seconds")
        raise NotSyncing(f"it may again in {seconds} seconds, at {at}", retry_after=seconds, may_at=at)


def run_due_syncs(settings: Settings, now: dt.datetime, *, ended: Callable[[], bool] = lambda: False) -> int:
    """Fetch all that is due, and tell how many that was; three looks at small indices where nothing is."""
    clock = _clock_from(now)
    return run_side_by_side(
        lambda free, flying: _claim_due(free, flying, clock()),
        lambda fetch: _fetch(fetch, settings, clock()),
        lambda fetch, found: _finish(fetch, found, clock()),
        ended=ended,
    )


def run_due_lists(settings: Settings, now: dt.datetime, *, ended: Callable[[], bool] = lambda: False) -> int:
    """The same for federations' lists, one after the other: each takes memory, so `vestibule worker` alone does it."""
    clock, count = _clock_from(now), 0
    while not ended():
        service_hours = property_value(SYNC_HOURS)
        with every_tenant():
            chosen = choose(syncs_due(clock(), service_hours, (), lists=True), 1, ())
            if not chosen:
                break
            with transaction():
                claimed = claim_syncs(chosen, clock(), service_hours, lease=LIST_LEASE)
        for fetch in _fetches_of(claimed):
            _finish(fetch, _fetch(fetch, settings, clock()), clock())
            count += 1
    return count


def run_sync(tenant_id: int, idp_id: str, settings: Settings, now: dt.datetime) -> bool:
    """Fetch one that waits or is due, here and now; False where another worker has it, so that each is fetched once (M3)."""
    with every_tenant(), transaction():
        claimed = claim_syncs([(tenant_id, idp_id)], now, property_value(SYNC_HOURS))
    for fetch in _fetches_of(claimed):
        take(fetch, _fetch(fetch, settings, now), now)
    return bool(claimed)


def _claim_due(free: int, flying: Sequence[Fetch], now: dt.datetime) -> list[Fetch] | None:
    service_hours = property_value(SYNC_HOURS)  # each time: a changed interval holds for whatever is claimed next
    with every_tenant():
        chosen = choose(syncs_due(now, service_hours, crowding(flying)), free, flying)
        if not chosen:
            return None
        with transaction():
            claimed = claim_syncs(chosen, now, service_hours)
    return _fetches_of(claimed)


def _fetches_of(claimed: Sequence[ClaimedSync]) -> list[Fetch]:
    """Claims with what it takes to make them; one whose tenant has just gone is given back."""
    fetches = []
    for sync in claimed:
        tenant = find_managed_tenant_by_id(sync.tenant_id)
        provider = find_provider_by_id(sync.tenant_id, sync.idp_id)
        if tenant is None or provider is None:
            with transaction():
                finish_sync(sync, {})
            continue
        fetches.append(Fetch(sync, provider, tenant, sha256_of_version(sync.tenant_id, provider.metadata_version_id)))
    return fetches


def _fetch(fetch: Fetch, settings: Settings, now: dt.datetime) -> ReadMetadata | Unchanged | Refusal:
    """What the source gives, or why it gives nothing; in any thread, without the database."""
    if fetch.sync.deadly:  # a document that ends processes backs off like any other failure, and not by a lease
        return ReadingFailed("the processes that fetched it ended before it was done")
    try:
        return refetch(fetch.provider, fetch.tenant, settings, now, sha256=fetch.sha256)
    except Refusal as refusal:
        return refusal
    except Exception as error:
        # A document that breaks a library must not break the refresh of everybody else's.
        return _broken(fetch, error)


def _finish(fetch: Fetch, found: ReadMetadata | Unchanged | Refusal, now: dt.datetime) -> None:
    """Keep the result. It is lost where the database stays busy or gone, and fetched again when its lease has ended."""
    for left in reversed(range(FINISH_TRIES)):
        try:
            take(fetch, found, now)
            return
        except DATABASE_ERRORS as error:
            event = "sync_waits" if left else "sync_lost"
            metadata_log.warning(event, tenant_id=fetch.tenant.id, idp=fetch.provider.name, error=type(error).__name__)
        except Exception as error:
            # A copy that breaks the taking counts as a failure and backs off; or it would end this run every minute.
            found = _broken(fetch, error)


def _broken(fetch: Fetch, error: Exception) -> MetadataInvalid:
    metadata_log.error("sync_broken", tenant_id=fetch.tenant.id, idp=fetch.provider.name, exc_info=error)
    return MetadataInvalid(f"it cannot be read ({type(error).__name__})")


def _clock_from(now: dt.datetime) -> Callable[[], dt.datetime]:
    """Time that goes on from the moment at which a run began, however the machine's is set meanwhile."""
    began = time.monotonic()
    return lambda: now + dt.timedelta(seconds=time.monotonic() - began)
