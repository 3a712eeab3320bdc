"""Every address of the console, asked by everybody: who may do what, and another tenant's rows are out of reach (A1, T3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa

from config.database import Base, db
from config.isolation import every_tenant, scoped_tables
from tenants.roles import Role
from tests.flows.console.walking import addresses, ask, of_staff, of_tenants, token_of
from tests.support.browser import Browser, code_of
from tests.support.console import staff_client, tenant_client
from tests.support.furnishing import furnish, mark_of
from tests.support.world import World

HOME = "/admin/"
ACME = 1


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
                assert (answer.status_code, code_of(answer)) == (400, "csrf_failed"), f"{address}: {answer.status}"
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
        assert (answer.status_code, code_of(answer)) == (403, "forbidden"), f"{address}: {answer.status}"
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
    """Globex's administrator walks the console with every id that acme has: in the path, in forms, in searches."""
    values = _names_of(world)
    browser = tenant_client(world, world.globex)
    token = token_of(browser, HOME)
    before = _rows_of(world, ACME)
    pages = of_tenants(world.app, below_slug=False)
    assert len(values) > 20
    for address in pages:
        for value in values if address.arguments else values[:1]:
            answer = ask(browser, address.method, address.filled(value), _form(token, value))
            if answer.status_code == 401 or "/saml/login" in answer.headers.get("Location", ""):
                browser = tenant_client(world, world.globex)  # its own sessions are what it may end
                token = token_of(browser, HOME)
                answer = ask(browser, address.method, address.filled(value), _form(token, value))
            assert answer.status_code < 500, f"{address} with {value}: {answer.status}"
            assert mark_of(world.acme) not in _without(answer.get_data(), value), f"{address} with {value} shows acme's"
        if not address.changes and not address.arguments:
            found = browser.get(address.path, query_string={"q": "mark-of", "email": "mark-of", "person": "mark-of"})
            assert mark_of(world.acme) not in found.get_data(as_text=True), f"{address}, searched"
    assert _rows_of(world, ACME) == before


def test_staffs_pages_of_one_tenant_show_nothing_of_another(world: World) -> None:
    """An id of acme's below globex is not there, also for those who may see both."""
    values = _names_of(world)
    owner = staff_client(world)
    token = token_of(owner, HOME)
    before = _rows_of(world, ACME)
    for address in of_tenants(world.app, below_slug=True):
        if address.endpoint in ENDS_GLOBEX:
            continue
        for value in values if address.arguments else values[:1]:
            answer = ask(owner, address.method, address.filled(value, "globex"), _form(token, value))
            assert answer.status_code < 500, f"{address} with {value}: {answer.status}"
            assert mark_of(world.acme) not in _without(answer.get_data(), value), f"{address} with {value}"
    assert _rows_of(world, ACME) == before


def test_a_role_that_was_taken_away_ends_with_the_next_request(world: World) -> None:
    """Deactivation, in the middle of a visit."""
    admin = tenant_client(world)
    assert admin.get("/admin/overview/").status_code == 200
    person = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    assert world.api("PATCH", f"/tenants/acme/users/{person}", json={"active": False}).status_code == 200
    answer = admin.get("/admin/overview/")
    assert (answer.status_code, answer.headers["Location"].startswith("/saml/login")) == (302, True)


ENDS_GLOBEX: frozenset[str] = frozenset()
"""Pages that would take the tenant itself away in the middle of the walk."""


def _form(token: str, value: str) -> dict[str, str]:
    """A form that names another tenant's row wherever a screen may look for one."""
    names = ("id", "user_id", "name", "email", "domain", "person", "idp", "version", "number", "field")
    return {"csrf_token": token, "act": "delete", **dict.fromkeys(names, value)}


def _without(body: bytes, value: str) -> str:
    """An answer without what was asked for, which it may say again."""
    text = body.decode("utf-8", "replace")
    for said in (value, quote(value), quote_plus(value), quote(quote(value)), quote_plus(quote_plus(value))):
        text = text.replace(said, "")
    return text


def _names_of(world: World) -> list[str]:
    """What names a row of acme's and none of globex's."""
    both_have = ("slug", "name", "number", "directory")
    left = {name: value for name, value in furnish(world, world.acme).items() if name not in both_have}
    return [*left.values(), *_ids_of(world, ACME)]


def _ids_of(world: World, tenant_id: int) -> list[str]:
    """Whatever names a row of a tenant: ids, public ids, names, domains, addresses."""
    named = ("id", "public_id", "request_id", "reference", "domain", "email", "sha256")
    found: dict[str, None] = {}
    for table in Base.metadata.sorted_tables:
        if "tenant_id" not in table.c:
            continue
        for row in _select(world, table, tenant_id, limit=1):
            for column in named:
                if row.get(column) is not None:
                    found[str(row[column])] = None
    return list(found)


def _rows_of(world: World, tenant_id: int) -> dict[str, list[str]]:
    """All that a tenant has."""
    names = sorted(scoped_tables() | {"email_domain", "email_address", "my_domain", "api_token"})
    tables = (Base.metadata.tables[name] for name in names)
    return {table.name: sorted(str(row) for row in _select(world, table, tenant_id)) for table in tables}


def _select(world: World, table: sa.Table, tenant_id: int, limit: int | None = None) -> list[dict[str, Any]]:
    statement = sa.select(table).where(table.c.tenant_id == tenant_id).limit(limit)
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]
