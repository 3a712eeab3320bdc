"""The schema: up and down on both databases, the same as the models, and audit events that stay."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from config.database import Base, db, new_id
from config.isolation import TenantScoped, every_tenant
from config.migrate import ADVISORY_LOCK, migrate
from identity.people_keys import keys_of
from tests.support.furnishing import furnish
from tests.support.postgresql import Cluster
from tests.support.world import WORKER, World

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
GLOBAL_TABLES = {"tenant", "my_domain", "email_domain", "email_address", "api_token", "service_sign_in_hour", "own_public_key"}
"""Keyed by what is unique in the whole service; each names its tenant all the same, but for counts of all together."""
STAFF_TABLES = {
    *("staff_account", "staff_passkey", "staff_recovery_code", "staff_sign_in", "console_session"),
    *("staff_attempt", "staff_event", "staff_seal", "unsealed_staff_event"),
    *("service_property", "job_clock", "log_level", "visitor_rate"),
    *("service_contact", "service_webhook", "service_delivery"),
}
"""Of the company that runs the service: they belong to no tenant, and no tenant's row refers to them."""


@pytest.fixture
def empty(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"empty_{WORKER}"
    yield cluster.create(name)
    cluster.drop(name)


@pytest.fixture
def connection(empty: str) -> Iterator[sa.Connection]:
    """A connection to a migrated database with one tenant and one event."""
    migrate(empty)
    engine = sa.create_engine(empty)
    with every_tenant(), engine.connect() as opened:
        if engine.dialect.name == "sqlite":
            opened.exec_driver_sql("PRAGMA foreign_keys=ON")
        tables = Base.metadata.tables
        row = {"slug": "acme", "name": "Acme", "origin": "http://acme.localhost", "state": "active", "created_at": NOW}
        tenant_id = opened.execute(sa.insert(tables["tenant"]).values(**row)).inserted_primary_key[0]  # type: ignore[index]
        event = {"tenant_id": tenant_id, "id": new_id(), "type": "tenant.created", "at": NOW, "actor": "test", "detail": {}}
        opened.execute(sa.insert(tables["audit_event"]).values(**event))
        opened.commit()
        yield opened
    engine.dispose()


@pytest.mark.parametrize("database", ["postgresql"])
def test_who_migrates_second_waits_as_long_as_it_takes(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a request's statements may take is no limit for a migration."""
    monkeypatch.setattr("config.engines.POSTGRESQL_STATEMENT_TIMEOUT_MS", 300)
    engine = sa.create_engine(empty)
    second = threading.Thread(target=migrate, args=(empty,))
    with engine.connect() as first:
        first.execute(sa.select(sa.func.pg_advisory_lock(ADVISORY_LOCK)))
        second.start()
        second.join(1)
        assert second.is_alive()
    engine.dispose()
    second.join(300)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM tenant")) == 0
    engine.dispose()


def test_every_revision_goes_up_and_down(empty: str) -> None:
    """Up, down to nothing, and up again; a second call changes nothing."""
    migrate(empty)
    migrate(empty, "base")
    engine = sa.create_engine(empty)
    assert set(sa.inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()
    migrate(empty)
    migrate(empty)


def test_models_and_migrations_agree(connection: sa.Connection) -> None:
    """What the models say is what the migrations made: no difference for autogenerate to find."""
    context = MigrationContext.configure(connection, opts={"compare_type": connection.dialect.name == "postgresql"})
    assert compare_metadata(context, Base.metadata) == []


def test_two_may_migrate_at_once(empty: str) -> None:
    """Two nodes that start together: one migrates, the other waits and finds nothing to do."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(empty)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET type = 'x'", "DELETE FROM audit_event"])
def test_audit_events_are_only_added(connection: sa.Connection, statement: str) -> None:
    """The database itself refuses to change or remove an event."""
    with pytest.raises(sa.exc.DBAPIError, match="only ever added"):
        connection.execute(sa.text(statement))
    connection.rollback()
    assert connection.scalar(sa.text("SELECT count(*) FROM audit_event")) == 1


def test_audit_events_cannot_be_truncated(connection: sa.Connection) -> None:
    """PostgreSQL's other way to empty a table is shut as well."""
    if connection.dialect.name == "postgresql":
        with pytest.raises(sa.exc.DBAPIError, match="only ever added"):
            connection.execute(sa.text("TRUNCATE audit_event"))


def test_erasing_a_tenant_takes_its_events_along(connection: sa.Connection) -> None:
    """Only the end of the tenant itself ends its events."""
    connection.execute(sa.text("DELETE FROM tenant"))
    assert connection.scalar(sa.text("SELECT count(*) FROM audit_event")) == 0


def test_every_table_of_a_tenant_says_so() -> None:
    """Each table is either scoped, with the tenant first in its key and in every unique constraint, or known as global."""
    scoped = {mapper.class_.__tablename__ for mapper in Base.registry.mappers if issubclass(mapper.class_, TenantScoped)}
    assert set(Base.metadata.tables) == scoped | GLOBAL_TABLES | STAFF_TABLES
    for name in scoped:
        table = Base.metadata.tables[name]
        assert next(iter(table.primary_key.columns)).name == "tenant_id", name
        uniques = [item for item in table.constraints if isinstance(item, sa.UniqueConstraint)]
        indexes = [item for item in table.indexes if item.unique]
        for unique in (*uniques, *indexes):
            assert next(iter(unique.columns)).name == "tenant_id", (name, unique.name)


def test_foreign_keys_between_tenants_rows_carry_the_tenant() -> None:
    """A row of one tenant cannot refer to another tenant's row, whatever the code does."""
    for table in Base.metadata.tables.values():
        for key in table.foreign_key_constraints:
            if table.name in STAFF_TABLES:
                assert key.referred_table.name in STAFF_TABLES
            elif key.referred_table.name != "tenant":
                assert key.column_keys[0] == "tenant_id", (table.name, key.name)
                assert key.elements[0].target_fullname == f"{key.referred_table.name}.tenant_id"


PEOPLE = 1_003
"""More than one batch of the revision that gives them their keys."""


def test_people_who_are_there_get_their_keys_and_lose_nothing(empty: str) -> None:
    """Revision 0005 on a filled table: every person has the keys that the service gives; what refers to them stays."""
    migrate(empty)
    migrate(empty, "0004")
    engine = sa.create_engine(empty)
    tenant = {"slug": "acme", "name": "Acme", "origin": "http://acme.localhost", "state": "active", "created_at": "2026-11-24"}
    people = [
        {"tenant_id": 1, "id": new_id(), "email": f"p{number}@acme.test", "active": True, "created_at": "2026-11-24"}
        | {"username": f"Ünit{number}", "first_name": "Ada", "last_name": f"Łovelace{number}" if number % 2 else None}
        for number in range(PEOPLE)
    ]
    people[-1]["username"] = people[0]["username"]  # as two administrators could say at the same moment
    times = {"session_idle_seconds": 3600, "session_absolute_seconds": 7200}
    owned = [{"email": row["email"], "tenant_id": 1, "user_id": row["id"]} for row in people]
    with every_tenant(), engine.begin() as connection:
        _insert(connection, "tenant", [{**tenant, "id": 1, "version": 1, "brand_colour": "#123456", **times}])
        _insert(connection, "users", people)
        _insert(connection, "email_address", owned)
    engine.dispose()
    kept = {str(row["email"]): row for row in people}
    migrate(empty, "0005")
    with every_tenant(), engine.connect() as connection:
        query = "SELECT u.email, u.name_key, u.username_key, u.search_key FROM users u JOIN email_address e ON e.user_id = u.id"
        found = connection.execute(sa.text(query)).all()
    engine.dispose()
    assert len(found) == PEOPLE
    for row in found:
        assert dict(row._mapping) == {"email": row.email, **keys_of(kept[row.email])}
    migrate(empty, "0004")
    migrate(empty)
    with every_tenant(), engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM email_address")) == PEOPLE
        named = connection.execute(sa.text("SELECT email FROM users WHERE username = :name"), {"name": people[0]["username"]})
        first = min((people[0], people[-1]), key=lambda row: str(row["id"]))
        assert named.scalars().all() == [first["email"]]
    engine.dispose()


def _insert(connection: sa.Connection, table: str, rows: list[dict[str, object]]) -> None:
    """Rows of an older schema, whose models are gone: as text, which each database reads in its own way."""
    names = ", ".join(f":{name}" for name in rows[0])
    connection.execute(sa.text(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({names})"), rows)


FIRST_OF_ALL = "0007"
"""The revision that a database may come from; what is newer has been made beside each other."""


def test_a_filled_database_goes_back_and_forth_and_goes_on_working(world: World) -> None:
    """With rows of every kind at two tenants: nothing that the older schema knows is lost, and people come in as before."""
    for organisation in (world.acme, world.globex):
        furnish(world, organisation)
    url = world.app.extensions["vestibule_settings"].database_url
    with world.app.app_context():
        before = {name: world.count(name) for name in ("users", "email_address", "session", "audit_event", "identity_provider")}
        db.engine.dispose()
    migrate(url, FIRST_OF_ALL)
    migrate(url)
    before["session"] -= 2  # an application's at each tenant: an older schema would take its token for a cookie's
    assert {name: world.count(name) for name in before} == before
    for organisation in (world.acme, world.globex):
        browser = world.browser(organisation)
        assert world.sign_in(browser, organisation).status_code == 303
        assert browser.get("/session").get_json()["user"]["email"] == f"ada@{organisation.domain}"
