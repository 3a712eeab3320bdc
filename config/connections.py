"""Connections that wait for their next use: SQLAlchemy's pool does more for each than a sign-in needs.

To check one out and in again took 0.05 ms and more of each request. Kept here are only those that SQLAlchemy and the
database both have nothing open on; any other goes back to the pool, which resets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy import event

_SINCE = "vestibule_disposals"
_IS_AT_REST: Mapping[str, Callable[[Any], bool]] = {
    "sqlite": lambda driver: not driver.in_transaction,
    "postgresql": lambda driver: driver.pgconn.transaction_status == TransactionStatus.IDLE,
}


class Connections:
    """Those of one application, the last used first; safe under threads.

    Args:
        keep: how many may wait; they count as checked out of the engine's pool.
    """

    def __init__(self, engine: sa.Engine, keep: int) -> None:
        self.engine = engine
        self._keep = keep
        self._waiting: list[sa.Connection] = []
        self._disposals = 0
        event.listen(engine, "engine_disposed", self._forget)

    def take(self) -> sa.Connection:
        """One that waits, or a new one."""
        try:
            return self._waiting.pop()
        except IndexError:
            connection = self.engine.connect()
            connection.info[_SINCE] = self._disposals
            return connection

    def give_back(self, connection: sa.Connection, driver: Any) -> None:
        """Keep it for the next one, where it is at rest."""
        if self._may_wait(connection, driver):
            self._waiting.append(connection)
        else:
            connection.close()

    def _may_wait(self, connection: sa.Connection, driver: Any) -> bool:
        return (
            len(self._waiting) < self._keep
            and not connection.invalidated
            and not connection.in_transaction()
            and connection.info.get(_SINCE) == self._disposals
            and _IS_AT_REST[connection.dialect.name](driver)
        )

    def _forget(self, _engine: sa.Engine) -> None:
        """The database has gone, or a fork is near: those that wait end here, those in use when they are given back."""
        self._disposals += 1
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            connection.invalidate()
            connection.close()
