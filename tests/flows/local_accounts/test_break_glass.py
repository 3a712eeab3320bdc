"""Break-glass: a few named administrators come in when everything else is down, and everybody is told (G4)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from config.database import read, transaction, write
from config.isolation import every_tenant
from identity.local_accounts.break_glass_records import uses_of
from identity.local_sign_in.break_glass import MAX_NAMED, acknowledge_use, withdraw_break_glass
from identity.models import SessionRow
from tenants.models import IdentityProvider
from tenants.notices.contacts import name_contact
from tenants.notices.models import Delivery, ServiceDelivery
from tests.support.browser import code_of
from tests.support.local_accounts import (
    REASON,
    LocalPerson,
    allow_local,
    change_deployment,
    events_of,
    means_of,
    tenant_of,
)
from tests.support.world import World, utc_now


def ready(world: World) -> LocalPerson:
    """A break-glass administrator with password and app, at a tenant where SSO is required of everybody."""
    allow_local(world, sso_required=True)
    lin = LocalPerson(world)
    path = lin.invited()
    lin.named()
    assert lin.follow(path).status_code == 200
    assert len(lin.codes) == 10
    return lin


def test_a_named_administrator_comes_in_while_the_identity_provider_is_down(world: World) -> None:
    """Password, reason and second factor; into the console as an administrator, for an hour; everybody is told at once."""
    lin = ready(world)
    change_deployment(world, smtp_url="smtp://mail.invalid:25")  # nobody is there, and nothing waits for it
    with world.app.app_context(), transaction():
        name_contact(None, "noc@staff.example", by_staff=True, actor="test", now=utc_now())
        name_contact(tenant_of(world).id, "desk@acme.test", by_staff=True, actor="test", now=utc_now())
        with every_tenant():
            write(sa.update(IdentityProvider).values(enabled=False))
    assert 'href="/break-glass"' in lin.page("/")
    assert code_of(lin.give_password()) == "sign_in_way_not_allowed"
    assert code_of(lin.break_glass(reason="because")) == "validation_failed"
    first = lin.break_glass()
    assert first.location == "/sign-in/second-factor"
    assert not lin.is_in()
    entered = lin.give(code=lin.code())
    assert entered.location == "/admin/"
    assert lin.browser.get("/admin/", follow_redirects=True).status_code == 200
    assert lin.browser.get("/admin/people/").status_code == 200
    with world.app.app_context(), every_tenant():
        session = read(sa.select(SessionRow.way, SessionRow.expires_at, SessionRow.created_at)).one()
        told = {row.recipient for row in read(sa.select(Delivery.recipient).where(Delivery.event == "break_glass.used"))}
        staff = read(sa.select(ServiceDelivery.recipient, ServiceDelivery.state)).all()
        uses = uses_of(tenant_of(world).id)
    assert (session.way, session.expires_at - session.created_at) == ("break_glass", dt.timedelta(hours=1))
    assert told == {"desk@acme.test"}
    assert ("noc@staff.example", "waiting") in [tuple(row) for row in staff]
    assert [(use.email, use.reason, use.seen_at) for use in uses] == [(lin.email, REASON, None)]
    (event,) = events_of(world, "break_glass.used")
    assert event.detail["why"] == REASON
    assert len(events_of(world, "break_glass.named")) == 1


def test_a_name_that_is_taken_back_ends_what_it_opened(world: World) -> None:
    """The session is over with the next request; the account stays, and comes in so no more."""
    lin = ready(world)
    lin.break_glass()
    lin.give(code=lin.code())
    tenant_id = _id(world)
    with world.app.app_context():
        (use,) = uses_of(tenant_id, unseen=True)
        with transaction():
            acknowledge_use(tenant_id, use.id, actor="test", now=utc_now())
        assert uses_of(tenant_id, unseen=True) == []
        with transaction():
            withdraw_break_glass(tenant_id, lin.user_id, actor="test", now=utc_now())
    assert not lin.is_in()
    assert code_of(lin.break_glass()) == "sign_in_way_not_allowed"
    assert len(events_of(world, "break_glass.withdrawn")) == 1


def test_whoever_has_no_second_factor_or_no_name_does_not_come_in(world: World) -> None:
    """A local account alone opens nothing here, nor does a name without a second factor."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    assert code_of(lin.break_glass()) == "sign_in_way_not_allowed"
    assert code_of(lin.break_glass(password="not the password at all")) == "sign_in_failed"
    lin.named()
    assert code_of(lin.break_glass()) == "second_factor_missing"
    assert code_of(lin.give_password()) == "second_factor_missing"
    assert world.count("break_glass_use") == 0
    assert means_of(world).settings.smtp_url is None


def _id(world: World) -> int:
    with world.app.app_context():
        return tenant_of(world).id


def test_a_name_gives_a_role_in_an_emergency_alone(world: World) -> None:
    """Who is named and comes by their password as on any day has no role in the console: nobody is told of that, and why."""
    allow_local(world)
    lin = LocalPerson(world)
    path = lin.invited()
    lin.named()
    assert lin.follow(path).status_code == 200
    assert lin.give_password().location == "/sign-in/second-factor"
    assert lin.give(code=lin.code()).status_code == 303
    assert lin.is_in()
    assert lin.browser.get("/admin/").status_code == 403
    lin.break_glass()
    assert lin.give(code=lin.code()).location == "/admin/"
    assert lin.browser.get("/admin/", follow_redirects=True).status_code == 200


def test_ten_are_enough(world: World) -> None:
    """Whoever is named beyond them is not; the same one again is."""
    people = [LocalPerson(world, name=f"lin{number}") for number in range(MAX_NAMED + 1)]
    for person in people:
        person.invited()
    answers = [
        world.api("PUT", f"/tenants/acme/break-glass/{person.user_id}", json={"reason": REASON}).status_code
        for person in (*people, people[0])
    ]
    assert answers == [200] * MAX_NAMED + [409, 200]
    assert len(world.api("GET", "/tenants/acme/break-glass").get_json()["admins"]) == MAX_NAMED
