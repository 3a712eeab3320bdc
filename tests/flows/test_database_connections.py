"""Connections that break at a bad moment: nothing is half done, nothing is said to be done that is not, and it heals."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from config.database import db, present_connection, read, savepoint, send, together, transaction, write
from config.isolation import every_tenant
from identity.assertion import Exchange
from identity.attempts import keep_receipt
from identity.checks import Receipt
from identity.exchanges import add_exchange_alone
from identity.models import ExchangeRow
from tenants.audit import EventType, record
from tenants.models import AuditEvent, IdentityProvider, Tenant
from tenants.records import find_tenant
from tests.support.world import World, utc_now

IN_THE_POOL = 4
_RENAME = sa.update(Tenant).where(Tenant.slug == "acme").values(name="Renamed")
_NAME = sa.select(Tenant.name).where(Tenant.slug == "acme")
_END_OTHERS = sa.text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

only_postgresql = pytest.mark.parametrize("database", ["postgresql"])
"""SQLite has no connection that somebody else could end."""


def _end_connections(world: World) -> None:
    """What a restart of PostgreSQL does to everybody who is connected."""
    engine = sa.create_engine(world.app.config["SQLALCHEMY_DATABASE_URI"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(_END_OTHERS)


def _fill_pool(world: World) -> None:
    """Let several threads use the database at the same moment, so that as many connections wait in the pool."""
    barrier = Barrier(IN_THE_POOL, timeout=120)

    def one(_: int) -> None:
        with world.app.app_context():
            read(_NAME)
            barrier.wait()

    with ThreadPoolExecutor(IN_THE_POOL) as threads:
        list(threads.map(one, range(IN_THE_POOL)))


@only_postgresql
def test_a_restart_of_the_database_costs_nobody_a_request(world: World) -> None:
    """However many dead connections wait in the pool, the next page and the next call are answered."""
    for request in (
        lambda: world.browser().get("/").status_code,
        lambda: world.browser().get("/saml/login").status_code,
        lambda: world.api("GET", "/tenants/acme").status_code,
        lambda: world.api("PATCH", "/tenants/acme", json={"name": "Acme"}).status_code,
    ):
        _fill_pool(world)
        _end_connections(world)
        assert request() == 200


@only_postgresql
def test_a_transaction_never_goes_on_with_another_connection(world: World) -> None:
    """Code that swallows the loss of its connection writes nothing more, and is not told that it has."""

    def rename(*, after_the_loss: bool) -> None:
        with transaction() as connection:
            _end_connections(world)
            with pytest.raises(sa.exc.OperationalError):
                send(connection, "SELECT 1")
            if after_the_loss:
                write(_RENAME)

    with world.app.app_context():
        for after_the_loss in (True, False):
            with pytest.raises(RuntimeError, match="ended with its connection"):
                rename(after_the_loss=after_the_loss)
        assert read(_NAME).scalar_one() == "Acme"


@only_postgresql
def test_a_commit_that_commits_nothing_is_an_error(world: World) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction without an error; nobody is told that something was saved."""

    def rename_and_stumble() -> None:
        with transaction():
            write(_RENAME)
            with pytest.raises(sa.exc.DBAPIError):
                write(sa.text("UPDATE tenant SET version = 1 / 0 WHERE slug = 'acme'"))

    with world.app.app_context():
        with pytest.raises(RuntimeError, match="had failed before"):
            rename_and_stumble()
        assert read(_NAME).scalar_one() == "Acme"


@only_postgresql
def test_a_worker_that_hangs_does_not_keep_its_locks(world: World) -> None:
    """Statements and idle transactions end by themselves."""
    with world.app.app_context():
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert read(sa.text(f"SHOW {name}")).scalar_one() not in ("0", "")


def test_an_exception_leaves_the_connection_usable(world: World) -> None:
    """Whatever a block raises, its writes are gone, and the same thread goes on."""

    def rename_and_raise(error: type[BaseException]) -> None:
        with transaction():
            write(_RENAME)
            raise error

    with world.app.app_context():
        for error in (ValueError, KeyboardInterrupt, GeneratorExit):
            with pytest.raises(error):
                rename_and_raise(error)
            assert read(_NAME).scalar_one() == "Acme"
        with transaction():
            write(_RENAME)
        assert read(_NAME).scalar_one() == "Renamed"
        first = present_connection()
    with world.app.app_context():
        assert db.engine.pool.checkedout() == 0
        assert first.closed


def test_a_connection_rests_as_it_is_and_never_with_anything_open(world: World) -> None:
    """The next request has the very one, unless something was left open on it: that is rolled back, and nobody inherits it."""
    with world.app.app_context():
        find_tenant("acme")
        first = present_connection()
    with world.app.app_context():
        assert find_tenant("acme") is not None
        assert present_connection() is first
        send(first, "BEGIN")
        send(first, "UPDATE tenant SET name = 'Left open'")
    with world.app.app_context():
        assert present_connection() is not first
        with transaction():
            assert read(_NAME).scalar_one() == "Acme"


def test_a_transaction_that_the_database_ended_by_itself_is_over(world: World) -> None:
    """A full disk ends SQLite's transaction, savepoints and all; the thread that met it goes on with the next request."""

    def rename_in_a_lost_savepoint() -> None:
        with transaction() as connection, savepoint():
            write(_RENAME)
            send(connection, "ROLLBACK")
            raise ValueError

    with world.app.app_context():
        with pytest.raises((ValueError, sa.exc.DBAPIError)):
            rename_in_a_lost_savepoint()
        assert read(_NAME).scalar_one() == "Acme"
        with transaction(), savepoint():
            write(_RENAME)
        assert read(_NAME).scalar_one() == "Renamed"


def _note(name: str, now: dt.datetime) -> None:
    record(1, EventType.TENANT_CHANGED, at=now, actor=name, percent="%(name)s, %s")


def _notes() -> list[tuple[str, str]]:
    rows = read(sa.select(AuditEvent.actor, AuditEvent.detail).where(AuditEvent.tenant_id == 1)).all()
    return [(row.actor, row.detail["percent"]) for row in rows if row.actor.startswith("note")]


def test_inserts_that_go_together_hold_together(world: World) -> None:
    """Each row with its own values, all of them or none; what raises inside of the block leaves none."""
    now = utc_now()

    def stumble() -> None:
        with transaction(), together():
            _note("note 3", now)
            raise ValueError

    def refuse() -> None:
        with transaction(), together():
            _note("note 4", now)
            keep_receipt(999_999, Receipt(), reference="none", now=now, masked_xml="")

    with world.app.app_context():
        with transaction(), together():
            _note("note 1", now)
            _note("note 2", now)
        for wrong, error in ((stumble, ValueError), (refuse, sa.exc.IntegrityError)):
            with pytest.raises(error):
                wrong()
        with transaction():
            _note("note 5", now)
        assert sorted(_notes()) == [(f"note {number}", "%(name)s, %s") for number in (1, 2, 5)]


def test_nothing_goes_together_outside_of_a_transaction(world: World) -> None:
    """It would be written outside of it."""
    with world.app.app_context(), pytest.raises(RuntimeError, match="outside"), together():
        pass


def _exchange_of(world: World, number: int) -> Exchange:
    tenant_id, idp_id = read(sa.select(IdentityProvider.tenant_id, IdentityProvider.id).limit(1)).one()
    return Exchange(f"_{number:040d}", tenant_id, idp_id, "b" * 64, "r" * 64, "/", ())


def _requests() -> list[str]:
    return list(read(sa.select(ExchangeRow.request_id).order_by(ExchangeRow.request_id)).scalars())


def test_what_is_written_alone_holds_by_itself(world: World) -> None:
    """Another connection sees it at once, a second copy of it is no second row, and no transaction takes it in by mistake."""
    with world.app.app_context(), every_tenant():
        exchange = _exchange_of(world, 1)
        add_exchange_alone(exchange, now=utc_now())
        add_exchange_alone(exchange, now=utc_now())
        engine = sa.create_engine(world.app.config["SQLALCHEMY_DATABASE_URI"], poolclass=sa.NullPool)
        with engine.connect() as other:
            assert list(other.execute(sa.select(ExchangeRow.request_id)).scalars()) == [exchange.request_id]
        with pytest.raises(RuntimeError, match="a transaction is open"), transaction():
            add_exchange_alone(_exchange_of(world, 2), now=utc_now())
        assert _requests() == [exchange.request_id]


@only_postgresql
def test_what_is_written_alone_outlives_a_restart_of_the_database(world: World) -> None:
    """Nobody knows whether a statement had come to a connection that was lost, so it is sent again, and is one row."""
    with world.app.app_context(), every_tenant():
        exchange = _exchange_of(world, 1)
        _end_connections(world)
        add_exchange_alone(exchange, now=utc_now())
        assert _requests() == [exchange.request_id]
