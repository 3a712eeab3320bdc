"""Records of chains: events to seal, seals, and what waits; each function works on one ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import read, write, writing_connection
from tenants.sealing.ledgers import Ledger
from tenants.sealing.seals import Seal, is_id

UNREADABLE_ERRORS = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What a column's value can be that somebody wrote by hand: no JSON, no time, no text, too deep."""
SEALS_READ_AT_ONCE = 20
MOST_EMPTY_SEALS = 10_000
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event; `fields` None where the row holds what cannot be read."""

    id: str
    fields: Mapping[str, Any] | None


def waiting_ids(ledger: Ledger, limit: int, *, above: str | None = None, until: str | None = None) -> list[str]:
    """Ids of events that wait to be sealed, lowest first, behind `above` and up to `until`."""
    return _ids(ledger, ledger.waiting, "event_id", limit, above, until)


def waiting_among(ledger: Ledger, ids: Sequence[str]) -> set[str]:
    """Those of these events that wait."""
    column = ledger.waiting.c.event_id
    return {dashed(row[0]) for row in read(sa.select(text_of(column)).where(ledger.own(ledger.waiting), among(column, ids)))}


def waiting_count(ledger: Ledger, limit: int) -> int:
    """How many events wait, counted up to a limit."""
    some = sa.select(sa.literal(1)).select_from(ledger.waiting).where(ledger.own(ledger.waiting)).limit(limit).subquery()
    return int(read(sa.select(sa.func.count()).select_from(some)).scalar_one())


def event_ids(ledger: Ledger, limit: int, *, above: str | None, until: str | None) -> list[str]:
    """Ids of events on record, lowest first."""
    return _ids(ledger, ledger.events, "id", limit, above, until)


def events_of(ledger: Ledger, ids: Sequence[str]) -> dict[str, EventRow]:
    """These events by id; whoever is not on record is not in it."""
    try:
        return {row.id: EventRow(row.id, dict(row._mapping)) for row in read(_events(ledger, ids))}
    except UNREADABLE_ERRORS:
        return {event_id: row for event_id in ids if (row := _event_by_itself(ledger, event_id)) is not None}


def _events(ledger: Ledger, ids: Sequence[str]) -> sa.Select[Any]:
    columns = [ledger.events.c[name] for name in ledger.fields]
    return sa.select(*columns).where(ledger.own(ledger.events), among(ledger.events.c.id, ids))


def _event_by_itself(ledger: Ledger, event_id: str) -> EventRow | None:
    try:
        row = read(_events(ledger, [event_id])).one_or_none()
    except UNREADABLE_ERRORS:
        return EventRow(event_id, None)
    return EventRow(event_id, dict(row._mapping)) if row else None


def head_of(ledger: Ledger) -> Seal | None:
    """The newest seal of a chain."""
    number = ledger.seals.c.number
    row = read(sa.select(ledger.seals).where(ledger.own(ledger.seals)).order_by(number.desc()).limit(1)).one_or_none()
    return seal_from(ledger, row) if row else None


def seal_at(ledger: Ledger, number: int) -> Seal | None:
    """One seal."""
    statement = sa.select(ledger.seals).where(ledger.own(ledger.seals), ledger.seals.c.number == number)
    row = read(statement).one_or_none()
    return seal_from(ledger, row) if row else None


def seals_after(ledger: Ledger, number: int) -> Iterator[Seal]:
    """Seals behind a number, in order, a few in memory at a time; those that are made meanwhile included."""
    column = ledger.seals.c.number
    while True:
        statement = sa.select(ledger.seals).where(ledger.own(ledger.seals), column > number)
        rows = read(statement.order_by(column).limit(SEALS_READ_AT_ONCE)).all()
        yield from (seal_from(ledger, row) for row in rows)
        if len(rows) < SEALS_READ_AT_ONCE:
            return
        number = rows[-1].number


def page_of_seals(ledger: Ledger, below: int | None, limit: int) -> list[Seal]:
    """Seals, newest first, from below a number on."""
    statement = sa.select(ledger.seals).where(ledger.own(ledger.seals))
    if below is not None:
        statement = statement.where(ledger.seals.c.number < below)
    return [seal_from(ledger, row) for row in read(statement.order_by(ledger.seals.c.number.desc()).limit(limit))]


def empty_seals(ledger: Ledger) -> list[Seal]:
    """Seals that hold no event: there is one for each change of keys."""
    statement = sa.select(ledger.seals).where(ledger.own(ledger.seals), ledger.seals.c.last_id.is_(None))
    return [seal_from(ledger, row) for row in read(statement.order_by(ledger.seals.c.number.desc()).limit(MOST_EMPTY_SEALS))]


def append_seal(ledger: Ledger, seal: Seal) -> bool:
    """Add a seal; False where somebody else has made one of this number. Nobody waits for a lock: the key decides."""
    connection = writing_connection()
    columns = {name: getattr(seal, name) for name in ("number", "previous", "hash", "first_id", "last_id", "count", "events")}
    columns |= {name: getattr(seal, name) for name in ("sealed_at", "key_name", "public_key", "signature")}
    statement = _INSERTS[connection.dialect.name](ledger.seals).values(**ledger.keyed(ledger.seals), **columns)
    return write(statement.on_conflict_do_nothing()).rowcount == 1


def stop_waiting(ledger: Ledger, ids: Sequence[str]) -> None:
    """These events are sealed, or were before."""
    waiting = ledger.waiting
    write(sa.delete(waiting).where(ledger.own(waiting), among(waiting.c.event_id, ids)))


def _ids(ledger: Ledger, table: sa.Table, name: str, limit: int, above: str | None, until: str | None) -> list[str]:
    column = table.c[name]
    statement = sa.select(text_of(column)).where(ledger.own(table), *_between(column, above, until))
    return [dashed(row[0]) for row in read(statement.order_by(column).limit(limit))]


def among(column: sa.Column[Any], ids: Sequence[str]) -> sa.ColumnElement[bool]:
    """One of these ids, and so within their span.

    PostgreSQL without statistics takes hundreds of ids for more than a tenant has, and would read all of its events for them;
    of a span it expects little. A batch's ids lie close together. SQLite compares them as they are stored, without hyphens.
    """
    listed = column.in_(list(ids))
    if not ids:
        return listed
    in_order = sorted(ids, key=lambda one: one.replace("-", ""))
    return sa.and_(column >= in_order[0], column <= in_order[-1], listed)


def text_of(column: sa.Column[Any]) -> sa.Cast[str]:
    """An id as text: SQLite's can be anything that somebody wrote by hand, and must not stop who looks for that."""
    return sa.cast(column, sa.String(36))


def dashed(text: str) -> str:
    """An id as text in its usual form; what is none, as it is."""
    digits = str(text).replace("-", "")
    dashed = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return dashed if is_id(dashed) else str(text)


def _between(column: sa.Column[Any], above: str | None, until: str | None) -> list[sa.ColumnElement[bool]]:
    bounds = [(above, column.__gt__), (until, column.__le__)]
    return [compare(bound) for bound, compare in bounds if bound is not None]


def seal_from(ledger: Ledger, row: sa.Row[Any]) -> Seal:
    """The seal of a row."""
    return Seal(
        chain=ledger.chain,
        number=row.number,
        previous=row.previous,
        sealed_at=row.sealed_at,
        key_name=row.key_name,
        public_key=row.public_key,
        events=bytes(row.events),
        hash=row.hash,
        signature=row.signature,
        bounds=(row._mapping["count"], row.first_id, row.last_id),
    )
