"""Who is in the console: looked up with each request, so that what was taken away is gone at once."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from admin_ui.access_errors import SignInAgain
from admin_ui.console_sessions import ABSOLUTE, IDLE, STAFF_COOKIE, end_console_sessions
from admin_ui.principal import Principal
from admin_ui.principals import RECENT, require_recent, staff_principal, tenant_principal
from admin_ui.staff_records import change_staff
from config.database import transaction, write
from identity.console_roles import console_role_of
from identity.models import User
from identity.sessions import end_session
from tenants.console_role_records import find_grant_of, remove_grant
from tenants.organisations.records import organisations_of
from tenants.records import find_tenant
from tenants.roles import Role
from tests.support.browser import Browser
from tests.support.console import grant, staff_client, staff_id, tenant_client
from tests.support.world import Organisation, World, utc_now


def of_staff(world: World, browser: Browser, now: dt.datetime | None = None) -> Principal | None:
    """Who the app host's cookie is."""
    with world.app.app_context():
        return staff_principal(browser.cookie(STAFF_COOKIE) or "", now or utc_now())


def of_tenant(world: World, browser: Browser, organisation: Organisation) -> Principal | None:
    """Who the cookie is at an organisation."""
    with world.app.app_context():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        return tenant_principal(tenant, organisations_of(tenant.id), browser.session_token or "", utc_now())


def end(tenant_id: int, token: str) -> bool:
    """End a person's session."""
    with transaction():
        return end_session(tenant_id, token, utc_now(), reason="signed_out")


@pytest.mark.parametrize("role", ["staff", "support"])
def test_staff_see_every_tenant(world: World, role: str) -> None:
    """An account's role is that of its session, and no tenant is theirs."""
    principal = of_staff(world, staff_client(world, role))
    assert principal is not None
    assert (principal.role, principal.tenant_id, principal.actor) == (Role(role), None, f"staff:{principal.id}")


def test_a_role_change_holds_with_the_next_request(world: World) -> None:
    """The role is the account's of this moment, not that of the sign-in."""
    browser = staff_client(world)
    with world.app.app_context(), transaction():
        change_staff(staff_id(world), {"role": "support"})
    principal = of_staff(world, browser)
    assert principal is not None
    assert principal.role is Role.SUPPORT


def test_a_deactivated_account_is_out_at_once(world: World) -> None:
    """Even where nobody ended its sessions."""
    browser = staff_client(world)
    with world.app.app_context(), transaction():
        change_staff(staff_id(world), {"active": False})
    assert of_staff(world, browser) is None


def test_a_session_that_was_ended_is_nobody_s(world: World) -> None:
    """Its cookie may go on existing."""
    browser = staff_client(world)
    with world.app.app_context(), transaction():
        assert end_console_sessions(staff_id(world), utc_now()) == 1
    assert of_staff(world, browser) is None


@pytest.mark.parametrize("token", ["", "x", "é" * 20, "x" * 5000, "\x00", "' OR 1=1 --"])
def test_a_token_that_was_made_up_is_nobody_s(world: World, token: str) -> None:
    """Whatever a cookie may hold."""
    with world.app.app_context():
        assert staff_principal(token, utc_now()) is None


def test_sessions_of_staff_end_by_themselves(world: World) -> None:
    """After half an hour without a request, and after twelve hours in any case."""
    browser, now = staff_client(world), utc_now()
    assert of_staff(world, browser, now + IDLE + dt.timedelta(seconds=5)) is None
    moment = now
    while moment < now + ABSOLUTE - IDLE / 2:
        moment += IDLE / 2
        assert of_staff(world, browser, moment) is not None
    assert of_staff(world, browser, now + ABSOLUTE + dt.timedelta(seconds=5)) is None


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_a_grant_gives_a_role_at_one_tenant(world: World, role: str) -> None:
    """The person is who the identity provider says; the role is this tenant's alone."""
    principal = of_tenant(world, tenant_client(world, role=role), world.acme)
    assert principal is not None
    assert (principal.role, principal.email) == (Role(role), f"{role}@acme.test")
    assert principal.tenant_id is not None


def test_people_without_a_role_are_nobody_in_the_console(world: World) -> None:
    """A session alone is not enough."""
    assert of_tenant(world, tenant_client(world, role=None), world.acme) is None


def test_a_grant_of_another_tenant_counts_for_nothing(world: World) -> None:
    """The same address named at globex gives no role at acme."""
    grant(world, world.globex, "person@acme.test", "admin")
    assert of_tenant(world, tenant_client(world, role=None), world.acme) is None


def test_a_session_of_another_tenant_is_nobody_s_here(world: World) -> None:
    """Acme's admin with acme's cookie at globex."""
    browser = tenant_client(world, role="admin")
    assert of_tenant(world, browser, world.globex) is None


def test_a_grant_that_was_taken_away_holds_no_longer(world: World) -> None:
    """With the next request, in the middle of the session."""
    browser = tenant_client(world, role="admin")
    with world.app.app_context():
        tenant = find_tenant("acme")
        assert tenant is not None
        held = find_grant_of(tenant.id, "admin@acme.test")
        assert held is not None
        with transaction():
            assert remove_grant(tenant.id, held.id)
    assert of_tenant(world, browser, world.acme) is None


def test_a_person_switched_off_is_out_at_once(world: World) -> None:
    """Their account's end is the console's end."""
    browser = tenant_client(world, role="admin")
    principal = of_tenant(world, browser, world.acme)
    assert principal is not None
    assert world.api("PATCH", f"/tenants/acme/users/{principal.id}", json={"active": False}).status_code == 200
    assert of_tenant(world, browser, world.acme) is None


def test_a_role_is_asked_for_a_session_that_goes_on(world: World) -> None:
    """Also where nobody looked at the session before: a role goes with it, and with the account."""
    browsers = [tenant_client(world, role="admin") for _ in range(2)]
    first, second = (of_tenant(world, browser, world.acme) for browser in browsers)
    assert first is not None
    assert second is not None
    tenant_id = first.tenant_id or 0
    with world.app.app_context():
        assert end(tenant_id, browsers[0].session_token or "")
        assert console_role_of(tenant_id, first.id, first.session_id) is None
        held = console_role_of(tenant_id, second.id, second.session_id)
        assert held is not None
        assert held.role is Role.ADMIN
        with transaction():
            write(sa.update(User).where(User.tenant_id == tenant_id, User.id == second.id).values(active=False))
        assert console_role_of(tenant_id, second.id, second.session_id) is None


def test_what_cannot_be_undone_wants_a_recent_sign_in(world: World) -> None:
    """Fifteen minutes after it, an open laptop is not enough; for staff and tenants' people alike."""
    staff, admin = staff_client(world), tenant_client(world, role="admin")
    for principal in (of_staff(world, staff), of_tenant(world, admin, world.acme)):
        assert principal is not None
        with world.app.app_context():
            require_recent(principal, utc_now())
            with pytest.raises(SignInAgain):
                require_recent(principal, utc_now() + RECENT + dt.timedelta(seconds=5))


def test_a_principal_cannot_mix_roles_and_tenants() -> None:
    """A tenant's role without a tenant, or staff's with one, is no value at all."""
    for role, tenant_id in ((Role.ADMIN, None), (Role.STAFF, 1)):
        with pytest.raises(ValueError, match="of tenant"):
            Principal("1", "n", "e", role, tenant_id, "a", "s")


def test_events_of_staff_are_only_added(world: World) -> None:
    """The database itself refuses to change or remove one."""
    with world.app.app_context(), transaction() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO staff_event (id, type, at, actor, detail) "
                "VALUES ('01900000000070008000000000000000', 'x', '2026-01-01 00:00:00', 'test', '{}')"
            )
        )
    for statement in ("UPDATE staff_event SET type = 'y'", "DELETE FROM staff_event"):
        with (
            world.app.app_context(),
            pytest.raises(sa.exc.DBAPIError, match="only ever added"),
            transaction() as connection,
        ):
            connection.execute(sa.text(statement))
    assert world.count("staff_event") == 1
