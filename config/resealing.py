"""Every sealed value in the database is sealed anew under the active key, while the service runs.

The columns are those that say so in their `info` (config.sealing.SealedTo): there is no list that one could be missing from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import Base, read, transaction, write
from config.isolation import every_tenant
from config.pacing import in_batches
from config.sealing import SEALED, KeyRing, SealBroken, SealedTo

BATCH = 100
"""Values in a transaction: some milliseconds of SQLite's one lock."""
NO_END = dt.timedelta(days=1).total_seconds()


@dataclass(slots=True)
class Resealed:
    """What was done with one column. `overtaken`: the service wrote another value meanwhile; `broken`: no key opens it."""

    column: str
    resealed: int = 0
    overtaken: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class SealCounts:
    """How many values each known key has sealed, and how many none of them has."""

    known: Mapping[str, int]
    unknown: int


def sealed_columns() -> list[tuple[sa.Column[str], SealedTo]]:
    """Every column whose values are sealed with the service's keys, and what to."""
    return [
        (column, column.info[SEALED])
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.info.get(SEALED), SealedTo)
    ]


def reseal(keys: KeyRing) -> Iterator[Resealed]:
    """Seal anew what another than the active key has sealed; each value is changed only where it is still the same."""
    for column, sealed_to in sealed_columns():
        yield _Walk(keys, column, sealed_to).go()


def sealed_by(keys: KeyRing) -> SealCounts:
    """Which keys are in use: one that has sealed nothing may go."""
    known, total = dict.fromkeys(keys.names, 0), 0
    for column, _ in sealed_columns():
        with every_tenant():
            total += int(read(sa.select(sa.func.count(column))).scalar_one())
            for name in keys.names:
                statement = sa.select(sa.func.count()).select_from(column.table).where(_begins(column, keys.prefix_of(name)))
                known[name] += int(read(statement).scalar_one())
    return SealCounts(known, total - sum(known.values()))


class _Walk:
    """One column from its first row to its last."""

    def __init__(self, keys: KeyRing, column: sa.Column[str], sealed_to: SealedTo) -> None:
        self._keys, self._column, self._sealed_to = keys, column, sealed_to
        self._key = list(column.table.primary_key.columns)
        self._after: tuple[object, ...] | None = None
        self._done = Resealed(f"{column.table.name}.{column.name}")

    def go(self) -> Resealed:
        in_batches(self._step, BATCH, seconds=NO_END, budget=None)
        return self._done

    def _step(self) -> int:
        """Open and seal outside of the transaction, which then only compares and writes."""
        rows = self._page()
        changes: list[tuple[sa.Row[tuple[object, ...]], str]] = []
        for row in rows:
            place = self._sealed_to.place(row._asdict())
            try:
                changes.append((row, self._keys.seal(self._keys.open(row._mapping[self._column.name], place), place)))
            except SealBroken:
                self._done.broken += 1
        if changes:
            with every_tenant(), transaction():
                for row, sealed in changes:
                    changed = write(self._change(row, sealed)).rowcount
                    self._done.resealed += changed
                    self._done.overtaken += 1 - changed
        if rows:
            self._after = tuple(rows[-1]._mapping[column.name] for column in self._key)
        return len(rows)

    def _page(self) -> list[sa.Row[tuple[object, ...]]]:
        table = self._column.table
        named = {column.name: column for column in (*self._key, *(table.columns[name] for name in self._sealed_to.columns))}
        statement = sa.select(*named.values(), self._column).where(
            self._column.is_not(None), sa.not_(_begins(self._column, self._keys.prefix_of(self._keys.names[0])))
        )
        if self._after is not None:
            statement = statement.where(sa.tuple_(*self._key) > sa.tuple_(*self._after, types=[one.type for one in self._key]))
        with every_tenant():
            return list(read(statement.order_by(*self._key).limit(BATCH)).all())

    def _change(self, row: sa.Row[tuple[object, ...]], sealed: str) -> sa.Update:
        same = [column == row._mapping[column.name] for column in self._key]
        before = row._mapping[self._column.name]
        return sa.update(self._column.table).where(*same, self._column == before).values({self._column.name: sealed})


def _begins(column: sa.Column[str], prefix: str) -> sa.ColumnElement[bool]:
    """By characters: LIKE would take `k1` and `K1` for the same on SQLite."""
    return sa.func.substr(column, 1, len(prefix)) == prefix
