"""A database that fails when a test wants it to: the fault is in the driver, so everything above it is as in production."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import event

from config.database import db

WRITES = ("INSERT ", "UPDATE ", "DELETE ", "WITH ")
FAULT = "the disk is on fire"


@dataclass
class Faults:
    """When writing transactions fail: at their statement number `at`, BEGIN being 0 and COMMIT the last; None: never.

    A row that is written alone, with no BEGIN and COMMIT, is statement 0 of a transaction that has no other.

    `lose`: the connection goes with it. `before_commit` is called just before each COMMIT. `sent` holds the statements of
    the newest transaction that got through.
    """

    at: int | None = None
    lose: bool = False
    before_commit: Callable[[], None] | None = None
    sent: list[str] = field(default_factory=list)
    _open: bool = False

    def before(self, sql: str, connection: Any, error: type[Exception]) -> None:
        """Called with every statement just before the driver sends it."""
        is_alone = not self._open and sql.startswith(WRITES)
        if sql.startswith("BEGIN") or is_alone:
            self.sent, self._open = [], True
        if not self._open:
            return
        if len(self.sent) == self.at:
            self._open = False
            if self.lose:
                connection.close()
            raise error(FAULT)
        self.sent.append(sql)
        self._open = not (is_alone or sql.startswith("COMMIT"))
        if self.before_commit is not None and not self._open:
            self.before_commit()


@contextmanager
def failing_database(app: Flask) -> Iterator[Faults]:
    """Put the faults under an application's connections until the block ends."""
    faults = Faults()

    class SQLiteCursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = ()) -> Any:
            faults.before(sql, self.connection, sqlite3.OperationalError)
            return super().execute(sql, parameters)

    class SQLiteConnection(sqlite3.Connection):
        def cursor(self, factory: Any = SQLiteCursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, parameters: Any = ()) -> Any:
            return self.cursor().execute(sql, parameters)

    class PostgreSQLCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            faults.before(str(query), self.connection, psycopg.OperationalError)
            return super().execute(query, params, **options)

    def connect(dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        if dialect.name == "sqlite":
            parameters["factory"] = SQLiteConnection
        else:
            parameters["cursor_factory"] = PostgreSQLCursor

    with app.app_context():
        engine = db.engine
    engine.dispose()
    event.listen(engine, "do_connect", connect)
    try:
        yield faults
    finally:
        event.remove(engine, "do_connect", connect)
        engine.dispose()
