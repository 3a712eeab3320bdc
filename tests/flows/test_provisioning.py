"""Who gets an account at sign-in, and who does not, on both databases."""

from __future__ import annotations

from typing import Any

from tests.support.browser import code_of
from tests.support.idp import ForgingIdP
from tests.support.world import Organisation, World


def _deactivate(world: World, email: str, active: bool = False) -> None:
    (person,) = world.api("GET", f"/tenants/acme/users?email={email}").get_json()["items"]
    assert world.api("PATCH", f"/tenants/acme/users/{person['id']}", json={"active": active}).status_code == 200


def _refused(world: World, code: str, **parts: Any) -> None:
    """A sign-in at acme is refused with the code and changes no row but the record of it."""
    browser = world.browser()
    started = browser.start()
    before = world.rows()
    answer = browser.post_response(world.response(started, **parts), started.relay_state)
    assert (answer.status_code, code_of(answer)) == (403, code)
    assert browser.session_token is None
    assert world.rows() == before


def test_an_unknown_person_is_refused_where_accounts_are_not_made(world: World) -> None:
    """With just-in-time provisioning off, only those who have an account come in."""
    assert world.sign_in(world.browser()).status_code == 303
    world.change_settings(jit_provisioning=False)
    _refused(world, "user_not_provisioned", name_id="bob@acme.test", attributes={"mail": ["bob@acme.test"]})
    assert world.sign_in(world.browser()).status_code == 303


def test_an_address_belongs_to_one_person(world: World) -> None:
    """The same address under another subject is refused: the e-mail is no identity, and accounts are never merged."""
    assert world.sign_in(world.browser(), attributes={"mail": ["ada@acme.test"]}).status_code == 303
    _refused(world, "email_conflict", name_id="someone-else", attributes={"mail": ["ADA@acme.test"]})
    assert world.count("users") == 1


def test_a_second_identity_provider_takes_over_nobody(world: World) -> None:
    """Another provider of the same tenant that sends the same NameID and address does not come in as the first one's person."""
    assert world.sign_in(world.browser()).status_code == 303
    second = Organisation("acme", "acme.test", ForgingIdP("https://second.acme.test/metadata"))
    put = {"display_name": "Second", "metadata_xml": second.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=put).status_code == 201
    browser = world.browser()
    started = browser.start(idp="second")
    before = world.rows()
    answer = browser.post_response(world.response(started, second), started.relay_state)
    assert code_of(answer) == "email_conflict"
    assert world.rows() == before


def test_a_person_who_takes_anothers_address_is_refused(world: World) -> None:
    """A profile that comes with an address of somebody else changes nothing, not even the rest of the profile."""
    assert world.sign_in(world.browser()).status_code == 303
    bob = {"name_id": "bob", "attributes": {"mail": ["bob@acme.test"], "sn": ["Builder"]}}
    assert world.sign_in(world.browser(), **bob).status_code == 303
    _refused(world, "email_conflict", name_id="bob", attributes={"mail": ["ada@acme.test"], "sn": ["Lovelace"]})


def test_an_address_outside_of_the_proven_domains_is_refused(world: World) -> None:
    """Another domain, a subdomain, and one that an admin has added and nobody attested."""
    made = world.app.test_cli_runner().invoke(args=["token", "create", "--role", "admin", "--tenant", "acme"])
    admin = made.output.strip()
    wanted = {"email_domains": ["acme.test", "claimed.test"]}
    assert world.api("PATCH", "/tenants/acme", admin, json=wanted).status_code == 200
    for domain in ("globex.test", "mail.acme.test", "acme.test.evil.test", "claimed.test"):
        _refused(world, "email_domain_not_allowed", name_id="eve", attributes={"mail": [f"eve@{domain}"]})
    assert world.api("PATCH", "/tenants/acme", json=wanted).status_code == 200
    assert world.sign_in(world.browser(), name_id="eve", attributes={"mail": ["eve@claimed.test"]}).status_code == 303


def test_an_account_that_is_off_stays_off(world: World) -> None:
    """No sign-in brings it back; an admin does."""
    assert world.sign_in(world.browser()).status_code == 303
    _deactivate(world, "ada@acme.test")
    _refused(world, "user_inactive")
    _deactivate(world, "ada@acme.test", active=True)
    assert world.sign_in(world.browser()).status_code == 303


def test_what_cannot_be_an_address_is_refused(world: World) -> None:
    """And so is a person who comes without any; the cause names the attributes that did come, not their values."""
    _refused(world, "email_invalid", attributes={"mail": ["not an address"]})
    _refused(world, "attribute_missing", attributes={"givenName": ["Ada"], "sn": ["Lovelace"]})
    (newest, *_) = world.api("GET", "/tenants/acme/attempts").get_json()["items"]
    assert "givenName, sn" in newest["cause"]
    assert "Lovelace" not in newest["cause"]


def test_a_profile_may_be_kept_as_it_first_came(world: World) -> None:
    """`first_login`: later sign-ins leave the profile alone."""
    world.change_settings(profile_update="first_login")
    world.sign_in(world.browser())
    browser = world.browser()
    world.sign_in(browser, attributes={"mail": ["ada@acme.test"], "sn": ["King"]})
    assert browser.get("/session").get_json()["user"]["last_name"] == "Lovelace"
