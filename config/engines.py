"""How both databases are connected to: pools, timeouts, pragmas."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

SQLITE_BUSY_TIMEOUT_MS = 5_000
SQLITE_CHECKPOINT_PAGES = 4_000
"""Pages of 4 KiB in the log until they are copied home: each sign-in writes some thirty, most of them the same ones again."""
POSTGRESQL_STATEMENT_TIMEOUT_MS = 10_000
POSTGRESQL_IDLE_TRANSACTION_TIMEOUT_MS = 30_000
"""A worker that hangs in the middle of a transaction keeps nobody waiting for its locks longer than this."""
POOL_SIZE = 8


def engine_options(url: str) -> dict[str, Any]:
    """Pool and driver options for Flask-SQLAlchemy."""
    # Without this an INSERT's rowcount is that of a closed cursor: -1 from psycopg, whatever ON CONFLICT decided.
    # An error's text is logged: it must not hold names, addresses and hashes of tokens.
    always = {"execution_options": {"preserve_rowcount": True}, "hide_parameters": True}
    # Last in, first out: the connection that was used last has its pages, plans and prepared statements at hand. In turn,
    # each of eight would find the database changed by the seven others, and read it anew.
    pooled = {"pool_size": POOL_SIZE, "pool_use_lifo": True}
    if url.startswith("sqlite"):
        return always | (pooled | {"max_overflow": POOL_SIZE * 4} if ":memory:" not in url else {})
    return (
        always
        | pooled
        | {
            "max_overflow": POOL_SIZE,
            "pool_pre_ping": False,
            "connect_args": {
                "connect_timeout": 5,
                "prepare_threshold": 2,
                "options": (
                    f"-c statement_timeout={POSTGRESQL_STATEMENT_TIMEOUT_MS}"
                    f" -c idle_in_transaction_session_timeout={POSTGRESQL_IDLE_TRANSACTION_TIMEOUT_MS} -c timezone=UTC"
                ),
            },
        }
    )


def prepare_engine(engine: sa.Engine, *, begins: bool = True) -> None:
    """Attach what SQLite needs: WAL, foreign keys, and transactions that the driver does not begin by itself.

    Args:
        begins: whether SQLAlchemy begins transactions there; the service does so itself, in `transaction()`.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # no hidden BEGIN by the driver
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
            f"wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    if begins:

        @event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN")
