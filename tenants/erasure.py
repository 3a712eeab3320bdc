"""Flow: what belonged to a deleted tenant is erased after a grace period, its private keys among it (T5)."""

from __future__ import annotations

import datetime as dt

from config.database import transaction
from config.purging import BATCH, removed_in_batches
from tenants.audit import EventType, record
from tenants.erasure_records import erase_rows, is_left, mark_erased, tables_to_erase, tenants_to_erase

GRACE = dt.timedelta(days=30)
"""Long enough to notice a mistake; until then the rows are there, and whoever restores a tenant has all of it."""
TENANTS_AT_ONCE = 20
JOB = "job:erasure"


def erase_deleted(now: dt.datetime) -> int:
    """Erase what is due, in small batches with rests; how many tenants are done with. The job of that name."""
    before = now - GRACE
    return sum(_erase(tenant_id, before, now) for tenant_id in tenants_to_erase(before, TENANTS_AT_ONCE))


def _erase(tenant_id: int, before: dt.datetime, now: dt.datetime) -> bool:
    """All of one tenant, by however many processes; what a run leaves, or a process that dies, is the next one's."""
    tables = tables_to_erase()
    for table in tables:
        if is_left(table, tenant_id):
            removed_in_batches(table.name, lambda table=table: erase_rows(table, tenant_id, before, BATCH), BATCH)  # type: ignore[misc]
    if any(is_left(table, tenant_id) for table in tables):
        return False
    with transaction():
        done = mark_erased(tenant_id, now)
        if done:
            record(tenant_id, EventType.TENANT_ERASED, at=now, actor=JOB)
    return done
