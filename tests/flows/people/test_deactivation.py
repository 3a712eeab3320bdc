"""An account is switched off: everything ends at once, no way in brings it back, and a report says when (P8)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import db, transaction, write
from config.isolation import every_tenant
from identity.deactivation import ENDINGS
from identity.import_models import READY
from identity.local_accounts.account_records import add_account
from identity.local_accounts.link_records import add_link
from identity.local_accounts.models import LocalSignIn
from identity.models import SessionRow
from identity.people_import import run_due_imports
from tenants.access_tokens import make_tenant_token
from tenants.roles import Role
from tenants.setup_models import SetupLink
from tenants.tenant_records import find_managed_tenant
from tests.flows.people.test_devices import alive, signed_in
from tests.support.browser import Browser, code_of
from tests.support.native import Application, who
from tests.support.world import World, utc_now

USERS = "/tenants/acme/users"
APPLICATION = Application()


def switch(world: World, user_id: str, *, active: bool) -> None:
    """Off or on, by API."""
    assert world.api("PATCH", f"{USERS}/{user_id}", json={"active": active}).status_code == 200


def id_of(browser: Browser) -> str:
    """Whose session it is."""
    user_id: str = browser.get("/session").get_json()["user"]["id"]
    return user_id


def report(world: World, user_id: str) -> dict[str, Any]:
    """When their access ended."""
    answer = world.api("GET", f"{USERS}/{user_id}/access-end")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def upload(world: World, table: str, *, leave_out: bool = True) -> dict[str, Any]:
    """A file of people, compared and applied."""
    made = world.api("POST", "/tenants/acme/people-imports", data=table.encode(), content_type="text/csv").get_json()
    with world.app.app_context():
        run_due_imports(utc_now())
    path = f"/tenants/acme/people-imports/{made['id']}"
    found: dict[str, Any] = world.api("GET", path).get_json()
    if found["state"] == READY:
        body = {"fingerprint": found["fingerprint"], "leave_out_refused": leave_out}
        world.api("POST", f"{path}/apply", json=body)
        with world.app.app_context():
            run_due_imports(utc_now())
    return dict(world.api("GET", path).get_json())


def open_everything(world: World, browser: Browser) -> tuple[str, str, str]:
    """Whatever lets a person in: an application's token, a code that waits, a token of the API; and a set-up link."""
    user_id, token, code = id_of(browser), APPLICATION.token(browser), APPLICATION.code(browser)
    with world.app.app_context(), transaction():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        made = make_tenant_token(
            tenant, Role.ADMIN, label="mine", lifetime=dt.timedelta(days=1), actor=f"user:{user_id}", now=utc_now()
        )
        now = utc_now()
        row = {"tenant_id": tenant.id, "token_hash": "x", "email": "ada@acme.test", "created_by": "test", "created_at": now}
        write(sa.insert(SetupLink.__table__).values(row | {"expires_at": now + dt.timedelta(days=1)}))
        assert add_account(tenant.id, user_id, created_by="test", now=now)
        add_link(tenant.id, user_id, "reset", now)
        waits = {"tenant_id": tenant.id, "browser_hash": "y", "user_id": user_id, "way": "local", "target": "/", "tries": 0}
        write(sa.insert(LocalSignIn.__table__).values(**waits, created_at=now, expires_at=now + dt.timedelta(minutes=5)))
    return token, code, made.secret


def test_everything_ends_at_once(world: World) -> None:
    """Browsers, applications, codes, tokens that they made, links to their address; nobody else's; and it is told how fast."""
    browser, phone = signed_in(world), signed_in(world)
    bob = signed_in(world, name_id="bob@acme.test", attributes={"mail": ["bob@acme.test"]})
    user_id = id_of(browser)
    token, code, api_token = open_everything(world, browser)
    assert world.api("GET", "/tenants/acme", token=api_token).status_code == 200
    begun = browser.start()
    asked = utc_now()
    switch(world, user_id, active=False)
    assert alive(browser, phone, bob) == [False, False, True]
    assert who(browser, token).status_code == 401
    assert code_of(APPLICATION.redeems(browser, code)) == "native_code_invalid"
    assert world.api("GET", "/tenants/acme", token=api_token).status_code == 401
    late = browser.post_response(world.response(begun), begun.relay_state)
    assert code_of(late) == "user_inactive", "a sign-in that was under way"
    assert code_of(world.sign_in(world.browser())) == "user_inactive"

    told = report(world, user_id)
    assert told["active"] is False
    (end,) = told["items"]
    mine = {"sessions": 3, "native_codes": 1, "api_tokens": 1, "setup_links": 1, "local_links": 1, "local_sign_ins": 1}
    assert end["ended"] == mine
    assert end["ended"].keys() == ENDINGS.keys()
    assert world.count("local_link") == world.count("local_sign_in") == 0
    assert 0 < end["milliseconds"] < 1_000
    assert asked <= dt.datetime.fromisoformat(end["asked_at"]) <= dt.datetime.fromisoformat(end["ended_at"]) <= utc_now()
    assert dt.datetime.fromisoformat(end["last_seen_at"]) <= asked
    assert (told["accepted_since"], told["refused_since"]) == (0, 2)
    (event,) = (e for e in world.api("GET", "/tenants/acme/events").get_json()["items"] if e["type"] == "user.deactivated")
    assert event["detail"]["ended"] == end["ended"]
    assert event["detail"]["sessions_ended"] == 3
    switch(world, user_id, active=False)
    assert len(report(world, user_id)["items"]) == 1, "the same again is nothing new"


def test_what_a_race_left_behind_does_not_come_back(world: World) -> None:
    """A session that was opened while the account was switched off is of no use, and not when it is switched on again."""
    browser = signed_in(world)
    user_id = id_of(browser)
    switch(world, user_id, active=False)
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        connection.execute(sa.update(SessionRow).where(SessionRow.user_id == user_id).values(ended_at=None))
    assert alive(browser) == [False]
    switch(world, user_id, active=True)
    assert alive(browser) == [False]
    assert alive(signed_in(world)) == [True]


def test_no_sign_in_brings_anybody_back(world: World) -> None:
    """Not under the same name, not under another one with the same address, not with a new profile, not from their own wish."""
    world.change_settings(allow_idp_initiated=True, profile_update="every_login")
    user_id = id_of(signed_in(world))
    switch(world, user_id, active=False)
    assert code_of(world.browser().post_response(world.response(None))) == "user_inactive"
    assert code_of(world.sign_in(world.browser(), name_id="another-name")) == "email_conflict"
    other = {"attributes": {"mail": ["ada.new@acme.test"], "givenName": ["Ada"]}}
    assert code_of(world.sign_in(world.browser(), **other)) == "user_inactive"
    assert world.api("POST", USERS, json={"email": "ada@acme.test"}).status_code == 409
    body = {"reason": "a new system", "identity_provider": None, "subject": None}
    assert world.api("POST", f"{USERS}/{user_id}/relink", json=body).get_json()["active"] is False
    assert code_of(world.sign_in(world.browser(), name_id="another-name")) == "user_inactive", "joined anew, and still off"
    assert world.api("GET", f"{USERS}/{user_id}").get_json()["active"] is False


@pytest.mark.parametrize("by", ["email", "id"])
def test_no_file_brings_anybody_back(world: World, by: str) -> None:
    """A line that says `active` is refused, and says where it is done; one that says nothing of it changes the rest."""
    user_id = id_of(signed_in(world))
    switch(world, user_id, active=False)
    named = user_id if by == "id" else "ada@acme.test"
    done = upload(world, f"{by},first_name,active\n{named},Back,yes\n")
    assert done["counts"]["refused"] == 1
    assert world.api("GET", f"{USERS}/{user_id}").get_json()["active"] is False
    assert upload(world, f"{by},first_name\n{named},Still\n")["counts"]["changed"] == 1
    person = world.api("GET", f"{USERS}/{user_id}").get_json()
    assert (person["active"], person["first_name"]) == (False, "Still")
    assert code_of(world.sign_in(world.browser())) == "user_inactive"


def test_a_file_ends_as_much_as_a_click(world: World) -> None:
    """Switched off by a line of a file: the same function, the same report."""
    browser = signed_in(world)
    user_id = id_of(browser)
    token, code, api_token = open_everything(world, browser)
    assert upload(world, "email,active\nada@acme.test,no\n")["counts"]["changed"] == 1
    assert alive(browser) == [False]
    assert who(browser, token).status_code == 401
    assert code_of(APPLICATION.redeems(browser, code)) == "native_code_invalid"
    assert world.api("GET", "/tenants/acme", token=api_token).status_code == 401
    assert report(world, user_id)["items"][0]["ended"]["sessions"] == 2


def test_only_an_admin_brings_somebody_back(world: World) -> None:
    """Each end is kept; what comes after the last one is counted anew."""
    browser = signed_in(world)
    user_id = id_of(browser)
    assert report(world, user_id) == {"active": True, "items": [], "accepted_since": 0, "refused_since": 0}
    switch(world, user_id, active=False)
    world.sign_in(world.browser())
    switch(world, user_id, active=True)
    signed_in(world)
    told = report(world, user_id)
    assert (told["active"], told["accepted_since"], told["refused_since"]) == (True, 1, 1)
    switch(world, user_id, active=False)
    told = report(world, user_id)
    assert [end["ended"]["sessions"] for end in told["items"]] == [1, 1]
    assert (told["accepted_since"], told["refused_since"]) == (0, 0)
    output = world.app.test_cli_runner().invoke(args=["user", "access-end", "acme", "ada@acme.test"]).output
    assert '"accepted_since": 0' in output
