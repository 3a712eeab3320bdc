"""The database: types, pragmas and the only commit in the service.

Reading needs nothing. Writing needs `with transaction():`, which begins immediate on SQLite (a read that turns into a
write there fails with "database is locked" whatever the timeout) and commits at its end; raising rolls back.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Flask
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
POSTGRESQL_STATEMENT_TIMEOUT_MS = 10_000
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


def new_id() -> str:
    """A row id that sorts by time of making: 48 bits of milliseconds, 74 random bits (RFC 9562 section 5.7)."""
    value = int.from_bytes(os.urandom(10)) | (time.time_ns() // 1_000_000 << 80)
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def engine_options(url: str) -> dict[str, Any]:
    """Pool and driver options for Flask-SQLAlchemy."""
    # Without this an INSERT's rowcount is that of a closed cursor: -1 from psycopg, whatever ON CONFLICT decided.
    counted = {"execution_options": {"preserve_rowcount": True}}
    if url.startswith("sqlite"):
        return counted | ({"pool_size": POOL_SIZE, "max_overflow": POOL_SIZE * 4} if ":memory:" not in url else {})
    return counted | {
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_SIZE,
        "pool_pre_ping": False,
        "connect_args": {
            "connect_timeout": 5,
            "prepare_threshold": 2,
            "options": f"-c statement_timeout={POSTGRESQL_STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        },
    }


def prepare_engine(engine: sa.Engine) -> None:
    """Attach what SQLite needs: WAL, foreign keys, and transactions that say what they are for."""
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
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN")


def connect_database(app: Flask, url: str) -> None:
    """Give the application its database; nothing connects before the first statement."""
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=engine_options(url))
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)


@contextmanager
def transaction() -> Iterator[orm.Session]:
    """One writing transaction on this request's session; everything in it holds, or nothing does.

    What was read before stays as values: the session starts anew.
    """
    session = db.session()
    if session.info.get("writing"):
        raise RuntimeError("transactions do not nest: use a savepoint")
    session.rollback()
    session.connection(execution_options={"writing": True})
    session.info["writing"] = True
    try:
        yield session
        session.flush()
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False


def read(statement: sa.Executable, parameters: dict[str, Any] | None = None) -> sa.CursorResult[*tuple[Any, ...]]:
    """Run a Core statement that only reads: inside a transaction as part of it, else by itself without BEGIN."""
    session = db.session()
    if session.info.get("writing"):
        return session.connection().execute(statement, parameters)
    if session.in_transaction():
        return session.connection().execute(statement, parameters)
    connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    return connection.execute(statement, parameters)


def write(statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[*tuple[Any, ...]]:
    """Run a Core statement that changes rows; only inside `transaction()`."""
    session = db.session()
    if not session.info.get("writing"):
        raise RuntimeError("a write outside transaction()")
    return session.connection().execute(statement, parameters)


@contextmanager
def savepoint() -> Iterator[None]:
    """A part of the transaction that may fail by itself, for uniqueness that the database decides."""
    with db.session().begin_nested():
        yield
        db.session().flush()


def dialect_name() -> str:
    """`sqlite` or `postgresql`."""
    return db.engine.dialect.name


@functools.cache
def newest_revision() -> str | None:
    """The revision that this code's migrations lead to."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def schema_is_current() -> bool:
    """Whether the database stands at the newest revision."""
    row = read(sa.text("SELECT version_num FROM alembic_version")).one_or_none()
    return row is not None and row[0] == newest_revision()
