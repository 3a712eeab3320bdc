"""Records that were kept long enough are removed, a few at a time, by however many processes at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from config.database import Base, transaction, write
from config.isolation import every_tenant
from config.metrics import ROWS_REMOVED
from config.pacing import in_batches

BATCH = 500
"""Rows per transaction: a purge never holds a lock that a sign-in notices."""
TABLE_SECONDS = 60.0
"""How long one run works on one table: a backlog of one must not keep the others waiting."""


def remove_old(row: type[Base], column: orm.InstrumentedAttribute[dt.datetime], before: dt.datetime, batch: int = BATCH) -> int:
    """Remove rows from before a moment, of every tenant, and tell how many; `column` has an index of its own."""
    statement = old_rows(row, column, before, batch)
    return removed_in_batches(row.__tablename__, lambda: write(statement).rowcount, batch)


def removed_in_batches(table: str, remove: Callable[[], int], batch: int) -> int:
    """Repeat a removal, each time in a transaction of its own, until nothing is left; and count the rows."""

    def step() -> int:
        with every_tenant(), transaction():
            count = remove()
        ROWS_REMOVED.labels(table).inc(count)
        return count

    return in_batches(step, batch, seconds=TABLE_SECONDS)


def old_rows(row: type[Base], column: orm.InstrumentedAttribute[dt.datetime], before: dt.datetime, batch: int) -> sa.Delete:
    """The statement that removes a batch.

    Processes purge at the same time: each takes rows that no other one has locked, so they neither wait nor deadlock. The
    oldest come first, by the column's index: PostgreSQL without statistics takes a third of a table to be over, and would
    read all of it to find that nothing is.
    """
    key: tuple[sa.ColumnElement[Any], ...] = sa.inspect(row).primary_key
    old = sa.select(*key).where(column < before).order_by(column).limit(batch).with_for_update(skip_locked=True)
    return sa.delete(row).where(sa.tuple_(*key).in_(old))
