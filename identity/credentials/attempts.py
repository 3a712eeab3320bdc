"""Records of attempts to sign in, for whichever table they are counted in.

Counted in the database, so that workers count together, and before anything is compared, so that many at once gain nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import present_connection, write
from identity.credentials.patience import FORGOTTEN_AFTER, Counter, wait_of

_INSERTS: Mapping[str, Callable[[sa.Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where attempts are counted: a table with `key`, `failures` and `last_at`, and what says whose its rows are."""

    table: sa.Table
    owner: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, *conditions: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[bool], ...]:
        """The owner's rows of which the conditions hold."""
        return (*(self.table.c[name] == value for name, value in self.owner.items()), *conditions)


def count_attempt(ledger: Ledger, counters: Sequence[Counter], now: dt.datetime) -> dt.timedelta:
    """Count one more, inside a transaction of its own; how long to wait where it comes too soon, which is not counted."""
    table, keys = ledger.table, sorted(counter.key for counter in counters)
    insert = _INSERTS[present_connection().dialect.name](table)
    for key in keys:
        write(insert.values(**ledger.owner, key=key, failures=0, last_at=now).on_conflict_do_nothing())
    # Held in one order, so that two attempts follow each other and never wait for each other.
    held = sa.select(table.c.key, table.c.failures, table.c.last_at).where(*ledger.rows(table.c.key.in_(keys)))
    found = {row.key: row for row in write(held.order_by(table.c.key).with_for_update())}
    longest = max(wait_of(counter, found[counter.key].failures, found[counter.key].last_at, now) for counter in counters)
    if longest > dt.timedelta():
        return longest
    for counter in counters:
        row = found[counter.key]
        failures = 0 if now - row.last_at > FORGOTTEN_AFTER else row.failures
        counted = sa.update(table).where(*ledger.rows(table.c.key == counter.key))
        write(counted.values(failures=failures + 1, last_at=now))
    return dt.timedelta()


def count_one_less(ledger: Ledger, counters: Sequence[Counter]) -> None:
    """Take an attempt back that was none, inside a transaction: nothing was compared."""
    table = ledger.table
    for counter in sorted(counters, key=lambda counter: counter.key):
        fewer = sa.update(table).where(*ledger.rows(table.c.key == counter.key, table.c.failures > 0))
        write(fewer.values(failures=table.c.failures - 1))


def forget_attempts(ledger: Ledger, counters: Sequence[Counter]) -> None:
    """After a sign-in, inside its transaction: what was counted for the account is forgotten; the address counts one less.

    In the order in which attempts hold them: who guesses at an account must not make its owner's sign-in wait for itself.
    """
    table = ledger.table
    for counter in sorted(counters, key=lambda counter: counter.key):
        if counter.of_address:
            fewer = sa.update(table).where(*ledger.rows(table.c.key == counter.key, table.c.failures > 0))
            write(fewer.values(failures=table.c.failures - 1))
        else:
            write(sa.delete(table).where(*ledger.rows(table.c.key == counter.key)))
