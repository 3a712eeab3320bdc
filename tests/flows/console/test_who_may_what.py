"""Who may do what in the console, and what takes a fresh proof, said a second time (A1).

The walks ask each page by what it says of itself, so a page that asks too little passes all of them. Here a rule says what a
page has to ask, and names those that differ from it: a change of one is a change of both.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from admin_ui.console_sessions import ConsoleSession
from admin_ui.principals import RECENT
from admin_ui.screen import StaffScreen
from config.database import transaction, write
from config.isolation import every_tenant
from identity.models import SessionRow
from tenants.roles import ASSIST, CONFIGURE, LIST_TENANTS, ONBOARD, READ, Permission
from tests.flows.console.walking import Address, addresses, ask, of_staff, of_tenants, token_of
from tests.support.browser import code_of
from tests.support.console import grant, staff_client, tenant_client
from tests.support.world import World, utc_now

ALL_OF_STAFF = {
    *("service_overview.index", "tenants.index", "tenants.export", "search.index"),
    *("account.index", "account.app_form", "account.app", "account.password", "account.passkeys"),
    *("account.recovery_codes", "account.sessions"),
    "service_notifications.index",
}
"""Staff's own pages that support sees, too; all others are owners'."""
OWNERS = {"domains.attest", "general.change_state", "general.confirm", "general.delete", "general.move", "onboarding.activate"}
"""Of tenants' pages those that are staff owners' alone."""
SUPPORT_TOO = {
    *("authentication.sync", "directories.sync", "trials.start", "trials.begin", "pasted.index", "pasted.judge"),
    *("people.active", "people.bulk", "people.end_sessions", "sessions.end", "sessions.end_all", "seals.verify"),
}
"""What helps people, and changes nothing of whom a tenant trusts."""
FORMS = {
    *("connection.index", "connection.edit", "directories.new", "directories.edit", "saml_attributes.edit", "keys.bring"),
    *("organisations.new", "organisations.place", "organisations.settings", "people.new", "people.edit"),
}
"""Forms on pages of their own: of those who may send them."""
FRESH = {
    *("new_customer.index", "new_customer.create", "general.confirm", "general.delete", "domains.attest"),
    *("staff.invite_form", "staff.invite", "staff.role", "staff.active", "staff.reset", "staff.sessions"),
    *("connection.index", "connection.create", "connection.edit", "connection.save"),
    *("authentication.switch", "authentication.delete", "saml_attributes.promote", "settings_versions.restore"),
    *("metadata.decide", "metadata.restore", "onboarding.issue", "onboarding.release"),
    *("directories.new", "directories.create", "directories.edit", "directories.change", "directories.remove"),
    *("tokens.create", "administrators.grant", "administrators.rule", "break_glass.name_one"),
    *("notifications.add_webhook", "notifications.rotate", "notifications.add_contact", "keys.bring", "keys.take"),
    *("service_notifications.add_webhook", "service_notifications.rotate", "service_notifications.add_contact"),
    *("attempts.relink", "people.relink", "local_accounts.link", "local_accounts.second_factors", "local_accounts.take"),
}
"""What reaches far, as docs/console/access.md lists it. A part of what `administrators.change`, `people.edit`, `placement.save`
and one's own `account` take does so as well: these ask inside, and tests of their own know when."""


def wanted(address: Address) -> Permission:
    """What a page has to ask for."""
    if isinstance(address.screen, StaffScreen):
        return LIST_TENANTS if address.endpoint in ALL_OF_STAFF else ONBOARD
    if address.endpoint in OWNERS:
        return ONBOARD
    if address.endpoint in SUPPORT_TOO:
        return ASSIST
    return CONFIGURE if address.changes or address.endpoint in FORMS else READ


def prove_long_ago(world: World) -> None:
    """Every session goes on, and its person has proved who they are too long ago."""
    with world.app.app_context(), transaction(), every_tenant():
        longer_ago = utc_now() - RECENT - dt.timedelta(minutes=1)
        write(sa.update(SessionRow).values(proved_at=longer_ago))
        write(sa.update(ConsoleSession).values(authenticated_at=longer_ago))


def test_each_page_asks_for_what_its_kind_takes(world: World) -> None:
    """Permission and proof of every page; on staff's own pages nobody of a tenant has a role, whatever they say of admins."""
    found = list(addresses(world.app))
    for address in found:
        view = world.app.view_functions[address.endpoint]
        asks, takes = address.permission.roles or frozenset(), wanted(address).roles or frozenset()
        if isinstance(address.screen, StaffScreen):
            asks = frozenset(role for role in asks if not role.of_one_tenant)
        assert asks == takes, f"{address.method} {address.endpoint} is for {sorted(asks)}"
        assert view.fresh is (address.endpoint in FRESH), f"{address.method} {address.endpoint}: fresh is {view.fresh}"
    assert {address.endpoint for address in found} >= ALL_OF_STAFF | OWNERS | SUPPORT_TOO | FORMS | FRESH


def test_what_reaches_far_waits_for_a_proof_and_changes_nothing(world: World) -> None:
    """Asked for by a session whose person proved who they are too long ago: a form waits, a page leads to the sign-in."""
    owner, admin = staff_client(world), tenant_client(world)
    prove_long_ago(world)
    asked, before = set[str](), world.rows()
    for browser, pages in (
        (owner, of_staff(world.app) + of_tenants(world.app, below_slug=True)),
        (admin, of_tenants(world.app, below_slug=False)),
    ):
        form = {"csrf_token": token_of(browser, "/admin/")}
        for address in pages:
            if address.endpoint not in FRESH or (browser is admin and address.endpoint in OWNERS):
                continue
            answer = ask(browser, address.method, address.filled("1"), form)
            if address.changes:
                assert (answer.status_code, code_of(answer)) == (403, "sign_in_again"), f"{address}: {answer.status}"
            else:
                assert answer.location.startswith("/admin/sign-in?again=1&next="), f"{address}: {answer.status}"
            asked.add(address.endpoint)
    assert asked == FRESH
    assert world.rows() == before


def test_a_viewer_is_made_an_administrator_by_a_fresh_proof_alone(world: World) -> None:
    """A role that is changed gives as much as one that is named; to take one away needs none. One's own app's secret does."""
    owner, admin = staff_client(world), tenant_client(world)
    grant(world, world.acme, "thief@acme.test", "viewer")
    grants = {item["email"]: item["id"] for item in world.api("GET", "/tenants/acme/console-grants").get_json()["items"]}
    prove_long_ago(world)
    for browser, base in ((owner, "/admin/tenants/acme"), (admin, "/admin")):
        path = f"{base}/administrators/grants/{grants['thief@acme.test']}"
        form = {"csrf_token": token_of(browser, "/admin/"), "role": "admin"}
        assert code_of(browser.post(path, data=form)) == "sign_in_again"
    items = world.api("GET", "/tenants/acme/console-grants").get_json()["items"]
    assert {item["email"]: item["role"] for item in items} == {"admin@acme.test": "admin", "thief@acme.test": "viewer"}
    assert admin.post(path, data=form | {"remove": "yes"}).status_code == 303
    assert owner.get("/admin/account/app").location.startswith("/admin/sign-in?again=1&next=")
