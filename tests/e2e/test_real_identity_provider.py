"""Signing in through a real identity provider: Debian's SimpleSAMLphp, which shares no line of code with us."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import time_machine
from werkzeug.test import TestResponse

from tests.flows.keys.support import done, in_state, make_next, step
from tests.support.browser import Browser, Started, code_of
from tests.support.simplesamlphp import NoAnswer, ServiceProvider, SimpleSAMLphp, sign_in, start_simplesamlphp
from tests.support.world import Organisation, World, utc_now

EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
SIGNED: dict[str, dict[str, bool]] = {
    "assertion": {"sign_assertion": True, "sign_response": False},
    "response": {"sign_assertion": False, "sign_response": True},
    "both": {"sign_assertion": True, "sign_response": True},
}


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSAMLphp]:
    """One SimpleSAMLphp for this module."""
    running = start_simplesamlphp(tmp_path_factory.mktemp("simplesamlphp"))
    yield running
    running.stop()


def connect(world: World, idp: SimpleSAMLphp, organisation: Organisation | None = None, **options: Any) -> None:
    """Each learns the other's metadata, as administrators on both sides would do it."""
    organisation = organisation or world.acme
    body = {"display_name": "SimpleSAMLphp", "metadata_xml": idp.metadata(), "entity_id": idp.entity_id}
    answer = world.api("PUT", f"/tenants/{organisation.slug}/identity-providers/main", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    metadata = Browser(world.app, organisation.slug).get("/saml/metadata")
    assert metadata.mimetype == "application/samlmetadata+xml"
    idp.register(ServiceProvider(metadata.get_data(), **options))


def go(browser: Browser, started: Started, person: str, at_idp: requests.Session | None = None) -> TestResponse:
    """Take a started sign-in to the identity provider, sign in there, and bring the answer back."""
    fields = None
    if started.response.status_code == 200:
        fields = {"SAMLRequest": started.saml_request_field, "RelayState": started.relay_state}
    answer = sign_in(at_idp or requests.Session(), started.action, person, fields)
    assert answer.action == f"http://{browser.host}/saml/acs"
    return browser.post_response(answer.saml_response, answer.relay_state)


@pytest.mark.parametrize("binding", ["post", "redirect"])
@pytest.mark.parametrize("signed", list(SIGNED))
def test_sign_in_that_starts_here(world: World, idp: SimpleSAMLphp, binding: str, signed: str) -> None:
    """Signed requests, which it verifies, by either binding; signatures on assertion, on response, on both."""
    connect(world, idp, **SIGNED[signed])
    wanted = {"want_assertions_signed": signed != "response", "want_messages_signed": signed != "assertion"}
    world.change_settings(request_binding=binding, **wanted)
    browser = world.browser()
    answer = go(browser, browser.start("/after?x=1"), "alice")
    assert (answer.status_code, answer.location) == (303, "/after?x=1"), code_of(answer)
    user = browser.get("/session").get_json()["user"]
    assert (user["email"], user["username"], user["last_name"]) == ("alice@acme.test", "alice", "Anderson")


def test_names_of_people_come_as_they_are(world: World, idp: SimpleSAMLphp) -> None:
    """Non-ASCII letters and XML's own characters arrive unharmed; capitals in an address are one address."""
    connect(world, idp, attribute_names="both")
    bob, dave = world.browser(), world.browser()
    assert go(bob, bob.start(), "bob").status_code == 303
    user = bob.get("/session").get_json()["user"]
    assert (user["first_name"], user["last_name"]) == ('Böb <&> "Q"', "Müller-Żółć")
    assert go(dave, dave.start(), "dave").status_code == 303
    assert dave.get("/session").get_json()["user"]["email"] == "dave.upper@acme.test"


def test_a_request_with_another_key_gets_no_answer(world: World, idp: SimpleSAMLphp) -> None:
    """It does verify our signatures: with the request spoilt it refuses to go on."""
    connect(world, idp)
    world.change_settings(request_binding="redirect")
    started = world.browser().start()
    spoilt = started.action.replace("RelayState=", "RelayState=x")
    with pytest.raises(NoAnswer):
        sign_in(requests.Session(), spoilt, "alice")


def test_encrypted_assertions(world: World, idp: SimpleSAMLphp) -> None:
    """Its AES-CBC is opened inside a signed response."""
    connect(world, idp, encrypt=True)
    browser = world.browser()
    assert go(browser, browser.start(), "alice").status_code == 303


def test_encrypted_assertions_in_a_response_without_signature(world: World, idp: SimpleSAMLphp) -> None:
    """CBC that nobody signed is refused, until the tenant takes that on itself."""
    connect(world, idp, encrypt=True, sign_response=False)
    browser = world.browser()
    refused = go(browser, browser.start(), "alice")
    assert code_of(refused) in ("decryption_failed", "algorithm_not_allowed")
    world.change_settings(allow_unsigned_cbc=True)
    assert go(browser, browser.start(), "alice").status_code == 303


def test_our_keys_are_replaced(world: World, idp: SimpleSAMLphp) -> None:
    """It takes what we sign with the next key once it has our metadata, and encrypts to what stands first there."""
    connect(world, idp, encrypt=True)
    signing, encryption = make_next(world, "signing"), make_next(world, "encryption")
    browser = world.browser()
    assert go(browser, browser.start(), "alice").status_code == 303
    old = in_state(world, "encryption", "active")
    assert (old["still_used_by"], in_state(world, "encryption", "next")["used_by"]) == (["main"], [])
    done(step(world, signing, "promote", anyway=True))
    with pytest.raises(NoAnswer):
        go(browser, browser.start(), "alice")
    done(step(world, in_state(world, "signing", "retiring"), "roll-back"))
    assert go(browser, browser.start(), "alice").status_code == 303
    connect(world, idp, encrypt=True)
    done(step(world, signing, "promote"))
    assert go(browser, browser.start(), "alice").status_code == 303
    assert in_state(world, "encryption", "next")["still_used_by"] == ["main"]
    done(step(world, encryption, "promote"))
    done(step(world, old, "retire", anyway=True))
    assert go(browser, browser.start(), "alice").status_code == 303


def test_an_encrypted_name_id(world: World, idp: SimpleSAMLphp) -> None:
    """EncryptedID instead of NameID."""
    connect(world, idp, encrypt_name_id=True)
    browser = world.browser()
    answer = go(browser, browser.start(), "alice")
    assert answer.status_code == 303, code_of(answer)
    assert browser.get("/session").get_json()["user"]["name_id"]


@pytest.mark.parametrize("relay_state", [None, "/reports"])
def test_sign_in_that_starts_there(world: World, idp: SimpleSAMLphp, relay_state: str | None) -> None:
    """IdP-initiated, with and without RelayState."""
    connect(world, idp)
    world.change_settings(allow_idp_initiated=True)
    answer = sign_in(requests.Session(), idp.start_url(world.acme.entity_id, relay_state), "alice")
    browser = world.browser()
    landed = browser.post_response(answer.saml_response, answer.relay_state)
    assert (landed.status_code, landed.location) == (303, relay_state or "/"), code_of(landed)


def test_sign_in_that_starts_there_is_refused_unless_allowed(world: World, idp: SimpleSAMLphp) -> None:
    """The same response without leave."""
    connect(world, idp)
    answer = sign_in(requests.Session(), idp.start_url(world.acme.entity_id), "alice")
    assert code_of(world.browser().post_response(answer.saml_response)) == "unsolicited_not_allowed"


def test_a_tenant_whose_sign_ins_start_there(world: World, idp: SimpleSAMLphp) -> None:
    """A protected page leads to its page with RelayState behind, and the answer leads back to the deep link, once (Q7)."""
    connect(world, idp)
    world.change_settings(allow_idp_initiated=True, idp_login_url=idp.start_url(world.acme.entity_id))
    browser, deep = world.browser(), "/admin/people/?search=a&sort=name"
    away = browser.get(browser.get(deep).location)
    location, _, relay_state = away.location.partition("&RelayState=")
    assert (away.status_code, location) == (302, idp.start_url(world.acme.entity_id))
    assert 0 < len(relay_state) <= 80
    answer = sign_in(requests.Session(), away.location, "alice")
    assert answer.relay_state == relay_state
    stranger = world.browser().post_response(answer.saml_response, answer.relay_state)
    assert code_of(stranger) == "login_state_lost", "the link was forwarded: only the browser that began may finish"
    landed = browser.post_response(answer.saml_response, answer.relay_state)
    assert (landed.status_code, landed.location) == (303, deep), code_of(landed)
    again = browser.post_response(answer.saml_response, answer.relay_state)
    assert code_of(again) == "replayed"


def test_a_silent_attempt(world: World, idp: SimpleSAMLphp) -> None:
    """IsPassive: whoever is signed in there comes in unasked; others come back with NoPassive, to a page that leads on."""
    connect(world, idp)
    at_idp, browser = requests.Session(), world.browser()
    assert go(world.browser(), world.browser().start("/"), "alice", at_idp).status_code == 403, "another browser began"
    landed = go(browser, browser.start("/deep", passive="1"), "nobody", at_idp)
    assert (landed.status_code, landed.location) == (303, "/deep"), code_of(landed)
    stranger = world.browser()
    refused = go(stranger, stranger.start("/deep?x=1", passive="1"), "nobody")
    page = refused.get_data(as_text=True)
    assert (refused.status_code, code_of(refused)) == (403, "status_not_success")
    assert "<code>NoPassive</code>" in page
    assert 'href="/saml/login?next=%2Fdeep%3Fx%3D1"' in page
    landed = go(stranger, stranger.leave_by(stranger.get("/saml/login?next=%2Fdeep%3Fx%3D1")), "bob")
    assert landed.location == "/deep?x=1"


def test_a_new_sign_in_is_demanded(world: World, idp: SimpleSAMLphp) -> None:
    """ForceAuthn has it ask again at an open session; where the request has lost it on its way, the old sign-in is refused."""
    connect(world, idp, validate_requests=False)
    world.change_settings(sign_requests=False, clock_skew_seconds=0)
    at_idp, browser = requests.Session(), world.browser()
    assert go(browser, browser.start("/"), "alice", at_idp).status_code == 303
    forced = browser.start("/vault", force="1")
    with pytest.raises(NoAnswer, match="password"):
        sign_in(at_idp, forced.action, "alice", {"SAMLRequest": forced.saml_request_field}, password="wrong")
    landed = go(browser, browser.start("/vault", force="1"), "alice", at_idp)
    assert (landed.status_code, landed.location) == (303, "/vault"), code_of(landed)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=5)):
        started = browser.start("/vault", force="1")
        bare = base64.b64encode(base64.b64decode(started.saml_request_field).replace(b' ForceAuthn="true"', b"")).decode()
        assert bare != started.saml_request_field
        fields = {"SAMLRequest": bare, "RelayState": started.relay_state}
        answer = sign_in(at_idp, started.action, "nobody", fields)
        stale = browser.post_response(answer.saml_response, answer.relay_state)
    assert code_of(stale) == "sign_in_not_fresh"


def test_two_tenants_at_one_identity_provider(world: World, idp: SimpleSAMLphp) -> None:
    """Each gets its own people; an answer for one opens nothing at the other, though issuer and key are the same."""
    connect(world, idp)
    connect(world, idp, world.globex)
    acme, globex, at_idp = world.browser(), world.browser(world.globex), requests.Session()
    assert go(acme, acme.start(), "alice", at_idp).status_code == 303
    erin = requests.Session()
    assert go(globex, globex.start(), "erin", erin).status_code == 303
    world.change_settings(world.globex, allow_idp_initiated=True)
    meant_for_acme = sign_in(at_idp, idp.start_url(world.acme.entity_id), "alice")
    stranger = world.browser(world.globex).post_response(meant_for_acme.saml_response)
    assert code_of(stranger) in ("destination_mismatch", "audience_mismatch", "recipient_mismatch")


def test_a_person_outside_of_the_domains(world: World, idp: SimpleSAMLphp) -> None:
    """Signed in there, refused here."""
    connect(world, idp)
    browser = world.browser()
    assert code_of(go(browser, browser.start(), "carol")) == "email_domain_not_allowed"


@pytest.mark.parametrize("name_id_format", ["", EMAIL_FORMAT])
def test_what_name_ids_are_asked_for(world: World, idp: SimpleSAMLphp, name_id_format: str) -> None:
    """Without NameIDPolicy and with another format than its own."""
    connect(world, idp)
    world.change_settings(name_id_format=name_id_format)
    browser = world.browser()
    answer = go(browser, browser.start(), "alice")
    assert answer.status_code == 303, code_of(answer)


def test_every_signature_method_of_ours_is_understood(world: World, idp: SimpleSAMLphp) -> None:
    """SHA-256, SHA-384 and SHA-512, by both bindings; a new NameID for no one."""
    connect(world, idp)
    at_idp = requests.Session()
    for bits in ("256", "384", "512"):
        for binding in ("post", "redirect"):
            method = f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}"
            world.change_settings(request_binding=binding, signature_method=method)
            browser = world.browser()
            assert go(browser, browser.start(), "alice", at_idp).status_code == 303
    assert world.count("users") == 1
