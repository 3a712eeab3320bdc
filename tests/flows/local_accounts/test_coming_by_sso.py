"""People with a local account who come by single sign-on: joined, refused, linked by an administrator's word (P3, P8, G2)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from config.database import transaction, write
from config.isolation import every_tenant
from identity.models import EmailAddress
from tenants.models import Tenant
from tenants.tenant_records import bump_version
from tests.flows.console.walking import token_of as csrf_of
from tests.support.browser import code_of
from tests.support.console import tenant_client
from tests.support.local_accounts import LocalPerson, allow_local, events_of, tenant_of
from tests.support.world import World, utc_now


@pytest.fixture
def lin(world: World) -> LocalPerson:
    """Somebody whose password was set."""
    allow_local(world)
    return LocalPerson(world).enrolled()


def test_an_invitation_that_nobody_followed_holds_up_no_sign_in(world: World) -> None:
    """The person is prepared as before: joined by single sign-on, in one piece; the link still sets a password."""
    allow_local(world, sso_enabled=False)
    mia = LocalPerson(world, name="mia")
    path = mia.invited()
    assert asserted(world, mia.email, "m1") == "sign_in_way_not_allowed", "their organisation has them come by a password"
    with_sso(world)
    assert asserted(world, mia.email, "m1") == "signed in"
    assert [person["id"] for person in people_named(world, mia.email)] == [mia.user_id]
    assert mia.follow(path).status_code == 200
    assert asserted(world, mia.email, "m1") == "signed in", "known by its subject from then on, password or not"
    assert asserted(world, mia.email, "m2") == "email_conflict"


def test_an_administrator_links_an_account_to_the_next_sign_in(world: World, lin: LocalPerson) -> None:
    """By one click on the refused attempt, by API or by command; by that identity provider alone, and once."""
    with_sso(world)
    assert asserted(world, lin.email, "l1") == "email_conflict"
    admin = tenant_client(world)
    attempt = world.api("GET", "/tenants/acme/attempts?code=email_conflict").get_json()["items"][0]
    path = f"/admin/attempts/{attempt['id']}"
    page = admin.get(path).get_data(as_text=True)
    assert f'action="{path}/relink"' in page
    assert f'href="/admin/people/{lin.user_id}"' in page
    form = {"csrf_token": csrf_of(admin, path), "offer": "0"}
    viewer = tenant_client(world, role="viewer")
    assert viewer.post(f"{path}/relink", data=form | {"csrf_token": csrf_of(viewer, "/admin/attempts")}).status_code == 403
    assert admin.post(f"{path}/relink", data={"offer": "0"}).status_code == 400
    left_open = tenant_client(world)
    token = csrf_of(left_open, path)
    with time_machine.travel(utc_now() + dt.timedelta(minutes=16)):
        asked_again = left_open.post(f"{path}/relink", data=form | {"csrf_token": token})
        assert code_of(asked_again) == "sign_in_again", "whoever sits at a console that was left open links nobody"
    assert events_of(world, "user.relinked") == []
    for _ in range(2):
        clicked = admin.post(f"{path}/relink", data=form)
        assert (clicked.status_code, clicked.location) == (303, f"/admin/people/{lin.user_id}")
    assert len(events_of(world, "user.relinked")) == 1, "the second click does nothing"
    assert "the next sign-in by" in admin.get(clicked.location).get_data(as_text=True)
    second = {"display_name": "Second", "metadata_xml": world.globex.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=second).status_code == 201
    browser = world.browser()
    started = browser.start(idp="second")
    message = world.globex.idp.response(
        sp_entity_id=world.acme.entity_id,
        acs_url=world.acme.acs_url,
        in_response_to=started.request_id,
        name_id="evil",
        attributes={"mail": [lin.email]},
    )
    assert code_of(browser.post_response(message, started.relay_state)) == "email_conflict", "another identity provider"
    assert asserted(world, lin.email, "l1") == "signed in"
    assert asserted(world, lin.email, "l2") == "email_conflict", "it holds once"
    assert [person["id"] for person in people_named(world, lin.email)] == [lin.user_id]
    for changes in ({"next_sign_in": True}, {"next_sign_in": True, "identity_provider": "main", "subject": "x"}):
        refused = world.api("POST", f"/tenants/acme/users/{lin.user_id}/relink", json={"reason": "r", **changes})
        assert refused.status_code == 422
    run = world.app.test_cli_runner().invoke
    done = run(args=["people", "relink", lin.email, "--tenant", "acme", "--reason", "r", "--idp", "main", "--next-sign-in"])
    assert done.exit_code == 0, done.output
    assert asserted(world, lin.email, "l2") == "signed in"


def test_a_receipt_names_nobody_of_another_organisation(world: World, lin: LocalPerson) -> None:
    """Where the address is owned elsewhere, the receipt offers no link, and nothing tells where."""
    theirs = foreign(world)
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.delete(EmailAddress).where(EmailAddress.email == lin.email))
        write(sa.update(EmailAddress).where(EmailAddress.user_id == theirs).values(email=lin.email))
    with_sso(world)
    assert asserted(world, lin.email, "l1") == "email_conflict"
    attempt = world.api("GET", "/tenants/acme/attempts?code=email_conflict").get_json()["items"][0]
    shown = world.api("GET", f"/tenants/acme/attempts/{attempt['id']}").get_json()
    assert "address_owner" not in shown["facts"]
    assert [offer["about"] for offer in shown["advice"]["offers"]] == [None]
    admin = tenant_client(world)
    path = f"/admin/attempts/{attempt['id']}"
    token = csrf_of(admin, path)
    assert admin.post(f"{path}/relink", data={"csrf_token": token}).status_code == 404


def with_sso(world: World) -> None:
    """Have acme's people come by single sign-on."""
    with world.app.app_context():
        tenant = tenant_of(world)
        with transaction():
            bump_version(tenant.id)
            write(sa.update(Tenant).where(Tenant.id == tenant.id).values(access={"way": "sso"}))


def asserted(world: World, email: str, name_id: str) -> str:
    """What becomes of a sign-in by acme's identity provider: the code of its refusal, or "signed in"."""
    browser = world.browser()
    started = browser.start(idp="main")
    response = world.response(started, name_id=name_id, attributes={"mail": [email]})
    answer = browser.post_response(response, started.relay_state)
    return code_of(answer) or ("signed in" if answer.status_code == 303 else str(answer.status_code))


def people_named(world: World, email: str) -> list[dict[str, Any]]:
    """acme's people with an address."""
    items: list[dict[str, Any]] = world.api("GET", f"/tenants/acme/users?email={email}").get_json()["items"]
    return items


def foreign(world: World) -> str:
    """Somebody of globex."""
    world.sign_in(world.browser(world.globex), world.globex)
    return str(world.api("GET", "/tenants/globex/users").get_json()["items"][0]["id"])
