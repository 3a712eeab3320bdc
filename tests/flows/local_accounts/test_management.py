"""Local accounts and break-glass by API, command and console: one flow behind all three."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest

from tests.support.browser import Browser, code_of
from tests.support.console import staff_client
from tests.support.local_accounts import REASON, LocalPerson, allow_local, change_deployment, events_of
from tests.support.staff import Colleague
from tests.support.world import World


@pytest.fixture
def lin(world: World) -> LocalPerson:
    """Somebody of acme, where people have local accounts; without one so far."""
    allow_local(world)
    return LocalPerson(world)


def test_the_api_gives_an_account_links_names_and_takes_it_back(world: World, lin: LocalPerson) -> None:
    """PUT is idempotent; a link is given where no mail is set up, and to a tenant's admins only there."""
    one = f"/tenants/acme/users/{lin.user_id}/local-account"
    assert world.api("GET", one).status_code == 404
    given = world.api("PUT", one, json={})
    assert given.status_code == 201
    document = given.get_json()
    assert (document["account"]["state"], document["link"]["purpose"]) == ("invited", "invitation")
    assert world.api("PUT", one, json={}).get_json()["link"] is None
    assert lin.follow(urlsplit(document["link"]["url"]).path).status_code == 200
    named = f"/tenants/acme/break-glass/{lin.user_id}"
    assert world.api("PUT", named, json={"reason": "short"}).status_code == 422
    assert world.api("PUT", named, json={"reason": REASON}).get_json()["has_password"] is True
    token = _admin(world)
    assert world.api("POST", f"{one}/links", token, json={}).get_json()["purpose"] == "reset"
    change_deployment(world, smtp_url="smtp://mail.invalid:25")
    refused = world.api("POST", f"{one}/links", token, json={"show": True})
    assert (refused.status_code, code_of(refused)) == (409, "state_conflict")
    mailed = world.api("POST", f"{one}/links", token, json={}).get_json()
    assert (mailed["mailed_to"], mailed["url"]) == (lin.email, None)
    assert world.api("POST", f"{one}/links", json={"show": True}).get_json()["url"]
    lin.break_glass()
    lin.follow(lin.another_link())
    assert lin.give_password().location == "/sign-in/second-factor"
    listed = world.api("GET", "/tenants/acme/break-glass").get_json()
    assert [item["email"] for item in listed["admins"]] == [lin.email]
    assert world.api("DELETE", f"{one}/second-factors").status_code == 204
    assert world.api("GET", one).get_json()["has_app"] is False
    assert world.api("DELETE", named).status_code == 204
    assert world.api("DELETE", named).status_code == 404
    assert world.api("DELETE", one).status_code == 204
    assert world.api("DELETE", one).status_code == 404
    assert [item.detail["user"] for item in events_of(world, "local_account.removed")] == [lin.user_id]
    for role in ("viewer", "support"):
        assert world.api("PUT", one, _token(world, role), json={}).status_code == 403


def test_commands_do_the_same(world: World, lin: LocalPerson) -> None:
    """The link is printed; a name takes a reason; a use is acknowledged once."""

    def run(*arguments: str) -> str:
        result = world.app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 0, result.output
        return result.output

    link = json.loads(run("local-account", "give", "acme", lin.email, "--print"))["link"]
    run("break-glass", "name", "acme", lin.email, "--reason", REASON)
    assert lin.follow(urlsplit(link["url"]).path).status_code == 200
    assert json.loads(run("local-account", "show", "acme", lin.email))["has_app"] is True
    lin.break_glass()
    assert lin.give(code=lin.code()).status_code == 303
    (use,) = json.loads(run("break-glass", "list", "acme"))["uses"]
    run("break-glass", "acknowledge", "acme", use["id"])
    again = world.app.test_cli_runner().invoke(args=["break-glass", "acknowledge", "acme", use["id"]])
    assert again.exit_code == 2
    run("break-glass", "withdraw", "acme", lin.email)
    assert json.loads(run("local-account", "link", "acme", lin.email, "--print"))["purpose"] == "reset"
    run("local-account", "remove-second-factors", "acme", lin.email)
    run("local-account", "take", "acme", lin.email)
    assert world.count("local_account") == 0


def test_the_console_gives_names_tells_and_takes(world: World, lin: LocalPerson) -> None:
    """The link is shown once; a use stands on the overview until it was said to be in order."""
    sam = Colleague(world).enrolled()
    tenant = "/admin/tenants/acme"
    one = f"{tenant}/local-accounts/{lin.user_id}"
    assert "No local account" in sam.page(one)
    shown = sam.send(f"{one}/link", sam.page(one)).get_data(as_text=True)
    path = shown[shown.index("/sign-in/link/") :].split("<")[0]
    assert lin.email in sam.page(f"{tenant}/local-accounts/")
    nobody = sam.send(f"{tenant}/break-glass/name", sam.page(one), email="nobody@acme.test", reason=REASON)
    assert nobody.status_code == 422
    assert sam.send(f"{tenant}/break-glass/name", sam.page(one), email=lin.email, reason=REASON).status_code == 303
    assert lin.follow(path).status_code == 200
    lin.break_glass()
    lin.give(code=lin.code())
    assert "Break-glass was used" in sam.page(f"{tenant}/overview/")
    own = lin.page("/admin/break-glass/")
    assert REASON in own
    assert "/seen/" not in own
    theirs = sam.page(f"{tenant}/break-glass/")
    use = theirs[theirs.index("/break-glass/seen/") :].split('"')[0].rpartition("/")[2]
    assert sam.send(f"{tenant}/break-glass/seen/{use}", sam.page(one)).status_code == 303
    assert "Break-glass was used" not in sam.page(f"{tenant}/overview/")
    assert sam.send(f"{one}/second-factors", sam.page(one)).status_code == 303
    assert sam.send(f"{tenant}/break-glass/withdraw/{lin.user_id}", sam.page(one)).status_code == 303
    assert sam.send(f"{one}/take", sam.page(one)).status_code == 303
    assert not lin.is_in()


def test_what_cannot_be_undone_is_proved_by_the_way_that_somebody_came(world: World, lin: LocalPerson) -> None:
    """Whoever came by break-glass is not sent to the identity provider that is down."""
    path = lin.invited()
    lin.named()
    lin.follow(path)
    lin.break_glass()
    lin.give(code=lin.code())
    assert lin.browser.get("/admin/sign-in?again=1").location.startswith("/break-glass?")
    assert Browser(world.app, "acme").get("/admin/sign-in?again=1").location.startswith("/saml/login?")


def _admin(world: World) -> str:
    return _token(world, "admin")


def _token(world: World, role: str) -> str:
    scope = [] if role == "support" else ["--tenant", "acme"]
    return str(world.app.test_cli_runner().invoke(args=["token", "create", "--role", role, *scope]).output).strip()


def test_another_mydomain_tells_whose_passkeys_it_ends_before_it_does(world: World, lin: LocalPerson) -> None:
    """By API, command and console nothing changes until that is meant; without passkeys nobody is asked."""
    assert world.api("PATCH", "/tenants/acme", json={"slug": "acme-two"}).status_code == 200
    assert world.api("PATCH", "/tenants/acme-two", json={"slug": "acme"}).status_code == 200
    lin.enrolled()
    lin.sign_in()
    assert "recovery codes" in lin.set_up_passkey().get_data(as_text=True)
    staff = staff_client(world)
    page = staff.get("/admin/tenants/acme/general").get_data(as_text=True)
    assert "1 person has a passkey for the present address" in page
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    refused = world.api("PATCH", "/tenants/acme", json={"slug": "acme-corp"})
    assert (code_of(refused), refused.get_json()["facts"]["people"]) == ("passkeys_end", 1)
    runner = world.app.test_cli_runner()
    command = ["tenant", "rename", "acme", "--mydomain", "acme-corp"]
    answered = runner.invoke(args=command)
    assert (answered.exit_code != 0, "1 person has a passkey" in answered.output) == (True, True)
    form = {"csrf_token": token[1], "slug": "acme-corp"}
    assert staff.post("/admin/tenants/acme/general/mydomain", data=form).status_code == 409
    assert world.api("GET", "/tenants/acme").status_code == 200
    assert staff.post("/admin/tenants/acme/general/mydomain", data=form | {"anyway": "on"}).status_code == 303
    assert runner.invoke(args=["tenant", "rename", "acme-corp", "--mydomain", "acme", "--anyway"]).exit_code == 0
    body = {"slug": "acme-corp", "anyway": True}
    assert world.api("PATCH", "/tenants/acme", json=body).status_code == 200
