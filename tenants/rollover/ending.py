"""The job of own keys: a grace that is over ends, private halves are erased, and what was kept for a time goes (K2).

A key that an identity provider still encrypts to is kept a day longer, again and again, up to 90 days: nobody is locked out
by a date that somebody chose in good hope. After that it goes, whoever uses it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from config.database import transaction
from config.pacing import in_batches
from tenants.audit import EventType, record
from tenants.rollover.reader_records import BATCH as READERS
from tenants.rollover.reader_records import purge_readers
from tenants.rollover.records import (
    RETIRED,
    RETIRING,
    DueKey,
    erase_private_half,
    keys_to_erase,
    keys_to_retire,
    move_key,
    remove_old_keys,
    version_moves,
)
from tenants.rollover.stages import MAX_GRACE_DAYS
from tenants.rollover.use_records import users_of
from tenants.rollover.uses import still_using

ERASED_AFTER = dt.timedelta(days=7)
"""After retirement: long enough to notice a mistake, short enough that nothing of old is left to be stolen."""
ROWS_KEPT_FOR = dt.timedelta(days=730)
POSTPONED_BY = dt.timedelta(days=1)
BATCH = 100
JOB = "job:own_keys"


def look_after_keys(now: dt.datetime) -> int:
    """Do what is due; how many rows it was about."""
    return (
        in_batches(lambda: _each(_retire, keys_to_retire(now, BATCH), now), BATCH)
        + in_batches(lambda: _each(_erase, keys_to_erase(now - ERASED_AFTER, BATCH), now), BATCH)
        + in_batches(lambda: _remove(now), BATCH)
        + in_batches(lambda: purge_readers(now), READERS)
    )


def _each(step: Callable[[DueKey, dt.datetime], None], due: Sequence[DueKey], now: dt.datetime) -> int:
    for key in due:
        with transaction():
            step(key, now)
    return len(due)


def _remove(now: dt.datetime) -> int:
    with transaction():
        return remove_old_keys(now - ROWS_KEPT_FOR, BATCH)


def _retire(key: DueKey, now: dt.datetime) -> None:
    """By whichever process comes first; another one finds it in another state."""
    users = still_using(key.id, users_of(key.tenant_id), now)
    longest = (key.replaced_at or now) + dt.timedelta(days=MAX_GRACE_DAYS)
    if users and now < longest:
        move_key(key.tenant_id, key.id, RETIRING, retire_at=min(now + POSTPONED_BY, longest))
        return
    version_moves(key.tenant_id)
    if move_key(key.tenant_id, key.id, RETIRING, state=RETIRED, retired_at=now, retire_at=None):
        record(key.tenant_id, EventType.KEY_RETIRED, at=now, actor=JOB, key=key.id, use=key.use, was=RETIRING)


def _erase(key: DueKey, now: dt.datetime) -> None:
    """Only what has been retired since then, while nobody decides about the tenant's keys.

    Whoever is just going back to a key has seen that its private half is there, and holds the tenant's row.
    """
    version_moves(key.tenant_id)
    if erase_private_half(key, now):
        record(key.tenant_id, EventType.KEY_ERASED, at=now, actor=JOB, key=key.id, use=key.use)
