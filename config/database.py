"""The database: the only commit in the service, and how rows are read and written.

Reading needs nothing. Writing needs `with transaction():`, which begins immediate on SQLite (a read that turns into a
write there fails with "database is locked" whatever the timeout) and commits at its end; raising rolls back. A statement that
is a transaction by itself, the row of a sign-in's start, goes by `Prepared.write_alone` (config.statements), never within one.

The door to what is below it as well: rows and their types (config.columns), connections and engines.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask

from config.columns import JSON, Base, Model, RowId, UTCDateTime, db, new_id
from config.connections import (
    DATABASE_ERRORS,
    is_writing,
    let_go,
    let_rest,
    present_connection,
    send,
    send_many,
    this_thread,
    writing_connection,
)
from config.engines import SQLITE_BUSY_TIMEOUT_MS, engine_options, prepare_engine

__all__ = [
    "DATABASE_ERRORS",
    "JSON",
    "MIGRATIONS",
    "Base",
    "Model",
    "RowId",
    "UTCDateTime",
    "connect_database",
    "db",
    "engine_options",
    "impatient",
    "is_writing",
    "new_id",
    "newest_revision",
    "prepare_engine",
    "present_connection",
    "read",
    "savepoint",
    "schema_is_current",
    "send",
    "send_insert",
    "send_many",
    "share_database",
    "together",
    "transaction",
    "write",
    "writing_connection",
]

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
IMPATIENT_LOCK_MS = 20


def connect_database(app: Flask, url: str) -> None:
    """Give the application its database; nothing connects before the first statement.

    Connections commit each statement by themselves until `transaction()` begins, so reading costs no BEGIN and ROLLBACK.
    """
    options = engine_options(url) | {"isolation_level": "AUTOCOMMIT"}
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=options)
    db.init_app(app)
    _end_with_context(app)
    with app.app_context():
        app.extensions["vestibule_engine"] = db.engine
        prepare_engine(db.engine, begins=False)
        if isinstance(db.engine.pool, sa.QueuePool):  # and not the one connection of a database in memory
            let_rest(db.engine)


def share_database(app: Flask, other: Flask) -> None:
    """Give the application the connections of another one in this process, and no pool of its own."""
    engine: sa.Engine = other.extensions["vestibule_engine"]
    app.config.update({name: value for name, value in other.config.items() if name.startswith("SQLALCHEMY_")})
    db.init_app(app)
    _end_with_context(app)
    with app.app_context():
        own = cast("dict[str | None, sa.Engine]", db.engines)  # which has connected to nothing
        own[None] = app.extensions["vestibule_engine"] = engine


def _end_with_context(app: Flask) -> None:
    """Give connection and ORM session back at each context's end. Flask-SQLAlchemy would ask twice whether there is a session;
    most contexts have none, and where no thread has one there is nothing to ask."""
    app.teardown_appcontext_funcs.remove(db._teardown_session)
    app.teardown_appcontext(_end_session)
    app.teardown_appcontext(let_go)


def _end_session(_error: BaseException | None) -> None:
    if cast("Any", db.session.registry).registry:
        db.session.remove()


@contextmanager
def transaction() -> Iterator[sa.Connection]:
    """One writing transaction of this thread; everything in it holds, or nothing does."""
    if this_thread.writing:
        raise RuntimeError("transactions do not nest: use a savepoint")
    connection = _begun()
    this_thread.writing = True
    try:
        yield connection
        _commit(connection)
    except BaseException:
        _roll_back(connection)
        raise
    finally:
        this_thread.writing = False


@contextmanager
def impatient() -> Iterator[sa.Connection]:
    """A transaction for what may as well be left out: where it would have to wait for a lock, it fails instead.

    Raises:
        One of DATABASE_ERRORS: somebody else holds the lock.
    """
    connection = present_connection()
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        send(connection, "PRAGMA busy_timeout=0").close()
    try:
        with transaction() as opened:
            if not on_sqlite:
                send(opened, f"SET LOCAL lock_timeout = {IMPATIENT_LOCK_MS}")
            yield opened
    finally:
        if on_sqlite and not connection.invalidated:
            send(connection, f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}").close()


def _begun() -> sa.Connection:
    """A connection with a transaction open; one that the database has closed meanwhile is replaced, once."""
    connection = present_connection()
    try:
        send(connection, _BEGIN[connection.dialect.name])
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        connection = present_connection()
        send(connection, _BEGIN[connection.dialect.name])
    return connection


def _commit(connection: sa.Connection) -> None:
    """Make it hold. PostgreSQL answers the COMMIT of a transaction that has failed before with ROLLBACK, and no error."""
    if connection.invalidated:
        raise RuntimeError("the transaction ended with its connection")
    if getattr(send(connection, "COMMIT"), "statusmessage", None) == "ROLLBACK":
        raise RuntimeError("the transaction had failed before it was to be committed")


def _roll_back(connection: sa.Connection) -> None:
    """End a transaction that failed; a connection that cannot even do that is thrown away, and the database rolls back."""
    if connection.invalidated:
        return
    try:
        driver: Any = connection.connection.driver_connection
        driver.rollback()
    except Exception as error:
        connection.invalidate(error)


@contextmanager
def together() -> Iterator[None]:
    """Inserts of this block that decide nothing go to PostgreSQL as one statement, at the block's end: one round trip."""
    connection = writing_connection()
    if connection.dialect.name != "postgresql":
        yield
        return
    this_thread.together = []
    try:
        yield
        inserts = this_thread.together
    finally:
        this_thread.together = None
    if inserts:
        values = {f"{name}_{at}": value for at, (_, row) in enumerate(inserts) for name, value in row.items()}
        send(connection, _joined(tuple(sql for sql, _ in inserts)), values)


def send_insert(connection: sa.Connection, sql: str, row: Any) -> None:
    """Send an INSERT whose outcome nobody asks for: now, or at the end of `together()`."""
    if this_thread.together is None:
        send(connection, sql, row)
    else:
        this_thread.together.append((sql, row))


@functools.lru_cache(maxsize=64)
def _joined(inserts: tuple[str, ...]) -> str:
    """One statement of several, their parameters numbered apart (PostgreSQL, 7.8.4: data-modifying statements in WITH)."""
    *others, last = [_PARAMETER.sub(rf"%(\1_{at})s", sql) for at, sql in enumerate(inserts)]
    names = ", ".join(f"insert_{at} AS ({sql})" for at, sql in enumerate(others))
    return f"WITH {names} {last}" if names else last


_PARAMETER = re.compile(r"%\((\w+)\)s")


def read(statement: sa.Executable, parameters: Mapping[str, Any] | None = None) -> sa.Result[*tuple[Any, ...]]:
    """Run a Core statement that only reads: inside a transaction as part of it, else by itself."""
    try:
        return present_connection().execute(statement, parameters).freeze()()
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated or this_thread.writing:
            raise
        # The database has closed the connection while nobody used it; a read may be tried again on another.
        return present_connection().execute(statement, parameters).freeze()()


def write(statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[*tuple[Any, ...]]:
    """Run a Core statement that changes rows; only inside `transaction()`."""
    return writing_connection().execute(statement, parameters)


@contextmanager
def savepoint() -> Iterator[None]:
    """A part of the transaction that may fail by itself, for uniqueness that the database decides."""
    with writing_connection().begin_nested():
        yield


@functools.cache
def newest_revision() -> str:
    """The revision that this code's migrations lead to: the one that no other goes on from.

    Read from their files as text. Alembic would run all of them, in a tenth of a second of each process's start.
    """
    texts = [path.read_text("utf-8") for path in (MIGRATIONS / "versions").glob("*.py")]
    revisions, before = ({found[1] for text in texts for found in pattern.finditer(text)} for pattern in (_REVISION, _BEFORE))
    (newest,) = revisions - before
    return newest


_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_BEFORE = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)


def schema_is_current() -> bool:
    """Whether the database stands at the newest revision."""
    row = read(sa.text("SELECT version_num FROM alembic_version")).one_or_none()
    return row is not None and row[0] == newest_revision()
