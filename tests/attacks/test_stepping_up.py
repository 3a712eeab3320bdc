"""What reaches far takes a proof of who this is: an open console, a stolen cookie, an identity provider that remembers."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from lxml import etree
from werkzeug.test import TestResponse

from admin_ui import proof
from admin_ui.proof import PROVED_PATH
from identity.browsers import SESSION_COOKIE
from tests.flows.console.walking import token_of
from tests.support.browser import Browser, Started, code_of
from tests.support.console import grant, tenant_client
from tests.support.local_accounts import LocalPerson, allow_local
from tests.support.world import World, utc_now

RULES = "/admin/administrators/rules"
RULE = {"idp": "main", "attribute": "groups", "value": 'a "quoted" <b>\r\nsecond line', "role": "admin"}
WHO = {"name_id": "admin@acme.test", "attributes": {"mail": ["admin@acme.test"]}}
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_PROVE = re.compile(r'href="([^"]+)" target="_blank" rel="noopener"')


def sent(browser: Browser, path: str = RULES, **fields: str) -> TestResponse:
    """A form of the console."""
    return browser.post(path, data={"csrf_token": token_of(browser, "/admin/administrators"), **(fields or RULE)})


def kept_in(page: TestResponse) -> dict[str, str]:
    """The form that waits in a page."""
    assert (page.status_code, code_of(page)) == (403, "sign_in_again")
    return {name: html.unescape(value) for name, value in _FIELD.findall(page.get_data(as_text=True))}


def begun(browser: Browser, page: TestResponse) -> Started:
    """The sign-in that the page leads to, in another window."""
    found = _PROVE.search(page.get_data(as_text=True))
    assert found is not None
    led = browser.get(html.unescape(found[1])).location
    assert parse_qs(urlsplit(led).query) == {"next": [PROVED_PATH], "idp": ["main"], "force": ["1"]}
    return browser.leave_by(browser.get(led))


def rules_of(world: World) -> list[str]:
    """Values of the rules that there are."""
    return [item["value"] for item in world.api("GET", "/tenants/acme/role-rules").get_json()["items"]]


def test_a_form_waits_until_its_person_has_signed_in_anew(world: World) -> None:
    """However young the session: the identity provider may have remembered them. What was typed goes on as it was."""
    admin = tenant_client(world, fresh=False)
    page = sent(admin)
    kept = kept_in(page)
    assert {name: kept[name] for name in RULE} == RULE
    assert rules_of(world) == []
    started = begun(admin, page)
    assert etree.fromstring(started.saml_request).get("ForceAuthn") == "true"
    came = admin.post_response(world.response(started, **WHO), started.relay_state)
    assert came.location == PROVED_PATH
    assert "Close this window" in admin.get(came.location).get_data(as_text=True)
    assert admin.post(RULES, data=kept).status_code == 303
    assert len(rules_of(world)) == 1


def test_an_identity_provider_that_only_remembers_proves_nothing(world: World) -> None:
    """It answers the demand with an earlier AuthnInstant, none, or one to come: refused, and nothing is fresh by that."""
    admin = tenant_client(world, fresh=False)
    kept = kept_in(sent(admin))
    hour = dt.timedelta(hours=1)
    for instant, code in ((utc_now() - hour, "sign_in_not_fresh"), (utc_now() + hour, "time_invalid")):
        started = begun(admin, sent(admin))
        refused = admin.post_response(world.response(started, authn_instant=instant, **WHO), started.relay_state)
        assert code_of(refused) == code
        assert code_of(admin.post(RULES, data=kept)) == "sign_in_again"
    assert world.sign_in(admin, **WHO).status_code == 303, "asked for nothing, it calls each answer a sign-in of this moment"
    assert code_of(admin.post(RULES, data=kept)) == "sign_in_again"
    assert rules_of(world) == []


def test_a_stolen_cookie_gains_nothing_by_its_owner_s_proof(world: World) -> None:
    """The proof is of the new session; the copied cookie is that of the former one, which has ended where its browser told."""
    admin = tenant_client(world, fresh=False)
    thief, stolen = world.browser(), admin.session_token or ""
    thief.client.set_cookie(SESSION_COOKIE, stolen, domain="acme.localhost", secure=True, httponly=True)
    kept = kept_in(sent(thief))
    started = admin.start(PROVED_PATH, force="1")
    response = world.response(started, **WHO)
    cross_site = world.browser()  # a form of the identity provider's site brings no cookie of ours but the login's
    cross_site.client.set_cookie("__Host-vestibule_login", admin.login_secret or "", domain="acme.localhost", secure=True)
    assert cross_site.post_response(response, started.relay_state).status_code == 303
    assert code_of(thief.post(RULES, data=kept)) == "sign_in_again"
    assert world.sign_in(admin, force=True, **WHO).status_code == 303
    assert thief.get("/admin/administrators").status_code == 302, "out"
    assert sent(admin).status_code == 303
    assert len(rules_of(world)) == 1


def test_a_proof_is_good_for_fifteen_minutes_and_one_person(world: World) -> None:
    """An old one asks anew; somebody else's does what their own role may."""
    admin = tenant_client(world)
    someone = {"name_id": "x", "attributes": {"mail": ["x@acme.test"]}}
    with time_machine.travel(utc_now() + dt.timedelta(minutes=16)):  # to the end: a form's token is not from the future
        kept = kept_in(sent(admin))
        assert world.sign_in(admin, force=True, **someone).status_code == 303
        assert code_of(admin.post(RULES, data=kept)) == "forbidden"
        grant(world, world.acme, "x@acme.test", "viewer")
        assert code_of(admin.post(RULES, data=kept)) == "forbidden"
        assert rules_of(world) == []


def test_passwords_and_files_do_not_come_back_in_a_page(world: World) -> None:
    """A directory's password is typed again, a file chosen again; the rest waits."""
    admin = tenant_client(world, fresh=False)
    page = sent(admin, "/admin/directories/new", label="corp", urls="ldaps://ldap.acme.test", password="hunter22-hunter22")
    text = page.get_data(as_text=True)
    assert kept_in(page)["label"] == "corp"
    assert "hunter22" not in text
    assert 'name="password" type="password"' in text
    fields = {"csrf_token": token_of(admin, "/admin/administrators"), "name": "other"}
    chosen = {"metadata_file": (io.BytesIO(b"<x/>"), "metadata.xml")}
    page = admin.post("/admin/authentication-connection/", data={**fields, **chosen})
    assert kept_in(page)["name"] == "other"
    assert "chosen once more" in page.get_data(as_text=True)
    assert admin.get("/admin/authentication-connection").location.startswith("/admin/sign-in?again=1&next=")


@pytest.mark.parametrize("way", ["local", "break_glass"])
def test_whoever_typed_a_password_here_has_proved_it_and_does_so_again(world: World, way: str) -> None:
    """Local accounts and emergency access ask each time; after 15 minutes the page leads to that very door."""
    allow_local(world)
    lin = LocalPerson(world)
    invited = lin.invited()
    lin.named()
    lin.follow(invited)
    grant(world, world.acme, lin.email, "admin")
    if way == "break_glass":
        lin.break_glass()
        assert lin.give(code=lin.code()).location == "/admin/"
    else:
        assert lin.sign_in().status_code == 303
    assert sent(lin.browser).status_code == 303
    with time_machine.travel(utc_now() + dt.timedelta(minutes=16)):
        page = sent(lin.browser, **{**RULE, "value": "later"})
        assert kept_in(page)["value"] == "later"
        found = _PROVE.search(page.get_data(as_text=True))
        assert found is not None
        led = lin.browser.get(html.unescape(found[1])).location
        assert led.startswith("/break-glass?" if way == "break_glass" else "/sign-in?")
    assert len(rules_of(world)) == 1


def test_no_private_key_is_kept_in_a_page(world: World) -> None:
    """Whoever has a copied cookie brings no key that they have the private half of; its owner's key goes back to nobody."""
    admin, before = tenant_client(world, fresh=False), world.api("GET", "/tenants/acme/keys").get_json()
    key = {"use": "signing", "private_key": "-----BEGIN it", "passphrase": "p w", "certificate": "c"}
    page = sent(admin, "/admin/service-provider/import", **key)
    assert kept_in(page).items() >= {"use": "signing", "certificate": "c"}.items()
    assert not any(secret in page.get_data(as_text=True) for secret in ("BEGIN it", "p w"))
    assert world.api("GET", "/tenants/acme/keys").get_json() == before


def test_no_password_field_of_the_console_is_kept_in_a_page() -> None:
    """A page that waits for the proof gives every field back but these, so a new one has to be named among them."""
    templates = Path(proof.__file__).parent / "templates"
    fields = {
        name
        for template in templates.rglob("*.html")
        for name, rest in re.findall(r'form\.text\("(\w+)"(.*)', template.read_text())
        if 'type="password"' in rest.partition("form.text(")[0]
    }
    assert {"password", "passphrase", "present"} <= fields
    assert fields <= set(proof._SECRETS)
