"""This thread's connection, from the first statement of a request, job or command to its end; and the driver below it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event

from config.application import this_app

DATABASE_ERRORS: tuple[type[Exception], ...] = (
    sa.exc.OperationalError,
    sa.exc.InternalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
)
"""The database is locked, full or gone: not the request's fault, and worth another try."""


class _Thread(threading.local):
    """This thread's connection, kept from the first statement of a request, job or command to its end."""

    connection: sa.Connection | None = None
    driver: Any = None
    """The driver's own connection below it: two properties away, a dozen times in a sign-in."""
    writing: bool = False
    together: list[tuple[str, Any]] | None = None
    """Inserts that wait for the end of `together()`."""


this_thread = _Thread()
MAX_RESTING = 8
"""Connections of an engine; more of them were opened in a rush, and are closed after it."""
_resting: WeakKeyDictionary[sa.Engine, list[sa.Connection]] = WeakKeyDictionary()
"""By engine, the last one at the end: taken as they are, where the pool would make a new object of SQLAlchemy's and undo a
transaction that there is not, which is a twentieth of a sign-in's start."""


def let_rest(engine: sa.Engine) -> None:
    """Have this engine's connections kept between requests, until it is disposed of."""
    kept = _resting[engine] = []

    @event.listens_for(engine, "engine_disposed")
    def _close(_engine: sa.Engine) -> None:
        while kept:
            connection = kept.pop()
            with contextlib.suppress(*DATABASE_ERRORS):
                connection.detach()  # from a pool that is gone
                connection.close()


def _connected(engine: sa.Engine) -> sa.Connection:
    """The connection that was used last, whose pages, plans and statements are at hand; or a new one."""
    try:
        return _resting[engine].pop()
    except LookupError:
        return engine.connect()


def _lay_down(connection: sa.Connection, driver: Any) -> None:
    """Keep a connection for the next request. What has anything begun on it goes to its pool, which rolls that back."""
    kept = _resting.get(connection.engine)
    begun = connection.invalidated or connection.in_transaction() or _has_begun(driver)
    if kept is None or begun or len(kept) >= MAX_RESTING:
        connection.close()
    else:
        kept.append(connection)


def _has_begun(driver: Any) -> bool:
    """Whether a transaction is open, by what the driver knows: sqlite3 has a flag, psycopg a status that is 0 for none.

    A connection that was lost meanwhile counts as begun: it does not rest. psycopg has a status for it, sqlite3 refuses to say.
    """
    try:
        flag: bool | None = getattr(driver, "in_transaction", None)
    except sqlite3.ProgrammingError:
        return True
    return bool(driver.pgconn.transaction_status) if flag is None else flag


def present_connection() -> sa.Connection:
    """The connection of this thread; of the open transaction, where there is one."""
    kept = this_thread.connection
    if kept is not None and this_thread.writing:
        return kept
    engine: sa.Engine = this_app().extensions["vestibule_engine"]
    if kept is not None and (kept.invalidated or kept.engine is not engine):
        let_go()
        kept = None
    if kept is None:
        kept = this_thread.connection = _connected(engine)
        this_thread.driver = kept.connection.driver_connection
    return kept


def writing_connection() -> sa.Connection:
    """The connection of the open transaction; never another one in its place, which would write outside of it."""
    if not this_thread.writing:
        raise RuntimeError("a write outside transaction()")
    connection = present_connection()
    if connection.invalidated:
        raise RuntimeError("the transaction ended with its connection")
    return connection


def is_writing() -> bool:
    """Whether this thread has a transaction open."""
    return this_thread.writing


def let_go(_error: BaseException | None = None) -> None:
    """Give the connection back; a transaction that is open still needs it."""
    if this_thread.connection is not None and not this_thread.writing:
        connection, driver = this_thread.connection, this_thread.driver
        this_thread.connection = this_thread.driver = None
        _lay_down(connection, driver)


def send(connection: sa.Connection, sql: str, parameters: Any = ()) -> Any:
    """Send a statement through the driver as it is, and give its cursor; errors are those of SQLAlchemy all the same."""
    driver: Any = this_thread.driver if connection is this_thread.connection else connection.connection.driver_connection
    try:
        return driver.execute(sql, parameters)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _error_of(connection, sql, driver, error) from error


def send_many(connection: sa.Connection, sql: str, rows: Sequence[Any]) -> int:
    """Send a statement once for each row, in the way that the driver does it fastest; how many it wrote in all."""
    driver: Any = connection.connection.driver_connection
    try:
        with contextlib.closing(driver.cursor()) as cursor:
            cursor.executemany(sql, rows)
            return int(cursor.rowcount)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _error_of(connection, sql, driver, error) from error


def _error_of(connection: sa.Connection, sql: str, driver: Any, error: Any) -> BaseException:
    """A driver's error as SQLAlchemy's; a connection that is lost is not used again."""
    is_lost = connection.dialect.is_disconnect(error, driver, None)
    if is_lost:
        connection.invalidate(error)
        # The database has gone, or was started anew: those that wait in the pool are as dead as this one.
        connection.engine.dispose()
    made: BaseException = sa.exc.DBAPIError.instance(
        sql,
        None,
        error,
        connection.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=connection.dialect,
    )
    return made
