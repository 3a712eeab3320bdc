"""Signed-in clients of the console: staff at the app host, a tenant's people at its own, each with a role."""

from __future__ import annotations

from admin_ui.console_sessions import STAFF_COOKIE, open_console_session
from admin_ui.staff_records import add_staff, find_staff_by_email
from config.database import transaction
from identity.sessions import BrowserFacts
from tenants.console_role_records import add_grant, find_grant_of, set_grant_role
from tenants.records import find_tenant
from tenants.roles import Role
from tests.support.browser import Browser
from tests.support.world import Organisation, World, utc_now

FACTS = BrowserFacts(user_agent="the tests", address="127.0.0.1")


def staff_client(world: World, role: str = "staff") -> Browser:
    """A browser at the app host in which one of staff is signed in: `staff` or `support`."""
    browser = Browser(world.app, None)
    give_staff_session(browser, staff_id(world, role))
    return browser


def staff_id(world: World, role: str = "staff") -> str:
    """The account of a role, made where there is none yet."""
    email = f"{role}@vestibule.test"
    with world.app.app_context():
        known = find_staff_by_email(email)
        if known is not None:
            return known.id
        with transaction():
            return add_staff(email, f"Sam {role.title()}", Role(role), created_by="test", now=utc_now())


def give_staff_session(browser: Browser, account: str) -> None:
    """Open a session of an account in a browser."""
    with browser.app.app_context(), transaction():
        token = open_console_session(account, "password_totp", FACTS, utc_now(), authenticated_at=utc_now())
    host = browser.host.partition(":")[0]
    browser.client.set_cookie(STAFF_COOKIE, token, domain=host, secure=True, httponly=True)


def tenant_client(
    world: World, organisation: Organisation | None = None, role: str | None = "admin", *, fresh: bool = True
) -> Browser:
    """A browser at an organisation's host in which one of its people is signed in: `admin`, `viewer`, or None for no role.

    Args:
        fresh: a new sign-in was demanded, so that they may do what reaches far.
    """
    organisation = organisation or world.acme
    who = role or "person"
    email = f"{who}@{organisation.domain}"
    if role is not None:
        grant(world, organisation, email, role)
    browser = world.browser(organisation)
    attributes = {"mail": [email], "givenName": [who.title()], "sn": ["Example"]}
    signed_in = world.sign_in(browser, organisation, force=fresh, name_id=email, attributes=attributes)
    assert signed_in.status_code == 303, signed_in.get_data(as_text=True)
    return browser


def grant(world: World, organisation: Organisation, email: str, role: str) -> None:
    """Name somebody for a role, or for another one."""
    with world.app.app_context():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        with transaction():
            known = find_grant_of(tenant.id, email)
            if known is None:
                add_grant(tenant.id, email, role, granted_by="test", now=utc_now())
            else:
                set_grant_role(tenant.id, known.id, role, granted_by="test", now=utc_now())
