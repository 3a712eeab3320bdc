"""Every address of the console, asked by everybody: who may do what, and nobody sees or changes another tenant's rows (A1, T3)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from config.database import Base, db
from config.isolation import every_tenant, scoped_tables
from tenants.roles import Role
from tests.flows.console.walking import addresses, ask, of_staff, of_tenants, token_of
from tests.support.browser import Browser, code_of
from tests.support.console import staff_client, tenant_client
from tests.support.world import World

HOME = "/admin/"
ACME, GLOBEX = 1, 2
MARK = "mark-of-acme"
"""Stands in everything of acme's that can be shown."""


def test_every_page_says_who_may_see_it(world: World) -> None:
    """There are pages, and each has a permission that leaves somebody out or says that it does not."""
    found = list(addresses(world.app))
    assert len(found) > 1
    assert all(address.permission.roles for address in found), "no page of a screen is open to everybody"


def test_nobody_sees_anything_without_signing_in(world: World) -> None:
    """A page leads to the sign-in, a form is refused; at both kinds of hosts, and nothing is changed."""
    before = world.rows()
    for browser, found in (
        (Browser(world.app, None), of_staff(world.app) + of_tenants(world.app, below_slug=True)),
        (world.browser(world.acme), of_tenants(world.app, below_slug=False)),
    ):
        for address in found:
            answer = ask(browser, address.method, address.filled("1"))
            assert answer.status_code == (401 if address.changes else 302), f"{address}: {answer.status}"
    assert world.rows() == before


def test_forms_without_their_token_change_nothing(world: World) -> None:
    """Every page that changes something refuses a form that did not come from a page of ours."""
    owner, admin = staff_client(world), tenant_client(world)
    before = world.rows()
    for browser, found in (
        (owner, of_staff(world.app) + of_tenants(world.app, below_slug=True)),
        (admin, of_tenants(world.app, below_slug=False)),
    ):
        for address in filter(lambda item: item.changes, found):
            for form in ({}, {"csrf_token": ""}, {"csrf_token": "made-up"}):
                answer = ask(browser, address.method, address.filled("1"), form)
                assert code_of(answer) == (400, "csrf_failed"), f"{address}: {answer.status}"
    assert world.rows() == before


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.VIEWER])
def test_who_may_not_is_refused_and_changes_nothing(world: World, role: Role) -> None:
    """Support and viewers are refused every page that is not for them, with a good token, before anything is looked at."""
    browser = staff_client(world, role.value) if role is Role.SUPPORT else tenant_client(world, role=role.value)
    found = of_tenants(world.app, below_slug=role is Role.SUPPORT) + (of_staff(world.app) if role is Role.SUPPORT else [])
    token = token_of(browser, HOME)
    before = world.rows()
    for address in (item for item in found if not item.permission.allows(role)):
        answer = ask(browser, address.method, address.filled("1"), {"csrf_token": token})
        assert code_of(answer) == (403, "forbidden"), f"{address}: {answer.status}"
    assert world.rows() == before


def test_a_person_without_a_role_sees_nothing(world: World) -> None:
    """Signed in as one of the organisation's people is not enough."""
    browser = tenant_client(world, role=None)
    for address in of_tenants(world.app, below_slug=False):
        answer = ask(browser, address.method, address.filled("1"))
        assert answer.status_code == 403, f"{address}: {answer.status}"


def test_addresses_of_the_other_kind_of_host_are_not_there(world: World) -> None:
    """Staff's screens on a tenant's host, tenants' own addresses on the app host, and a slug on a tenant's host."""
    owner, admin = staff_client(world), tenant_client(world)
    token, admins = token_of(owner, HOME), token_of(admin, HOME)
    for browser, found, form in (
        (admin, of_staff(world.app) + of_tenants(world.app, below_slug=True), {"csrf_token": admins}),
        (owner, of_tenants(world.app, below_slug=False), {"csrf_token": token}),
    ):
        for address in found:
            answer = ask(browser, address.method, address.filled("1"), form)
            assert answer.status_code in (403, 404), f"{address}: {answer.status}"


def test_a_tenant_that_is_unknown_or_deleted_is_not_there(world: World) -> None:
    """For staff, whatever the page."""
    owner = staff_client(world)
    token = token_of(owner, HOME)
    assert world.api("DELETE", "/tenants/globex").status_code == 204
    for address in of_tenants(world.app, below_slug=True):
        for slug in ("globex", "nobody", "ACME"):
            answer = ask(owner, address.method, address.filled("1", slug), {"csrf_token": token})
            assert answer.status_code == 404, f"{address} of {slug}: {answer.status}"


def test_no_page_shows_or_changes_another_tenants_rows(world: World) -> None:
    """Globex's administrator walks the whole console with every id that acme has: in the path, and in forms."""
    _leave_marks(world)
    browser = tenant_client(world, world.globex)
    token = token_of(browser, HOME)
    before = _rows_of(world, ACME)
    ids = _ids_of(world, ACME)
    assert len(ids) > 10
    for address in of_tenants(world.app, below_slug=False):
        for value in ids if address.arguments else ids[:1]:
            form = {"csrf_token": token, "id": value, "act": "delete", "user_id": value, "name": value, "q": MARK}
            answer = ask(browser, address.method, address.filled(value), form)
            shown = answer.get_data(as_text=True)
            assert answer.status_code < 500, f"{address} with {value}: {answer.status}"
            assert MARK not in shown.replace(value, "").replace("q=" + MARK, ""), f"{address} with {value} shows acme's"
            if not address.changes:
                searched = browser.get(address.filled(value), query_string={"q": MARK, "email": f"{MARK}@acme.test"})
                assert f"{MARK}@" not in searched.get_data(as_text=True).replace(f"{MARK}@acme.test", "", 2)
    assert _rows_of(world, ACME) == before


def test_staffs_pages_of_one_tenant_show_nothing_of_another(world: World) -> None:
    """An id of acme's below globex is not there, also for those who may see both."""
    _leave_marks(world)
    owner = staff_client(world)
    before = _rows_of(world, ACME)
    token = token_of(owner, HOME)
    for address in of_tenants(world.app, below_slug=True):
        for value in _ids_of(world, ACME) if address.arguments else ["1"]:
            answer = ask(owner, address.method, address.filled(value, "globex"), {"csrf_token": token, "id": value})
            assert answer.status_code < 500, f"{address} with {value}: {answer.status}"
            assert MARK not in answer.get_data(as_text=True).replace(value, ""), f"{address} with {value}"
    assert _rows_of(world, ACME) == before


def test_a_role_that_was_taken_away_ends_with_the_next_request(world: World) -> None:
    """Demotion, deactivation and the end of the session, each in the middle of a visit."""
    admin = tenant_client(world)
    assert admin.get(HOME).status_code == 302
    person = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    assert world.api("PATCH", f"/tenants/acme/users/{person}", json={"active": False}).status_code == 200
    answer = admin.get(HOME)
    assert (answer.status_code, answer.headers["Location"].startswith("/saml/login")) == (302, True)


def _leave_marks(world: World) -> None:
    """Rows of every kind at acme, with words that can be recognised."""
    email = f"{MARK}@acme.test"
    signed_in = world.sign_in(
        world.browser(),
        name_id=MARK,
        attributes={"mail": [email], "givenName": [MARK], "sn": [MARK], "uid": [MARK]},
    )
    assert signed_in.status_code == 303
    refused = world.sign_in(world.browser(), name_id=MARK, attributes={"mail": [f"{MARK}@elsewhere.test"]})
    assert refused.status_code == 403


def _ids_of(world: World, tenant_id: int) -> list[str]:
    """Whatever names a row of a tenant: ids, public ids, names, domains, addresses."""
    named = ("id", "public_id", "request_id", "reference", "domain", "email", "name", "number", "user_id", "idp_id", "sha256")
    found: dict[str, None] = {}
    for table in Base.metadata.sorted_tables:
        if "tenant_id" not in table.c:
            continue
        for row in _select(world, table, tenant_id, limit=3):
            for column in named:
                if row.get(column) is not None:
                    found[str(row[column])] = None
    return list(found)


def _rows_of(world: World, tenant_id: int) -> dict[str, list[str]]:
    """All that a tenant has, but what reading leaves behind."""
    names = sorted(scoped_tables() | {"email_domain", "email_address", "my_domain", "api_token"})
    tables = (Base.metadata.tables[name] for name in names)
    return {table.name: sorted(str(row) for row in _select(world, table, tenant_id)) for table in tables}


def _select(world: World, table: sa.Table, tenant_id: int, limit: int | None = None) -> list[dict[str, Any]]:
    statement = sa.select(table).where(table.c.tenant_id == tenant_id).limit(limit)
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]
