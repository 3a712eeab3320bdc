"""Records of seals that hold refused attempts alone: when their events are over, and that they are gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read, write
from tenants.sealing.ledgers import Ledger, table_of
from tenants.sealing.models import RefusalSeal
from tenants.sealing.records import SEALS_READ_AT_ONCE, among, seal_from
from tenants.sealing.seals import KEPT, REFUSAL_DAYS, Seal

_ROWS = table_of(RefusalSeal)


@dataclass(frozen=True, slots=True)
class DueSeal:
    """A tenant's seal whose events are over."""

    tenant_id: int
    number: int


def note_refusals(ledger: Ledger, seal: Seal, *, now: dt.datetime) -> None:
    """Remember when the events of a seal are over, in the transaction that adds it."""
    bounds = {"first_id": seal.first_id, "last_id": seal.last_id}
    remove_at = now + dt.timedelta(days=REFUSAL_DAYS)
    write(sa.insert(_ROWS).values(**ledger.keyed(_ROWS), number=seal.number, remove_at=remove_at, **bounds))


def seals_over(now: dt.datetime, limit: int) -> list[DueSeal]:
    """Those whose time has come, the oldest first; across tenants, for the job."""
    columns = (_ROWS.c.tenant_id, _ROWS.c.number)
    statement = sa.select(*columns).where(_ROWS.c.remove_at <= now).order_by(_ROWS.c.remove_at).limit(limit)
    return [DueSeal(row.tenant_id, row.number) for row in read(statement)]


def remove_events(ledger: Ledger, seal: Seal) -> int:
    """Remove the refusals that a seal holds, inside a transaction; what else it may say, no other event goes."""
    events = ledger.events
    ids = [event_id for event_id, _ in seal.leaves()]
    which = (ledger.own(events), among(events.c.id, ids), events.c.type.in_(sorted(ledger.passing)))
    return write(sa.delete(events).where(*which)).rowcount


def forget_seal(ledger: Ledger, number: int) -> None:
    """Its events are gone: no event within its bounds can be removed any more."""
    write(sa.delete(_ROWS).where(ledger.own(_ROWS), _ROWS.c.number == number))


def seals_of_refusals(ledger: Ledger, before: dt.datetime) -> Iterator[Seal]:
    """Seals of refused attempts from before a moment, in order, a few in memory at a time."""
    seals, number = ledger.seals, 0
    marked = seals.c.key_name.startswith(KEPT, autoescape=True)
    while True:
        which = (ledger.own(seals), seals.c.number > number, marked, seals.c.sealed_at <= before)
        rows = read(sa.select(seals).where(*which).order_by(seals.c.number).limit(SEALS_READ_AT_ONCE)).all()
        yield from (seal_from(ledger, row) for row in rows)
        if len(rows) < SEALS_READ_AT_ONCE:
            return
        number = rows[-1].number
