"""The database: types, pragmas and the only commit in the service.

Reading needs nothing. Writing needs `with transaction():`, which begins immediate on SQLite (a read that turns into a
write there fails with "database is locked" whatever the timeout) and commits at its end; raising rolls back.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, orm
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator

DATABASE_ERRORS: tuple[type[Exception], ...] = (
    sa.exc.OperationalError,
    sa.exc.InternalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
)
"""The database is locked, full or gone: not the request's fault, and worth another try."""

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
SQLITE_BUSY_TIMEOUT_MS = 5_000
SQLITE_CHECKPOINT_PAGES = 4_000
"""Pages of 4 KiB in the log until they are copied home: each sign-in writes some thirty, most of them the same ones again."""
POSTGRESQL_STATEMENT_TIMEOUT_MS = 10_000
POSTGRESQL_IDLE_TRANSACTION_TIMEOUT_MS = 30_000
"""A worker that hangs in the middle of a transaction keeps nobody waiting for its locks longer than this."""
POOL_SIZE = 8


class UTCDateTime(TypeDecorator[dt.datetime]):
    """Aware UTC in Python; `timestamptz` on PostgreSQL, naive UTC on SQLite, which knows no zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
RowId = sa.Uuid(as_uuid=False)


class Base(orm.DeclarativeBase):
    """All rows; names of constraints are the same on both databases."""

    registry = orm.registry(
        metadata=sa.MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={dt.datetime: UTCDateTime(), dict[str, Any]: JSON, list[Any]: JSON},
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)
if TYPE_CHECKING:

    class Model(Base):
        """What every row is: made at run time, of Base and what Flask-SQLAlchemy adds."""

        __abstract__ = True
        __table__: ClassVar[sa.Table]
else:
    Model = db.Model


_RANDOM_BITS = (1 << 62) - 1


def new_id() -> str:
    """A row id that sorts by time of making, within one process in the very order of making (RFC 9562 sections 5.7, 6.2).

    48 bits of milliseconds, 12 of their fraction (a quarter of a microsecond, less than one call takes), 62 random ones.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    random = int.from_bytes(os.urandom(8)) & _RANDOM_BITS
    text = f"{milliseconds << 80 | 7 << 76 | rest * 4096 // 1_000_000 << 64 | 2 << 62 | random:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


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


def connect_database(app: Flask, url: str) -> None:
    """Give the application its database; nothing connects before the first statement.

    Connections commit each statement by themselves until `transaction()` begins, so reading costs no BEGIN and ROLLBACK.
    """
    options = engine_options(url) | {"isolation_level": "AUTOCOMMIT"}
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=options)
    db.init_app(app)
    app.teardown_appcontext(_let_go)
    with app.app_context():
        app.extensions["vestibule_engine"] = db.engine
        prepare_engine(db.engine, begins=False)


class _Thread(threading.local):
    """This thread's connection, kept from the first statement of a request, job or command to its end."""

    connection: sa.Connection | None = None
    driver: Any = None
    """The driver's own connection below it: two properties away, a dozen times in a sign-in."""
    writing: bool = False
    together: list[tuple[str, Any]] | None = None
    """Inserts that wait for the end of `together()`."""


_thread = _Thread()
_BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}


def present_connection() -> sa.Connection:
    """The connection of this thread; of the open transaction, where there is one."""
    kept = _thread.connection
    if kept is not None and _thread.writing:
        return kept
    engine: sa.Engine = current_app.extensions["vestibule_engine"]
    if kept is not None and (kept.invalidated or kept.engine is not engine):
        _let_go()
        kept = None
    if kept is None:
        kept = _thread.connection = engine.connect()
        _thread.driver = kept.connection.driver_connection
    return kept


def writing_connection() -> sa.Connection:
    """The connection of the open transaction; never another one in its place, which would write outside of it."""
    if not _thread.writing:
        raise RuntimeError("a write outside transaction()")
    connection = present_connection()
    if connection.invalidated:
        raise RuntimeError("the transaction ended with its connection")
    return connection


def is_writing() -> bool:
    """Whether this thread has a transaction open."""
    return _thread.writing


def _let_go(_error: BaseException | None = None) -> None:
    """Give the connection back to the pool; a transaction that is open still needs it."""
    if _thread.connection is not None and not _thread.writing:
        connection, _thread.connection, _thread.driver = _thread.connection, None, None
        connection.close()


@contextmanager
def transaction() -> Iterator[sa.Connection]:
    """One writing transaction of this thread; everything in it holds, or nothing does."""
    if _thread.writing:
        raise RuntimeError("transactions do not nest: use a savepoint")
    connection = _begun()
    _thread.writing = True
    try:
        yield connection
        _commit(connection)
    except BaseException:
        _roll_back(connection)
        raise
    finally:
        _thread.writing = False


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


def send(connection: sa.Connection, sql: str, parameters: Any = ()) -> Any:
    """Send a statement through the driver as it is, and give its cursor; errors are those of SQLAlchemy all the same."""
    driver: Any = _thread.driver if connection is _thread.connection else connection.connection.driver_connection
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


@contextmanager
def together() -> Iterator[None]:
    """Inserts of this block that decide nothing go to PostgreSQL as one statement, at the block's end: one round trip."""
    connection = writing_connection()
    if connection.dialect.name != "postgresql":
        yield
        return
    _thread.together = []
    try:
        yield
        inserts = _thread.together
    finally:
        _thread.together = None
    if inserts:
        values = {f"{name}_{at}": value for at, (_, row) in enumerate(inserts) for name, value in row.items()}
        send(connection, _joined(tuple(sql for sql, _ in inserts)), values)


def send_insert(connection: sa.Connection, sql: str, row: Any) -> None:
    """Send an INSERT whose outcome nobody asks for: now, or at the end of `together()`."""
    if _thread.together is None:
        send(connection, sql, row)
    else:
        _thread.together.append((sql, row))


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
        if not error.connection_invalidated or _thread.writing:
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
def newest_revision() -> str | None:
    """The revision that this code's migrations lead to."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def schema_is_current() -> bool:
    """Whether the database stands at the newest revision."""
    row = read(sa.text("SELECT version_num FROM alembic_version")).one_or_none()
    return row is not None and row[0] == newest_revision()
