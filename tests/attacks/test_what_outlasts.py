"""Attacks with what outlasts its owner: tokens made by tokens, links to former addresses, an emergency, a console of staff."""

from __future__ import annotations

import datetime as dt
import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from admin_ui.console_sessions import STAFF_COOKIE
from admin_ui.models import ConsoleSession
from admin_ui.staff_accounts import change_active, change_role, invite
from config.database import read, transaction, write
from config.isolation import every_tenant
from identity.models import SessionRow
from tenants.models import IdentityProvider
from tenants.notices.models import Delivery
from tenants.roles import Role
from tests.flows.console.walking import token_of
from tests.flows.management.support import code_in, token_for
from tests.flows.people.test_deactivation import switch, upload
from tests.flows.people.test_devices import alive, signed_in
from tests.support.browser import Browser, code_of
from tests.support.console import give_staff_session, grant, staff_client, tenant_client
from tests.support.local_accounts import LocalPerson, allow_local, change_deployment
from tests.support.native import Application
from tests.support.world import World, utc_now

TOKENS = "/tenants/acme/tokens"
STAFF_TOKENS = "/admin/tenants/acme/tokens/"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
SECRET = re.compile(r"vst_[A-Za-z0-9_-]{43}")


def works(world: World, token: str) -> bool:
    """Whether the management API takes a token."""
    status = world.api("GET", "/tenants/acme", token).status_code
    assert status in (200, 401)
    return status == 200


def made_with(world: World, token: str, expires_in: str = "30m") -> tuple[str, str]:
    """A token that another one makes, and its id."""
    made = world.api("POST", TOKENS, token, json={"role": "admin", "label": "child", "expires_in": expires_in})
    assert made.status_code == 201, made.get_data(as_text=True)
    return made.get_json()["token"], made.get_json()["id"]


def child_of(world: World, token: str, expires_in: str = "30m") -> str:
    """A token that another one makes."""
    return made_with(world, token, expires_in)[0]


def made_in(browser: Browser, path: str, label: str = "mine") -> str | None:
    """A token that somebody makes at the console; None where the page shows none."""
    form = CSRF.search(browser.get(path).get_data(as_text=True))
    assert form is not None
    fields = {"csrf_token": form[1], "role": "admin", "label": label, "expires_in": "90d"}
    answer = browser.post(path, data=fields, headers={"Origin": f"http://{browser.host}"})
    found = SECRET.search(answer.get_data(as_text=True))
    return found[0] if found else None


def test_what_a_token_made_ends_with_it(world: World) -> None:
    """Whoever stole one has made others with it: children and their children end with the one that is revoked, and are told."""
    stolen, other = token_for(world, "admin", "acme"), token_for(world, "admin", "acme")
    child = child_of(world, stolen)
    below, stranger = child_of(world, child, "10m"), child_of(world, other)
    by_command = world.app.test_cli_runner().invoke(args=["token", "revoke", stolen])
    assert by_command.exit_code == 0, by_command.output
    assert [works(world, token) for token in (stolen, child, below, other, stranger)] == [False] * 3 + [True] * 2
    parent, parent_id = made_with(world, other)
    below, below_id = made_with(world, child_of(world, parent, "20m"), "10m")
    assert world.api("DELETE", f"{TOKENS}/{parent_id}").status_code == 200
    assert [works(world, token) for token in (parent, below, other, stranger)] == [False, False, True, True]
    events = world.api("GET", "/tenants/acme/events?type=token.revoked").get_json()["items"]
    told = {event["detail"]["token"]: event["detail"].get("made_with") for event in events}
    assert (told[parent_id], told[below_id]) == (None, parent_id)


def test_whoever_is_switched_off_leaves_no_token_of_a_token(world: World) -> None:
    """An administrator makes a token, that one another one; both end with the account, and what stays is told."""
    admin = tenant_client(world)
    token = made_in(admin, "/admin/tokens/")
    assert token is not None
    child = child_of(world, token)
    user_id = admin.get("/session").get_json()["user"]["id"]
    hook = {"csrf_token": token_of(admin, "/admin/notifications/"), "url": "https://hooks.acme.test/in"}
    assert admin.post("/admin/notifications/webhooks", data=hook).status_code == 200
    switch(world, user_id, active=False)
    assert [works(world, one) for one in (token, child)] == [False, False]
    (event,) = world.api("GET", "/tenants/acme/events?type=user.deactivated").get_json()["items"]
    assert len(event["detail"]["webhooks"]) == world.count("webhook") == 1, "it is the tenant's, and stays"
    (end,) = world.api("GET", f"/tenants/acme/users/{user_id}/access-end").get_json()["items"]
    assert end["ended"]["api_tokens"] == 2


@pytest.mark.parametrize("how", ["removed", "lowered", "removed by command"])
def test_a_role_by_name_takes_its_tokens_along(world: World, how: str) -> None:
    """And what these made; nobody else's. What else the person has added stays, and the event and the page tell of it."""
    admin, other, owner = tenant_client(world), tenant_client(world, role="viewer"), staff_client(world)
    grant(world, world.acme, "viewer@acme.test", "admin")
    places = ((admin, "/admin/tokens/"), (other, "/admin/tokens/"), (owner, STAFF_TOKENS))
    token, staying, by_staff = (made_in(browser, path) or "" for browser, path in places)
    child = child_of(world, token)
    hook = {"csrf_token": token_of(admin, "/admin/notifications/"), "url": "https://hooks.acme.test/in"}
    assert admin.post("/admin/notifications/webhooks", data=hook).status_code == 200
    grants = world.api("GET", "/tenants/acme/console-grants").get_json()["items"]
    grant_id = next(item["id"] for item in grants if item["email"] == "admin@acme.test")
    if how == "removed by command":
        gone = world.app.test_cli_runner().invoke(args=["grant", "remove", "admin@acme.test", "--tenant", "acme"])
        assert gone.exit_code == 0, gone.output
    else:
        form = {"csrf_token": token_of(owner, STAFF_TOKENS)} | ({"remove": "yes"} if how == "removed" else {"role": "viewer"})
        done = owner.post(f"/admin/tenants/acme/administrators/grants/{grant_id}", data=form)
        assert done.status_code == 303
        page = html.unescape(owner.get(done.location).get_data(as_text=True))
        told = "2 API tokens of theirs ended. 1 webhook that they added stay" if how == "removed" else "have ended"
        assert told in page
    assert [works(world, one) for one in (token, child, staying, by_staff)] == [False, False, True, True]
    kind = "granted" if how == "lowered" else "withdrawn"
    event = world.api("GET", f"/tenants/acme/events?type=console_role.{kind}").get_json()["items"][0]
    assert (event["detail"]["tokens_ended"], len(event["detail"]["webhooks"])) == (2, 1)
    events = world.api("GET", "/tenants/acme/events?type=token.revoked").get_json()["items"]
    assert [item["detail"]["role_ended"] for item in events] == [True, True]


@pytest.mark.parametrize("how", ["rule", "identity provider", "placement"])
def test_a_role_by_a_rule_takes_its_tokens_along(world: World, how: str) -> None:
    """The rule is dropped, or replaced, or goes with its identity provider; a token by another rule stays valid."""
    rules = "/tenants/acme/role-rules"
    wanted = {"idp": "main", "attribute": "groups", "role": "admin"}
    placement = "/tenants/acme/identity-providers/main/placement-rules"
    placed = {"attribute": "groups", "values": ["it"], "role": "admin"}
    if how == "placement":
        assert world.api("PUT", placement, json={"rules": [placed]}).status_code == 200
    else:
        assert world.api("POST", rules, json={**wanted, "value": "it"}).status_code == 201
    assert world.api("POST", rules, json={**wanted, "value": "security"}).status_code == 201
    made = []
    for name, group in (("ada", "it"), ("bob", "security")):
        browser = world.browser()
        attributes = {"mail": [f"{name}@acme.test"], "groups": [group]}
        assert world.sign_in(browser, force=True, name_id=name, attributes=attributes).status_code == 303
        made.append(made_in(browser, "/admin/tokens/") or "")
    assert [works(world, one) for one in made] == [True, True]
    if how == "rule":
        by_value = {item["value"]: item["id"] for item in world.api("GET", rules).get_json()["items"]}
        assert world.api("DELETE", f"{rules}/{by_value['it']}").status_code == 204
    elif how == "placement":
        same = {"rules": [placed, {"attribute": "x", "values": ["y"], "role": "viewer"}]}
        assert world.api("PUT", placement, json=same).status_code == 200
        assert works(world, made[0]), "it says the same of the same people"
        assert world.api("PUT", placement, json={"rules": [{**placed, "role": "viewer"}]}).status_code == 200
    else:
        assert world.api("DELETE", "/tenants/acme/identity-providers/main").status_code == 204
    assert [works(world, one) for one in made] == [False, how != "identity provider"]


@pytest.mark.parametrize("how", ["rule", "placement"])
def test_whoever_is_out_of_the_group_loses_what_they_made_in_it(world: World, how: str) -> None:
    """At the next sign-in that does not say so any more, wherever that is; a sign-in that says it ends nothing."""
    placed = {"attribute": "groups", "values": ["it"], "role": "admin"}
    if how == "rule":
        rule = {"idp": "main", "attribute": "groups", "value": "it", "role": "admin"}
        assert world.api("POST", "/tenants/acme/role-rules", json=rule).status_code == 201
    else:
        path = "/tenants/acme/identity-providers/main/placement-rules"
        assert world.api("PUT", path, json={"rules": [placed]}).status_code == 200
    made = []
    for name in ("ada", "bob"):
        browser = world.browser()
        who = {"name_id": name, "attributes": {"mail": [f"{name}@acme.test"], "groups": ["it", "all"]}}
        assert world.sign_in(browser, force=True, **who).status_code == 303
        made.append(made_in(browser, "/admin/tokens/") or "")
    for groups, valid in ((["it"], [True, True]), (["all"], [False, True])):
        attributes = {"mail": ["ada@acme.test"], "groups": groups}
        assert world.sign_in(world.browser(), name_id="ada", attributes=attributes).status_code == 303
        assert [works(world, one) for one in made] == valid, groups


@pytest.mark.parametrize("how", ["switched off", "demoted"])
def test_staff_who_leave_take_their_tokens_along(world: World, how: str) -> None:
    """What an owner of staff made for a customer ends with them, and with their being an owner; the customer's events tell."""
    with world.app.app_context(), transaction():
        account = invite("lee@vestibule.test", "Lee", Role.STAFF, actor="test", now=utc_now()).staff_id
        invite("sam@vestibule.test", "Sam", Role.STAFF, actor="test", now=utc_now())
    lee = Browser(world.app, None)
    give_staff_session(lee, account)
    token = made_in(lee, "/admin/tenants/acme/tokens/")
    assert token is not None
    child = child_of(world, token)
    with world.app.app_context(), transaction():
        if how == "demoted":
            change_role(account, Role.SUPPORT, actor="test", now=utc_now())
        else:
            change_active(account, False, actor="test", now=utc_now())
    assert [works(world, one) for one in (token, child)] == [False, False]
    assert len(world.api("GET", "/tenants/acme/events?type=token.revoked").get_json()["items"]) == 2


def test_staff_who_left_their_own_organisation_are_out_of_the_console(world: World) -> None:
    """A session that began by single sign-on ends with the person at the staff tenant; one by own factors goes on."""
    change_deployment(world, staff_tenant="acme")
    with world.app.app_context(), transaction():
        account = invite("ada@acme.test", "Ada Staff", Role.SUPPORT, actor="test", now=utc_now()).staff_id
    person, console, own = signed_in(world), Browser(world.app, None), Browser(world.app, None)
    give_staff_session(own, account)
    started = console.get("/admin/sign-in/sso", query_string={"next": "/admin/tenants/"})
    handed = person.get(started.location.removeprefix(world.acme.origin))
    code = parse_qs(urlsplit(handed.location).query)["code"][0]
    assert console.get("/admin/sign-in/sso/return", query_string={"code": code}).status_code == 303
    user_id = person.get("/session").get_json()["user"]["id"]
    for active in (True, False):
        switch(world, user_id, active=active)
        shown = [browser.get("/admin/tenants/").status_code for browser in (console, own)]
        assert shown == [200 if active else 302, 200]


def test_nobody_says_by_a_token_that_their_own_emergency_was_in_order(world: World) -> None:
    """Neither by one that they had before, nor by one which that made; and the emergency's hour is no time to make one."""
    allow_local(world)
    lin = LocalPerson(world)
    invited = lin.invited()
    lin.named()
    lin.follow(invited)
    grant = world.app.test_cli_runner().invoke(args=["grant", "admin", lin.email, "--tenant", "acme"])
    assert grant.exit_code == 0, grant.output
    assert lin.sign_in().status_code == 303
    before = made_in(lin.browser, "/admin/tokens/")
    assert before is not None
    lin.break_glass()
    assert lin.give(code=lin.code()).location == "/admin/"
    (use,) = world.api("GET", "/tenants/acme/break-glass").get_json()["uses"]
    path = f"/tenants/acme/break-glass/uses/{use['id']}/acknowledgement"
    for token in (before, child_of(world, before)):
        assert code_in(world.api("POST", path, token)) == (409, "state_conflict")
    assert made_in(lin.browser, "/admin/tokens/", "for later") is None
    assert not any(item["label"] == "for later" for item in world.api("GET", TOKENS).get_json()["items"])
    assert world.api("POST", path, token_for(world, "admin", "acme")).status_code == 204


def roles_by_name(world: World) -> dict[str, str]:
    """Who is named for what."""
    return {item["email"]: item["role"] for item in world.api("GET", "/tenants/acme/console-grants").get_json()["items"]}


@pytest.mark.parametrize("how", ["api", "file", "identity provider"])
def test_nobody_inherits_a_role_with_an_address(world: World, how: str) -> None:
    """It is the person's who signed in with the address, and follows them; whoever gets the address has none."""
    admin = tenant_client(world)
    user_id = admin.get("/session").get_json()["user"]["id"]
    token = made_in(admin, "/admin/tokens/")
    assert token is not None
    if how == "api":
        assert world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"email": "ada@acme.test"}).status_code == 200
    elif how == "file":
        assert upload(world, f"id,email\n{user_id},ada@acme.test\n")["counts"]["changed"] == 1
    else:
        world.change_settings(profile_update="every_login")
        signed_in(world, name_id="admin@acme.test", attributes={"mail": ["ada@acme.test"]})
    assert roles_by_name(world) == {"ada@acme.test": "admin"}
    assert admin.get("/admin/administrators/").status_code == 200
    assert works(world, token)
    successor = signed_in(world, name_id="another", attributes={"mail": ["admin@acme.test"]})
    assert successor.get("/admin/administrators/").status_code == 403
    (event,) = world.api("GET", "/tenants/acme/events?type=console_role.followed").get_json()["items"]
    assert (event["detail"]["former_email"], event["detail"]["email"]) == ("admin@acme.test", "ada@acme.test")
    again = world.api("POST", "/tenants/acme/console-grants", json={"email": "admin@acme.test", "role": "viewer"})
    assert again.status_code == 201, "whoever is to have it is named anew"
    assert successor.get("/admin/administrators/").status_code == 200


def test_the_stronger_of_two_roles_stays_and_one_waits_where_nobody_came(world: World) -> None:
    """Who has a role gets an address that was named for another one; an address that nobody came with keeps its role."""
    ids = {}
    for name, role in (("ada", "admin"), ("bob", "viewer")):
        browser = signed_in(world, name_id=name, attributes={"mail": [f"{name}@acme.test"]})
        ids[name] = browser.get("/session").get_json()["user"]["id"]
        grant(world, world.acme, f"{name}@acme.test", role)
    for name, role in (("ada", "viewer"), ("bob", "admin")):
        grant(world, world.acme, f"{name}2@acme.test", role)
        path = f"/tenants/acme/users/{ids[name]}"
        assert world.api("PATCH", path, json={"email": f"{name}2@acme.test"}).status_code == 200
    assert roles_by_name(world) == {"ada2@acme.test": "admin", "bob2@acme.test": "admin"}
    mia = LocalPerson(world, name="mia")
    grant(world, world.acme, mia.email, "viewer")
    assert world.api("PATCH", f"/tenants/acme/users/{mia.user_id}", json={"email": "mia2@acme.test"}).status_code == 200
    assert roles_by_name(world)[mia.email] == "viewer", "a slip of the pen, put right before anybody came"


@pytest.mark.parametrize("how", ["api", "identity provider"])
def test_a_link_ends_with_the_address_that_it_went_to(world: World, how: str) -> None:
    """Whoever reads the former mailbox, a successor for example, sets no password; a new link goes to the new address."""
    if how == "identity provider":
        world.change_settings(profile_update="every_login")
        browser = signed_in(world, name_id="eve", attributes={"mail": ["eve@acme.test"]})
        lin = LocalPerson(world, name="eve", user_id=browser.get("/session").get_json()["user"]["id"])
    else:
        lin = LocalPerson(world)
    allow_local(world)
    first = lin.invited()
    other = LocalPerson(world, name="mal")
    unchanged = other.invited()
    if how == "api":
        answer = world.api("PATCH", f"/tenants/acme/users/{lin.user_id}", json={"email": "new@acme.test"})
        assert answer.status_code == 200, answer.get_data(as_text=True)
    else:
        allow_local(world, way="sso")
        signed_in(world, name_id="eve", attributes={"mail": ["new@acme.test"]})
        allow_local(world)
    assert world.api("GET", f"/tenants/acme/users/{lin.user_id}").get_json()["email"] == "new@acme.test"
    assert code_of(world.browser().get(first)) == "link_invalid"
    assert code_of(lin.send(first, password=lin.password, sealed="")) == "link_invalid"
    assert other.follow(unchanged).status_code == 200
    assert world.api("PATCH", f"/tenants/acme/users/{lin.user_id}", json={"first_name": "Linnea"}).status_code == 200
    assert lin.follow(lin.another_link()).status_code == 200


def test_nobody_turns_the_links_of_somebody_else_to_their_own_mailbox_unnoticed(world: World) -> None:
    """An administrator gone bad changes the address of somebody with a local account: that one is told; a file cannot do it."""
    allow_local(world)
    lin, plain = LocalPerson(world).enrolled(), LocalPerson(world, name="mal")
    change_deployment(world, smtp_url="smtp://mail.test")
    refused = upload(world, f"id,email\n{lin.user_id},thief@acme.test\n{plain.user_id},mallory@acme.test\n")
    assert (refused["counts"]["refused"], refused["counts"]["changed"]) == (1, 1)
    path = f"/tenants/acme/users/{lin.user_id}"
    assert world.api("PATCH", path, json={"first_name": "Linnea"}).status_code == 200
    assert mails_to(world) == []
    assert world.api("PATCH", path, json={"email": "thief@acme.test"}).status_code == 200
    assert mails_to(world) == [(lin.email, "account.changed")]


def test_an_open_console_turns_nobody_s_links_elsewhere(world: World) -> None:
    """Another address takes a sign-in of the last 15 minutes; other fields do not."""
    admin, lin = tenant_client(world), LocalPerson(world)
    path = f"/admin/people/{lin.user_id}/edit"
    with world.app.app_context(), transaction(), every_tenant():
        write(sa.update(SessionRow).values(proved_at=utc_now() - dt.timedelta(minutes=16)))
    form = CSRF.search(admin.get(path).get_data(as_text=True))
    assert form is not None
    fields = {"csrf_token": form[1], "username": "lin", "email": lin.email, "first_name": "Linnea"}
    assert admin.post(path, data=fields).status_code == 303
    assert code_of(admin.post(path, data=fields | {"email": "thief@acme.test"})) == "sign_in_again"
    shown = world.api("GET", f"/tenants/acme/users/{lin.user_id}").get_json()
    assert (shown["email"], shown["first_name"]) == (lin.email, "Linnea")


def test_an_open_console_gives_nobody_a_way_back(world: World) -> None:
    """A token, administrators by name and by rules, a person's account, an identity provider: each takes a fresh sign-in."""
    admin, staff, lin = tenant_client(world), staff_client(world), LocalPerson(world)
    rule = {"idp": "main", "attribute": "groups", "value": "thieves", "role": "admin"}
    placed = {"organisation": "tenant", "number": "1", "attribute": "groups", "values": "x", "place": "", "role": "admin"}
    mine = {"display_name": "Mine", "metadata_url": "https://idp.evil.test/metadata"}
    forms: tuple[tuple[str, dict[str, str]], ...] = (
        ("/tokens/", {"role": "admin", "label": "later", "expires_in": "366d"}),
        ("/administrators/grants", {"email": "thief@acme.test", "role": "admin"}),
        ("/administrators/rules", rule),
        (f"/people/{lin.user_id}/relink", {"reason": "mine now", "identity_provider": "main", "subject": "thief"}),
        ("/authentication-placement/main", {**placed, "active": ""}),
        ("/authentication-connection/", {"name": "mine", **mine}),
        ("/authentication-connection/main", mine),
        ("/authentication/main/switch", {"enabled": "false"}),
        ("/authentication/main/delete", {}),
        ("/saml-attributes/main/promote", {"reason": "mine"}),
        ("/onboarding/links", {"email": "thief@acme.test", "expires_in": "14d"}),
        ("/notifications/webhooks", {"url": "https://hooks.evil.test/in"}),
        ("/directories/new", {"label": "mine", "urls": "ldaps://evil.test"}),
    )
    with world.app.app_context(), transaction(), every_tenant():
        longer_ago = utc_now() - dt.timedelta(minutes=16)
        write(sa.update(SessionRow).values(proved_at=longer_ago))
        write(sa.update(ConsoleSession).values(authenticated_at=longer_ago))
    kept = {"api_token", "console_grant", "role_rule", "users", "placement_rule", "identity_provider", "directory"}
    kept |= {"setup_link", "webhook"}
    before = {name: rows for name, rows in world.rows().items() if name in kept}
    for browser, base in ((admin, "/admin"), (staff, "/admin/tenants/acme")):
        form = CSRF.search(browser.get(base + "/tokens/").get_data(as_text=True))
        assert form is not None
        for path, fields in forms:
            answer = browser.post(base + path, data=fields | {"csrf_token": form[1]})
            assert (answer.status_code, code_of(answer)) == (403, "sign_in_again"), (base, path)
    assert {name: rows for name, rows in world.rows().items() if name in before} == before


def test_what_waits_for_the_next_page_names_nobody(world: World) -> None:
    """It is in a cookie that outlasts the session, and stands on the sign-in page for whoever comes next."""
    change_deployment(world, smtp_url="smtp://mail.test")
    allow_local(world)
    staff, lin, base = staff_client(world), LocalPerson(world), "/admin/tenants/acme"
    forms = (
        ("/administrators/grants", {"email": lin.email, "role": "admin"}),
        (f"/local-accounts/{lin.user_id}/link", {}),
        ("/break-glass/name", {"email": lin.email, "reason": "for when the identity provider is down"}),
        ("/notifications/contacts", {"email": lin.email}),
    )
    for path, fields in forms:
        form = CSRF.search(staff.get(base + "/tokens/").get_data(as_text=True))
        assert form is not None
        answer = staff.post(base + path, data=fields | {"csrf_token": form[1]})
        assert answer.status_code == 303, (path, answer.status, answer.get_data(as_text=True)[-800:])
        token = staff.cookie(STAFF_COOKIE) or ""
        staff.client.delete_cookie(STAFF_COOKIE, domain="localhost")
        shown = staff.get("/admin/sign-in").get_data(as_text=True)
        assert 'class="note ok"' in shown, path
        assert lin.email not in shown, path
        staff.client.set_cookie(STAFF_COOKIE, token, domain="localhost", secure=True, httponly=True)


def mails_to(world: World) -> list[tuple[str, str]]:
    """Whom mail waits for, and of what kind."""
    with world.app.app_context(), every_tenant():
        return [tuple(row) for row in read(sa.select(Delivery.recipient, Delivery.event))]  # type: ignore[misc]


def test_a_new_password_takes_away_what_was_asked_for_before_it(world: World) -> None:
    """Whoever has copied the cookie asks for an application's code, and comes with it after the password was changed."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    application, phone = Application(), world.browser()
    phone.client.set_cookie("__Host-vestibule_session", lin.browser.session_token or "", domain="acme.localhost")
    code = application.code(phone)
    changed = lin.send("/account/sign-in/password", present=lin.password, password="seven herons rest upstream")
    assert changed.status_code == 303, changed.get_data(as_text=True)
    assert code_of(application.redeems(phone, code)) == "native_code_invalid"
    assert alive(lin.browser, phone) == [True, False]


def test_a_session_of_an_identity_provider_that_has_gone_opens_nothing(world: World) -> None:
    """Taking it away ends its sessions; one that was opened at that very moment is looked at with each request."""
    browser = world.browser()
    assert world.sign_in(browser).status_code == 303
    assert browser.get("/session").status_code == 200
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(IdentityProvider.__table__).values(deleted_at=utc_now()))
    assert browser.get("/session").status_code == 401


def test_an_odd_credential_is_refused_and_looked_up_nowhere(world: World) -> None:
    """A passkey's answer names what no database can hold."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    staff = staff_client(world)
    form = CSRF.search(staff.get("/admin/sign-in?again=1").get_data(as_text=True))
    assert form is not None
    for odd in ("\\u0000", "a\\u0000b", "\\ud800", "\\u00e9", "a b", ""):
        stranger = world.browser()
        lin.options("/sign-in/passkey/options", stranger)
        answer = lin.send("/sign-in/passkey", stranger, passkey=f'{{"id": "{odd}"}}')
        assert (answer.status_code, code_of(answer)) == (403, "sign_in_failed"), odd
        staff.post("/admin/sign-in/passkey/options", data={"csrf_token": form[1]})
        refused = staff.post("/admin/sign-in/passkey", data={"csrf_token": form[1], "passkey": f'{{"id": "{odd}"}}'})
        assert refused.status_code == 403, (odd, refused.status)
