"""Records of readings: sources that `vestibule worker` reads and saves on behalf of whoever asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from config.looks import Look, any_row
from tenants.errors import ConflictingState
from tenants.metadata_models import READING, WAITING, MetadataReading

LEASE = dt.timedelta(minutes=3)
"""How long a worker may take over one before another one takes it up."""
STALE_AFTER = dt.timedelta(minutes=1)
"""Nobody waits for one that nobody took up for so long: whoever asked was cut off before it could be withdrawn."""
MAX_ATTEMPTS = 2
MAX_WAITING = 3
"""Of one tenant at a time: each keeps a thread of a web worker waiting."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. See tenants.metadata_models."""

    tenant_id: int
    id: str
    name: str
    request: Mapping[str, Any]
    state: str
    code: str | None
    cause: str | None
    detail: Mapping[str, Any]
    is_new: bool | None
    claim: str | None
    attempts: int
    created_at: dt.datetime
    created_by: str
    finished_at: dt.datetime | None


_COLUMNS = tuple(getattr(MetadataReading, name) for name in Reading.__dataclass_fields__)
_ONE = (MetadataReading.tenant_id == sa.bindparam("of_tenant"), MetadataReading.id == sa.bindparam("of_id"))
_FREE = sa.or_(
    MetadataReading.state == WAITING,
    sa.and_(MetadataReading.state == READING, MetadataReading.claimed_until < sa.bindparam("now")),
)
READINGS_LOOK = Look(any_row(MetadataReading, _FREE, sa.text("state IN ('waiting', 'reading')")))
_DUE = (
    sa.select(MetadataReading.tenant_id, MetadataReading.id)
    .where(_FREE)
    .order_by(MetadataReading.created_at)
    .limit(sa.bindparam("most"))
)
_CLAIM = (
    sa.update(MetadataReading)
    .where(*_ONE, _FREE)
    .values(
        state=READING,
        claim=sa.bindparam("new_claim"),
        claimed_until=sa.bindparam("until"),
        attempts=MetadataReading.attempts + 1,
    )
)


def add_reading(
    tenant_id: int, name: str, request: Mapping[str, Any], *, actor: str, now: dt.datetime
) -> str:
    """Queue a reading. The caller holds the tenant's row.

    Raises:
        ConflictingState: the tenant has as many in the queue as it may.
    """
    waiting = sa.select(sa.func.count()).where(
        MetadataReading.tenant_id == tenant_id, MetadataReading.state.in_((WAITING, READING))
    )
    if read(waiting).scalar_one() >= MAX_WAITING:
        raise ConflictingState(f"{MAX_WAITING} readings are in the queue")
    reading_id = new_id()
    row = {"tenant_id": tenant_id, "id": reading_id, "name": name, "request": dict(request), "state": WAITING}
    write(sa.insert(MetadataReading.__table__).values(**row, detail={}, attempts=0, created_at=now, created_by=actor))
    return reading_id


def find_reading(tenant_id: int, reading_id: str) -> Reading | None:
    """A tenant's reading."""
    statement = sa.select(*_COLUMNS).where(*_ONE)
    row = read(statement, {"of_tenant": tenant_id, "of_id": reading_id}).one_or_none()
    return Reading(**row._mapping) if row else None


def withdraw_reading(tenant_id: int, reading_id: str) -> bool:
    """Take one back that nobody has taken up; False where somebody has."""
    statement = sa.delete(MetadataReading).where(*_ONE, MetadataReading.state == WAITING)
    return write(statement, {"of_tenant": tenant_id, "of_id": reading_id}).rowcount == 1


def readings_due(now: dt.datetime, most: int) -> list[tuple[int, str]]:
    """(tenant, reading) of what waits, of every tenant, the oldest first."""
    return [(row.tenant_id, row.id) for row in read(_DUE, {"now": now, "most": most})]


def claim_reading(tenant_id: int, reading_id: str, now: dt.datetime) -> Reading | None:
    """Take one up, or None where another worker was faster (a compare-and-set)."""
    parameters = {"of_tenant": tenant_id, "of_id": reading_id, "now": now, "new_claim": new_id(), "until": now + LEASE}
    if write(_CLAIM, parameters).rowcount != 1:
        return None
    return find_reading(tenant_id, reading_id)


def finish_reading(reading: Reading, state: str, now: dt.datetime, **values: Any) -> bool:
    """Tell how it went; False where it has passed to another worker by its lease."""
    statement = sa.update(MetadataReading).where(
        MetadataReading.tenant_id == reading.tenant_id,
        MetadataReading.id == reading.id,
        MetadataReading.claim == reading.claim,
        MetadataReading.state == READING,
    )
    return write(statement.values(state=state, finished_at=now, **values)).rowcount == 1


