"""Isolation: forgetting the tenant is an error, the schema refuses what the code would not, and no route crosses over (T3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from werkzeug.routing import Rule

from config.database import Base, db, new_id, read, transaction, write
from config.isolation import TenantScoped, TenantViolation, every_tenant, scoped_tables, tenant_scope, violation_of
from config.statements import Prepared
from identity.browsers import LOGIN_COOKIE, SESSION_COOKIE
from identity.models import Attempt, EmailAddress, SessionRow, User
from tenants.models import APIToken, EmailDomain, MyDomain, OwnPublicKey, Tenant
from tests.attacks.answering import accept
from tests.attacks.support import on_sqlite, pending
from tests.support.browser import code_of
from tests.support.furnishing import furnish
from tests.support.world import World, utc_now

GLOBAL = {MyDomain, EmailDomain, EmailAddress, APIToken, OwnPublicKey}
"""Rows that name a tenant and are found without one: by a host, domain, address, token or key, unique in the whole service."""
FOR_JOBS = {
    *("expires_at", "at", "sync_requested_at", "day", "hour", "prepared_at"),
    *("work_requested_at", "created_at", "certificate_ends_at"),
    *("due_at", "next_notice_at", "valid_until", "sync_due_at", "fresh_from"),
    *("last_at", "retire_at", "ends_at", "retired_at", "remove_at"),
}
"""What jobs and the overview of the whole service look for across tenants."""
ACME, GLOBEX = 1, 2


@pytest.fixture
def both(world: World) -> World:
    """A person signed in at each of the two tenants."""
    accept(pending(world))
    accept(pending(world, world.globex))
    return world


@pytest.fixture
def inside(both: World) -> Iterator[World]:
    """Inside an application context."""
    with both.app.app_context():
        yield both


# The guard: what the ORM is asked


@pytest.mark.parametrize(
    "forgets",
    [
        pytest.param(lambda: db.session.execute(sa.select(User)).all(), id="select"),
        pytest.param(lambda: db.session.scalars(sa.select(User.email)).all(), id="columns"),
        pytest.param(lambda: db.session.query(User).all(), id="query"),
        pytest.param(lambda: db.session.get(User, (ACME, new_id())), id="get"),
        pytest.param(lambda: db.session.execute(sa.select(Tenant).join(User, User.tenant_id == Tenant.id)).all(), id="join"),
        pytest.param(lambda: db.session.execute(sa.select(orm.aliased(User))).all(), id="alias"),
        pytest.param(lambda: db.session.execute(sa.update(User).values(active=False)), id="update"),
        pytest.param(lambda: db.session.execute(sa.delete(SessionRow)), id="delete"),
        pytest.param(lambda: db.session.execute(sa.insert(Attempt), [{"tenant_id": ACME}]), id="bulk insert"),
        pytest.param(lambda: _flush(User(tenant_id=ACME, email="x@acme.test", created_at=utc_now())), id="add"),
    ],
)
def test_the_orm_refuses_to_forget_the_tenant(inside: World, forgets: Any) -> None:
    """Reading, changing, removing and adding alike, before anything is sent."""
    before = inside.rows()
    with pytest.raises(TenantViolation):
        forgets()
    db.session.rollback()
    assert inside.rows() == before


def _flush(row: Any) -> None:
    db.session.add(row)
    db.session.flush()


def test_inside_a_scope_there_is_one_tenant(inside: World) -> None:
    """The same statements see, change and remove that tenant's rows only."""
    with tenant_scope(GLOBEX):
        assert {user.email for user in db.session.scalars(sa.select(User))} == {"ada@globex.test"}
        assert {user.email for user in db.session.query(orm.aliased(User))} == {"ada@globex.test"}
        db.session.execute(sa.update(User).values(first_name="Changed"))
        with every_tenant():
            names = {tuple(row) for row in db.session.execute(sa.select(User.tenant_id, User.first_name))}
        assert names == {(ACME, "Ada"), (GLOBEX, "Changed")}
        assert db.session.execute(sa.select(Tenant.slug, User.email).join(User, User.tenant_id == Tenant.id)).all() == [
            ("globex", "ada@globex.test")
        ]
        db.session.rollback()


def test_inside_a_scope_no_row_of_another_tenant_is_written(inside: World) -> None:
    """Neither made, nor moved there, nor moved away."""
    with tenant_scope(GLOBEX):
        with pytest.raises(TenantViolation):
            _flush(User(tenant_id=ACME, email="x@acme.test", created_at=utc_now()))
        db.session.rollback()
        with pytest.raises(TenantViolation, match="bulk insert"):
            db.session.execute(sa.insert(Attempt), [{"tenant_id": ACME}])
        db.session.rollback()
        user = db.session.scalars(sa.select(User)).one()
        user.tenant_id = ACME
        with pytest.raises(TenantViolation):
            db.session.flush()
        db.session.rollback()
        user = db.session.scalars(sa.select(User)).one()
    with tenant_scope(ACME):
        user.tenant_id = ACME  # one that the other tenant's scope has left behind is not taken over, either
        with pytest.raises(TenantViolation):
            db.session.flush()
        db.session.rollback()


def test_scopes_nest_and_end(inside: World) -> None:
    """The inner one counts while it lasts, and afterwards there is none."""
    with tenant_scope(ACME):
        with tenant_scope(GLOBEX):
            assert {row.tenant_id for row in db.session.scalars(sa.select(User))} == {GLOBEX}
        assert {row.tenant_id for row in db.session.scalars(sa.select(User))} == {ACME}
    with pytest.raises(TenantViolation):
        db.session.scalars(sa.select(User)).all()


def test_working_across_tenants_is_said_and_ends(inside: World) -> None:
    """Jobs and staff's lists say so; one that raises does not leave it on."""
    with every_tenant():
        assert len(db.session.scalars(sa.select(User)).all()) == 2
    with pytest.raises(ZeroDivisionError), every_tenant():
        _ = 1 / 0
    with pytest.raises(TenantViolation):
        read(sa.select(User.email))


# The guard: what the database is sent

FORGETS = {
    "nothing compared": "SELECT email FROM users",
    "another column": "SELECT email FROM users WHERE id = ?",
    "its value as text": "SELECT email FROM users WHERE username = 'tenant_id = 1'",
    "its name in a comment": "SELECT email FROM users /* WHERE tenant_id = 1 */",
    "another tenant": "SELECT email FROM users WHERE tenant_id != ?",
    "other tenants": "SELECT email FROM users WHERE tenant_id NOT IN (?)",
    "a range": "SELECT email FROM users WHERE tenant_id > ?",
    "itself": "SELECT email FROM users WHERE users.tenant_id = users.tenant_id",
    "the order only": "SELECT email FROM users ORDER BY tenant_id = ?",
    "the list only": "SELECT tenant_id = ? FROM users",
    "a second table behind a comma": "SELECT email FROM tenant, users WHERE tenant.id = ?",
    "two tables with each other": "SELECT email FROM users, session WHERE users.tenant_id = session.tenant_id",
    "a join by id alone": "SELECT email FROM session JOIN users ON users.id = session.user_id WHERE session.tenant_id = ?",
    "a table joined to itself": "SELECT b.email FROM users a JOIN users b ON b.email = a.email WHERE a.tenant_id = ?",
    "a table beside itself": "SELECT b.email FROM users AS a, users AS b WHERE a.tenant_id = ?",
    "an outer join": "SELECT email FROM session LEFT OUTER JOIN users ON users.id = user_id WHERE session.tenant_id = ?",
    "the second half of a union": "SELECT id FROM users WHERE tenant_id = ? UNION ALL SELECT id FROM session",
    "a union of one table": "SELECT id FROM users WHERE tenant_id = ? UNION SELECT id FROM users WHERE email = ?",
    "a union in a sub-query": "SELECT slug FROM tenant WHERE id IN "
    "(SELECT tenant_id FROM users WHERE tenant_id = ? UNION SELECT tenant_id FROM users WHERE email = ?)",
    "a sub-query": "SELECT slug FROM tenant WHERE id IN (SELECT tenant_id FROM users WHERE email = ?)",
    "exists": "SELECT slug FROM tenant WHERE EXISTS (SELECT 1 FROM users WHERE email = ?)",
    "a common table": "WITH x AS (SELECT email FROM users) SELECT email FROM x",
    "quotes": 'SELECT email FROM "users"',
    "a schema": "SELECT email FROM main.users",
    "a comment before the name": "SELECT email FROM /* all */ users",
    "line breaks": "SELECT email\nFROM\n\tusers\n",
    "lower case": "select email from users",
    "an update": "UPDATE users SET active = ?",
    "an update of the tenant": "UPDATE users SET tenant_id = ?",
    "an update from": "UPDATE session SET ended_at = ? FROM users WHERE users.tenant_id = ? AND users.id = session.user_id",
    "a delete": "DELETE FROM session",
    "a delete using": "DELETE FROM session USING users WHERE users.tenant_id = ? AND users.id = session.user_id",
    "an insert": "INSERT INTO attempt (id, reference) VALUES (?, ?)",
    "an insert of others' rows": "INSERT INTO attempt (tenant_id, id) SELECT tenant_id, id FROM users",
}
KEEPS = {
    "a value": "SELECT email FROM users WHERE users.tenant_id = ?",
    "a named value": "SELECT email FROM users WHERE users.tenant_id = %(tenant_id)s::INTEGER AND id = %(id)s",
    "a list": "SELECT email FROM users WHERE tenant_id IN (?, ?)",
    "a join": "SELECT 1 FROM session JOIN users ON users.tenant_id = session.tenant_id WHERE session.tenant_id = ?",
    "a table joined to itself": "SELECT 1 FROM users a JOIN users b ON b.tenant_id = a.tenant_id WHERE a.tenant_id = ?",
    "a correlated sub-query": "SELECT 1 FROM users WHERE tenant_id = ? AND EXISTS "
    "(SELECT 1 FROM session WHERE session.tenant_id = users.tenant_id)",
    "a union": "SELECT id FROM users WHERE tenant_id = ? UNION SELECT id FROM session WHERE tenant_id = ?",
    "an insert": "INSERT INTO attempt (tenant_id, id) VALUES (?, ?) ON CONFLICT (tenant_id, id) DO NOTHING",
    "an update": "UPDATE session SET ended_at = ? WHERE tenant_id = ? AND id = ? RETURNING id",
    "a table of nobody": "SELECT slug FROM tenant WHERE id = ?",
    "a column called so": "SELECT email AS session FROM email_address WHERE email = ?",
}


@pytest.mark.parametrize("sql", FORGETS.values(), ids=FORGETS)
def test_sql_that_forgets_the_tenant_is_known(sql: str) -> None:
    """In every form in which one forgets: the guard reads the text that is sent."""
    assert violation_of(sql) is not None


@pytest.mark.parametrize("sql", KEEPS.values(), ids=KEEPS)
def test_sql_that_keeps_to_its_tenant_is_let_through(sql: str) -> None:
    """What compares the tenant for each of its tables, and with a value, is good."""
    assert violation_of(sql) is None


@pytest.mark.parametrize(
    "forgets",
    [
        pytest.param(lambda: read(sa.select(User.email)), id="Core"),
        pytest.param(lambda: read(sa.text("SELECT email FROM users")), id="text"),
        pytest.param(lambda: Prepared(sa.select(User.email)).all(), id="prepared"),
        pytest.param(lambda: Prepared(sa.update(User).values(active=False)).write({}), id="prepared write"),
        pytest.param(lambda: write(sa.delete(SessionRow)), id="delete"),
        pytest.param(lambda: write(sa.text("INSERT INTO attempt (id, reference) VALUES (1, 'x')")), id="insert"),
        pytest.param(
            lambda: db.session.connection().execute(sa.text("SELECT email FROM users")), id="the session's connection"
        ),
    ],
)
def test_no_way_to_the_database_goes_round_the_guard(inside: World, forgets: Any) -> None:
    """Core, text and prepared statements, inside a transaction, on both databases."""
    before = inside.rows()
    with pytest.raises(TenantViolation), transaction():
        forgets()
    db.session.rollback()
    assert inside.rows() == before


# The schema


def test_every_row_of_a_tenant_says_so() -> None:
    """A table with a tenant_id is guarded, or is one of those that are looked up without a tenant."""
    for mapper in Base.registry.mappers:
        if "tenant_id" in mapper.columns:
            assert issubclass(mapper.class_, TenantScoped) != (mapper.class_ in GLOBAL), mapper.class_.__name__
    assert {"users", "session", "exchange", "used_assertion", "attempt", "audit_event", "identity_provider"} <= scoped_tables()


def test_keys_and_indexes_begin_with_the_tenant() -> None:
    """So that a tenant's rows lie together, and can be spread by it (DESIGN section 7)."""
    for name in scoped_tables():
        table = Base.metadata.tables[name]
        assert next(iter(table.primary_key)).name == "tenant_id", name
        unique = {item.name: item.columns for item in table.constraints if isinstance(item, sa.UniqueConstraint)}
        for keyed, columns in (unique | {index.name: index.columns for index in table.indexes}).items():
            first = next(iter(columns)).name
            assert first == "tenant_id" or first in FOR_JOBS, f"{name}: {keyed}"


def test_references_between_tenants_rows_carry_the_tenant() -> None:
    """Composite foreign keys: (tenant_id, x_id) to (tenant_id, id)."""
    for table in Base.metadata.tables.values():
        for key in table.foreign_key_constraints:
            if key.referred_table.name in scoped_tables():
                pairs = {(element.parent.name, element.column.name) for element in key.elements}
                assert ("tenant_id", "tenant_id") in pairs, key.name


def references() -> list[tuple[str, str, str]]:
    """Table, column and referred table of each composite foreign key."""
    return sorted(
        (table.name, element.parent.name, key.referred_table.name)
        for table in Base.metadata.tables.values()
        for key in table.foreign_key_constraints
        for element in key.elements
        if len(key.elements) > 1 and element.parent.name != "tenant_id"
    )


def test_the_database_refuses_a_reference_to_another_tenant(world: World) -> None:
    """Raw SQL, past all of our code: a row of acme cannot be made to point to one of globex, by any of its columns."""
    for organisation in (world.acme, world.globex):
        furnish(world, organisation)
    world.browser().start()  # leaves an exchange
    assert len(references()) > 10
    for table, column, referred in references():
        with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
            named = "user_id" if referred == "local_account" else "id"
            theirs = connection.execute(sa.text(f"SELECT {named} FROM {referred} WHERE tenant_id = {GLOBEX}")).scalars().first()
            assert theirs, referred
            ours = connection.execute(sa.text(f"SELECT count(*) FROM {table} WHERE tenant_id = {ACME}")).scalar_one()
            assert ours, f"{table}: nothing that could be made to point elsewhere"
            statement = sa.text(f"UPDATE {table} SET {column} = :theirs WHERE tenant_id = {ACME}")
            with pytest.raises(sa.exc.IntegrityError):
                connection.execute(statement, {"theirs": theirs})


def test_a_sealed_key_opens_in_its_own_place_only(world: World) -> None:
    """acme's sealed private key, copied into globex's row by whoever has the database: it does not sign for globex."""
    copy = sa.text(
        "UPDATE service_provider_key SET sealed_private_key = (SELECT sealed_private_key FROM service_provider_key"
        f" WHERE tenant_id = {ACME} AND use = :use) WHERE tenant_id = {GLOBEX} AND use = :use"
    )
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        for use in ("signing", "encryption"):
            connection.execute(copy, {"use": use})
    answer = world.browser(world.globex).get("/saml/login")
    assert answer.status_code >= 500
    assert "SAMLRequest" not in answer.get_data(as_text=True)
    pending(world).finish()


# The routes


def rules(world: World, prefix: str = "/") -> list[Rule]:
    """Every route of the application."""
    return [rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith(prefix)]


def address_of(rule: Rule, values: dict[str, str]) -> str:
    """The rule's path with its variables filled in."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "x"), rule.rule)


def test_no_route_knows_another_tenants_cookies(both: World) -> None:
    """Every path and method at globex's host with acme's session and login cookies: as without any, and acme is untouched."""
    browser = both.browser()
    both.sign_in(browser)
    browser.start()
    stolen = f"{SESSION_COOKIE}={browser.session_token}; {LOGIN_COOKIE}={browser.login_secret}"
    before = tenant_rows(both, ACME)
    for rule in rules(both):
        for method in sorted(rule.methods or ()):
            answer = both.browser(both.globex).open(method, address_of(rule, {}), headers={"Cookie": stolen})
            text = answer.get_data(as_text=True) + str(answer.headers)
            assert answer.status_code < 500, (method, rule.rule)
            assert "ada@acme.test" not in text
            assert "acme" not in text.lower().replace("idp.acme", ""), (method, rule.rule)
            assert SESSION_COOKIE not in text or "Max-Age=0" in text, "a session was given out"
    assert tenant_rows(both, ACME) == before
    assert browser.get("/session").status_code == 200


def tenant_rows(world: World, tenant_id: int) -> dict[str, set[str]]:
    """All rows of one tenant."""
    return {
        name: {str(row) for row in rows if str(tenant_id) in {str(value) for value in row[:2]}}
        for name, rows in world.rows().items()
        if name in scoped_tables()
    }


def test_the_api_is_not_there_on_a_tenants_host(both: World) -> None:
    """Not even with staff's token: scripts of a tenant's page must not reach it (INTERFACES)."""
    browser = both.browser()
    for rule in rules(both, "/api/"):
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            path = address_of(rule, {"slug": "acme", "name": "main"})
            answer = browser.open(method, path, headers={"Authorization": f"Bearer {both.staff_token}"})
            assert answer.status_code == 404, (method, path)


def test_the_api_does_not_take_cookies(both: World) -> None:
    """A browser that is signed in has no rights there."""
    browser = both.browser()
    both.sign_in(browser)
    headers = {"Cookie": f"{SESSION_COOKIE}={browser.session_token}"}
    answer = both.app.test_client(use_cookies=False).get("/api/v1/tenants", base_url="http://localhost:8000", headers=headers)
    assert answer.status_code == 401


@on_sqlite
def test_one_tenants_trust_is_not_another_ones(both: World) -> None:
    """The cache is keyed by tenant and version: settings of one do not show at the other, in either order."""
    both.change_settings(clock_skew_seconds=0, allow_idp_initiated=True)
    assert both.browser().post_response(both.response(None)).status_code == 303
    answer = both.browser(both.globex).post_response(both.response(None, both.globex))
    assert code_of(answer) == "unsolicited_not_allowed"
    for organisation in (both.globex, both.acme, both.globex):
        started = both.browser(organisation).start()
        assert organisation.entity_id.encode() in started.saml_request
