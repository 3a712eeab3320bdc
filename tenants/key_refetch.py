"""Flow: somebody signs in by a key that is not pinned, so the metadata is fetched again, once, within bounds (M7).

Whoever posts a forged response gets here, so everything is bounded: one fetch for an identity provider and minute, decided in
the database for all workers; none within a minute of any other fetch of it; few threads that wait, and fewer for one tenant;
everybody else is told at once. What was fetched is taken as by every sync: a change that has to be looked at waits.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.database import is_writing, transaction
from config.logs import metadata_log
from config.metrics import KEY_REFETCHES
from config.places import Places
from config.settings import Settings
from tenants.idp_metadata import metadata_from_document, public_keys_of
from tenants.idp_records import ManagedProvider, find_provider_by_id
from tenants.metadata_source import FETCH_SECONDS
from tenants.metadata_sync import run_sync
from tenants.refresh.records import SYNC_INTERVAL, SyncReason, SyncResult, request_sync
from tenants.trust import PublicKey

WAITING_AT_ONCE = 3
"""Threads of a process, of its eight, that may be held up by slow metadata servers; the others go on with sign-ins."""
WAITING_OF_TENANT = 2
"""So that a tenant with a slow server of its own leaves a place to others."""
LONGEST_WAIT = FETCH_SECONDS + 2
LOOK_SECONDS = 0.1

_places = Places(in_all=WAITING_AT_ONCE, for_each=WAITING_OF_TENANT)
_pause = threading.Event()
"""Never set: a wait that tests need not patch."""


class Outcome(StrEnum):
    """What became of it. Stable words: receipts and metrics hold them."""

    NEW_KEYS = "new_keys"
    NOTHING_NEW = "nothing_new"
    WAITS = "waits_for_approval"
    FAILED = "failed"
    WITHIN_MINUTE = "within_minute"
    BUSY = "busy"
    QUEUED = "queued"
    NO_SOURCE = "no_source"


_NOT_FETCHED = frozenset({Outcome.WITHIN_MINUTE, Outcome.BUSY, Outcome.NO_SOURCE})


@dataclass(frozen=True, slots=True)
class Refetch:
    """How many signing keys there are now that were not known, and why there are none. `code`: of a failure or a change."""

    outcome: Outcome
    new_keys: int = 0
    code: str | None = None


def refetch_for_key(
    tenant_id: int, idp_id: str, known: Sequence[PublicKey], settings: Settings, now: dt.datetime
) -> Refetch:
    """Have an identity provider's metadata fetched again because none of its known keys made a signature.

    Args:
        known: the signing keys that the message was judged by.

    Raises:
        RuntimeError: a transaction is open; nothing that waits for a server may hold one.
    """
    if is_writing():
        raise RuntimeError("a fetch inside a transaction")
    found = _refetch(tenant_id, idp_id, known, settings, now)
    KEY_REFETCHES.labels(found.outcome.value).inc()
    facts = {"outcome": found.outcome.value, "new": found.new_keys, "code": found.code}
    # A flood of strangers' responses is a line each already; another one only where something was fetched.
    tell = metadata_log.debug if found.outcome in _NOT_FETCHED else metadata_log.info
    tell("unknown_signing_key", tenant_id=tenant_id, idp_id=idp_id, **facts)
    return found


def _refetch(tenant_id: int, idp_id: str, known: Sequence[PublicKey], settings: Settings, now: dt.datetime) -> Refetch:
    provider = find_provider_by_id(tenant_id, idp_id)
    if provider is None or provider.metadata_url is None:
        return Refetch(Outcome.NO_SOURCE)
    if new := _new_keys(provider, known):  # another worker's fetch, or an administrator's: there is nothing left to do
        return Refetch(Outcome.NEW_KEYS, new)
    if not _under_way(provider) and not _may_ask(provider, now):
        return Refetch(Outcome.WITHIN_MINUTE)
    with _places.place(tenant_id) as free:
        if not free:
            return Refetch(Outcome.BUSY)
        if _may_ask(provider, now):
            with transaction():
                request_sync(tenant_id, idp_id, now, SyncReason.UNKNOWN_KEY)
        if provider.allow_aggregate:
            return Refetch(Outcome.QUEUED)  # a federation's list takes memory and a minute: not here, and nobody waits for it
        if not run_sync(tenant_id, idp_id, settings, now) and not _another_finishes(provider, now):
            return Refetch(Outcome.BUSY)
    return _outcome_of(find_provider_by_id(tenant_id, idp_id), known)


def _may_ask(provider: ManagedProvider, now: dt.datetime) -> bool:
    """Whether a minute has gone since this was last done, and since any other fetch; the database judges the first again."""
    dates = (provider.key_asked_at, provider.last_sync_at)
    return all(date is None or date <= now - SYNC_INTERVAL for date in dates)


def _under_way(provider: ManagedProvider) -> bool:
    """Whether a fetch is asked for and not finished: whoever comes now takes it up, or waits for who has it."""
    return provider.sync_requested_at is not None


def _another_finishes(provider: ManagedProvider, now: dt.datetime) -> bool:
    """Wait until the worker that holds the claim has finished. False: it takes longer than a fetch may; perhaps it has died."""
    asked = provider.sync_requested_at or now
    ends = time.monotonic() + (asked + dt.timedelta(seconds=LONGEST_WAIT) - now).total_seconds()
    while time.monotonic() < ends:
        present = find_provider_by_id(provider.tenant_id, provider.id)
        if present is None or not _under_way(present):
            return True
        _pause.wait(LOOK_SECONDS)
    return False


def _outcome_of(provider: ManagedProvider | None, known: Sequence[PublicKey]) -> Refetch:
    if provider is None:
        return Refetch(Outcome.NO_SOURCE)
    if new := _new_keys(provider, known):
        return Refetch(Outcome.NEW_KEYS, new)
    outcomes = {SyncResult.PENDING.value: Outcome.WAITS, SyncResult.FAILED.value: Outcome.FAILED}
    outcome = outcomes.get(provider.last_sync_result or "", Outcome.NOTHING_NEW)
    return Refetch(outcome, code=None if outcome is Outcome.NOTHING_NEW else provider.last_sync_code)


def _new_keys(provider: ManagedProvider, known: Sequence[PublicKey]) -> int:
    present = public_keys_of(metadata_from_document(provider.metadata_document))
    return sum(key not in known for key in present)
