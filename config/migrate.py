"""Migrations: Alembic called directly, by one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from config.database import MIGRATIONS, engine_options, prepare_engine
from config.isolation import every_tenant

ADVISORY_LOCK = 7_369_737_433_002
"""A number of ours among PostgreSQL's advisory locks; whoever migrates second waits here and then finds nothing to do."""
NEWEST = "head"


def migrate(url: str, revision: str = NEWEST) -> None:
    """Bring a database to a revision, the newest by default; going back is possible too (`base` is empty)."""
    with _connection(url) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        if revision == NEWEST or not _is_below(connection, config, revision):
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)


def _is_below(connection: sa.Connection, config: Config, revision: str) -> bool:
    """Whether the revision lies before the one that the database stands at."""
    if revision == "base":
        return True
    config.attributes["connection"] = connection
    present = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    connection.rollback()
    return present is not None and revision < present


@contextmanager
def _connection(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, **engine_options(url))
    prepare_engine(engine)
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _lift_time_limits)
    try:
        with _alone(engine), every_tenant(), engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                _let_tables_be_rebuilt(connection)
            yield connection
            connection.commit()
    finally:
        engine.dispose()


def _let_tables_be_rebuilt(connection: sa.Connection) -> None:
    """Batch migrations make tables anew: with foreign keys on, dropping the old one would erase all that refers to it.

    Through the driver, since SQLAlchemy would begin a transaction first, and inside of one SQLite passes the word over.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF").close()
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() != 0:
        raise RuntimeError("foreign keys are still on")
    connection.rollback()


def require_whole(connection: sa.Connection) -> None:
    """Nobody looked at foreign keys while SQLite's tables were made anew: rows that refer to nothing undo the migration."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise RuntimeError(f"a row of {broken[0]} would refer to nothing in {broken[2]}")


def _lift_time_limits(connection: Any, _record: Any) -> None:
    """A migration of large tables takes its time, and who migrates second waits for it; requests do neither."""
    connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    connection.commit()


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Keep others out: an advisory lock on PostgreSQL, a locked file beside a SQLite database."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()
            yield
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        return
    path = Path(engine.url.database or "")
    if not engine.url.database or engine.url.database == ":memory:":
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.migrate-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
