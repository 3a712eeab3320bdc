"""Many rows made ready before a transaction, so that SQLite's one writer is held for moving them alone.

SQLite takes a row that the driver hands over in two to three times what it takes to move one from another table. So rows
wait in a temporary table, which this connection alone has, and one statement of the transaction moves them all. On
PostgreSQL, where nobody waits for whom a transaction adds, they go as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from config.database import present_connection, send, send_many, writing_connection
from config.isolation import TenantViolation, violation_of
from config.statements import Prepared

BATCH = 1_000
"""Rows that go to PostgreSQL at a time."""
Steps = Callable[[], Iterator[int]]
"""Writes a part at each step, inside a transaction, and gives how many rows it had."""


@contextmanager
def staged(insert: Prepared, rows: Sequence[Any]) -> Iterator[Steps]:
    """Hold rows that `insert.bound` made for the transaction that begins in this block, and write them in steps there."""
    connection = present_connection()
    if connection.dialect.name != "sqlite":
        yield lambda: _hand_over(insert, rows)
        return
    table, columns = insert.target
    waiting = sa.table(f"staged_{table.name}", *(sa.column(name) for name in columns), schema="temp")
    moved = sa.insert(table).from_select(columns, sa.select(*waiting.columns), include_defaults=False)
    move = str(moved.compile(dialect=connection.dialect))
    if violation := violation_of(move):
        raise TenantViolation(violation)
    _fill(connection, waiting, rows)
    try:
        yield lambda: _move(move)
    finally:
        if not connection.invalidated:
            send(connection, f"DROP TABLE {waiting.fullname}").close()


def _fill(connection: sa.Connection, waiting: sa.TableClause, rows: Sequence[Any]) -> None:
    """In a transaction of the temporary table's own, which takes no lock of the database."""
    send(connection, f"DROP TABLE IF EXISTS {waiting.fullname}").close()
    send(connection, f"CREATE TEMP TABLE {waiting.name} ({', '.join(waiting.columns.keys())})").close()
    send(connection, "BEGIN").close()
    try:
        send_many(connection, str(sa.insert(waiting).compile(dialect=connection.dialect)), rows)
        send(connection, "COMMIT").close()
    except BaseException:
        send(connection, "ROLLBACK").close()
        raise


def _move(statement: str) -> Iterator[int]:
    moved = send(writing_connection(), statement)
    yield int(moved.rowcount)


def _hand_over(insert: Prepared, rows: Sequence[Any]) -> Iterator[int]:
    for start in range(0, len(rows), BATCH):
        yield insert.write_bound(rows[start : start + BATCH])
