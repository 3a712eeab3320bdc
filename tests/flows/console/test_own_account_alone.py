"""What staff do with their own accounts, asked of the flows: what a change ends, and that somebody always has a factor left."""

from __future__ import annotations

import pytest

from admin_ui.access_errors import LastFactor
from admin_ui.asked import Asked
from admin_ui.console_sessions import STAFF_COOKIE
from admin_ui.errors import ConsoleForbidden
from admin_ui.own_account import change_password, change_totp, new_codes, remove_totp
from admin_ui.principal import Principal
from admin_ui.principals import staff_principal, tenant_principal
from admin_ui.screens.tokens import _hold_maker
from admin_ui.sign_in_records import begin, find
from admin_ui.staff_accounts import change_active, change_role
from admin_ui.staff_entry import Door
from admin_ui.staff_records import change_staff
from config.database import transaction
from identity.credentials.offers import Factor
from identity.errors import NotSignedIn
from identity.people import change_active as switch_person
from identity.people_letters import Post, post_of
from identity.sessions import BrowserFacts
from tenants.errors import ConflictingState
from tenants.organisations.records import organisations_of
from tenants.records import find_tenant
from tenants.roles import Role
from tenants.tenant_records import find_managed_tenant
from tenants.wiring import keys, settings
from tests.support.browser import Browser
from tests.support.console import grant, staff_client, tenant_client
from tests.support.staff import PASSWORD, Colleague
from tests.support.world import World, utc_now


def principal_of(browser: Browser) -> Principal:
    """Whose browser this is, as a request of it was judged."""
    found = staff_principal(browser.cookie(STAFF_COOKIE) or "", utc_now())
    assert found is not None
    return found


def post() -> Post:
    """How letters go out."""
    return post_of(settings(), keys())


def test_a_sign_in_under_way_ends_with_the_password_that_began_it(world: World) -> None:
    """Whoever knew the former one, and waits at the second step, begins anew."""
    sam = Colleague(world).enrolled()
    with world.app.app_context():
        own, door = principal_of(sam.browser), Door(BrowserFacts("the tests", "127.0.0.1"), utc_now(), limited=False)
        with transaction():
            secret = begin("/admin/", door.now, staff_id=own.id)
        change_password(own, PASSWORD, "five herons sing badly", post(), door)
        assert find(secret, door.now) is None


def test_the_only_factor_stays(world: World) -> None:
    """An account is never one of a password alone."""
    sam = Colleague(world).enrolled()
    with world.app.app_context(), pytest.raises(LastFactor):
        remove_totp(principal_of(sam.browser), post(), utc_now())


def test_an_account_without_a_password_gets_no_factors(world: World) -> None:
    """It comes by single sign-on alone; what it had here would be asked by nobody, and stay when that is closed to it."""
    sam = Colleague(world).enrolled()
    with world.app.app_context():
        own, now = principal_of(sam.browser), utc_now()
        with transaction():
            change_staff(own.id, {"password_hash": None})
        for change in (
            lambda: change_totp(own, Factor(totp_secret="JBSWY3DPEHPK3PXP", totp_step=1), post(), now),
            lambda: new_codes(own, post(), now),
        ):
            with pytest.raises(ConflictingState):
                change()


@pytest.mark.parametrize("loss", ["demoted", "switched off"])
def test_staff_who_lose_their_account_this_moment_make_no_token(world: World, loss: str) -> None:
    """The request was judged before; the transaction that makes the token asks once more."""
    browser = staff_client(world)
    Colleague(world, "joan@vestibule.test").invited()  # an owner is left
    with world.app.app_context():
        own, managed = principal_of(browser), find_managed_tenant("acme")
        asked = Asked(own, managed, utc_now())
        with transaction():
            assert _hold_maker(asked) is None
        with transaction():
            if loss == "demoted":
                change_role(own.id, Role.SUPPORT, actor="test", now=asked.now)
            else:
                change_active(own.id, False, actor="test", now=asked.now)
        with pytest.raises(ConsoleForbidden), transaction():
            _hold_maker(asked)


def test_whoever_loses_their_role_this_moment_makes_no_token(world: World) -> None:
    """A tenant's administrator who is a viewer, or switched off, by the time that the transaction asks."""
    browser = tenant_client(world)
    with world.app.app_context():
        tenant = find_tenant("acme")
        assert tenant is not None
        own = tenant_principal(tenant, organisations_of(tenant.id), browser.session_token or "", utc_now())
        assert own is not None
        asked = Asked(own, find_managed_tenant("acme"), utc_now())
        with transaction():
            made_under = _hold_maker(asked)
        assert (made_under or "").startswith("grant:")
    grant(world, world.acme, "admin@acme.test", "viewer")
    with world.app.app_context():
        with pytest.raises(ConsoleForbidden), transaction():
            _hold_maker(asked)
        with transaction():
            switch_person(tenant.id, own.id, False, actor="test", now=asked.now)
        with pytest.raises(NotSignedIn), transaction():
            _hold_maker(asked)
