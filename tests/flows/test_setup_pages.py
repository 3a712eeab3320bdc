"""The pages of a set-up link, from its opening to the first sign-in, without scripts (O2, O3)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from admin_ui.setup.visit import SETUP_COOKIE
from tenants.onboarding.products import PRODUCTS
from tests.flows.management.support import allow_loopback, events_of
from tests.flows.management.test_domain_proof import ask_at
from tests.support.browser import code_of
from tests.support.dns_server import DNSServer, dns_server
from tests.support.idp import ForgingIdP
from tests.support.keys import rsa_key
from tests.support.metadata_server import metadata_server
from tests.support.setup_link import ITPerson, answer_of, initech_idp, new_customer
from tests.support.world import World


@pytest.fixture(scope="module")
def idp() -> ForgingIdP:
    """The new customer's identity provider."""
    return initech_idp()


@pytest.fixture
def grace(world: World) -> ITPerson:
    """Somebody who has started a link whose domain staff have attested."""
    person = ITPerson(world.app)
    assert person.start_link(new_customer(world)).location == "/setup/"
    return person


@pytest.fixture
def dns_at(world: World) -> Iterator[DNSServer]:
    """A DNS server that the service asks."""
    with dns_server() as server:
        ask_at(world, server.port)
        yield server


def text_of(person: ITPerson, path: str) -> str:
    """A page that is there."""
    answer = person.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def connect(person: ITPerson, idp: ForgingIdP, product: str = "generic") -> None:
    """Choose a product and paste the metadata."""
    assert person.send("/setup/product", product=product).location == "/setup/connect"
    assert person.send("/setup/connect", metadata_xml=idp.metadata_xml()).status_code == 303


def run_test(person: ITPerson, idp: ForgingIdP, path: str = "/setup/test", **parts: Any) -> None:
    """A test sign-in, which comes back to its page."""
    started = person.begin_test(path)
    landed = person.post_response(answer_of(idp, started, **parts), started.relay_state)
    assert (landed.status_code, landed.location) == (303, path), code_of(landed)


def test_opening_the_link_changes_nothing(world: World) -> None:
    """However often a mail scanner does so; it says whose it is, with the address masked, and leaks nothing."""
    link = new_customer(world)
    before = world.rows()
    for _ in range(3):
        scanner = ITPerson(world.app)
        page = scanner.get(link)
        assert page.status_code == 200
        assert "g…@customer.example" in page.get_data(as_text=True)
        assert "grace@customer" not in page.get_data(as_text=True)
        assert scanner.cookie(SETUP_COOKIE) is None
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert world.rows() == before


def test_the_address_has_no_secret_after_the_start(world: World) -> None:
    """The cookie is this host's alone, and opening the link again leads back to where the set-up is."""
    link, person = new_customer(world), ITPerson(world.app)
    started = person.start_link(link)
    assert (started.status_code, started.location) == (303, "/setup/")
    (cookie,) = [value for value in started.headers.getlist("Set-Cookie") if value.startswith(SETUP_COOKIE)]
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert person.get(link).location == "/setup/"
    assert person.get("/setup").location == person.get("/setup/").location == "/setup/product"


def test_from_the_link_to_the_first_sign_in(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """Nobody gets in before the activation; the test makes nobody; afterwards the link is done."""
    connect(grace, idp)
    assert world.api("GET", "/tenants/initech").get_json()["state"] == "onboarding"
    assert code_of(grace.get("/saml/login")) == "identity_provider_missing"
    assert grace.get("/setup/").location == "/setup/test"
    people = world.count("users")
    run_test(grace, idp)
    assert world.count("users") == people
    page = text_of(grace, "/setup/test")
    assert "ada@initech.test" in page
    assert "Activate sign-in" in page
    assert grace.send("/setup/activate").location == "/setup/"
    assert "Sign-in is set up" in text_of(grace, "/setup/")
    started = grace.start()
    assert grace.post_response(answer_of(idp, started), started.relay_state).status_code == 303
    assert grace.get("/session").get_json()["user"]["email"] == "ada@initech.test"
    assert code_of(grace.send("/setup/product", "/setup/", product="okta")) in ("setup_link_invalid", "csrf_failed")
    actors = {event["actor"] for event in events_of(world, "initech") if event["type"] != "session.opened"}
    assert "setup:grace@customer.example" in actors


def test_both_sides_see_the_same_progress(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """The API tells what the steps beside the page show."""

    def done() -> set[str]:
        steps = world.api("GET", "/tenants/initech/onboarding").get_json()["steps"]
        return {step["name"] for step in steps if step["done"]}

    assert done() == {"domains"}
    connect(grace, idp)
    assert done() == {"product", "metadata", "domains"}
    run_test(grace, idp)
    assert done() == {"product", "metadata", "domains", "attributes", "test"}
    assert grace.send("/setup/second-test/skip", "/setup/second-test", reason="Later").location == "/setup/activate"
    assert done() == {"product", "metadata", "domains", "attributes", "test", "refusal_test"}
    grace.send("/setup/activate")
    assert done() == {"product", "metadata", "domains", "attributes", "test", "refusal_test", "activation"}


def test_a_test_counts_for_what_it_was_made_with(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """Other attributes, or other metadata, and the test is to be made again."""
    connect(grace, idp)
    run_test(grace, idp)
    grace.send("/setup/attributes", attribute="givenName", field="username")
    assert "test" in world.api("GET", "/tenants/initech/onboarding").get_json()["next"]
    refused = grace.send("/setup/activate", "/setup/test")
    assert code_of(refused) == "state_conflict"
    run_test(grace, idp)
    other = ForgingIdP(entity_id=idp.entity_id, key=rsa_key("another of initech"))
    assert grace.send("/setup/connect", metadata_xml=other.metadata_xml()).status_code == 303
    assert world.api("GET", "/tenants/initech/onboarding").get_json()["next"] == "test"


def test_names_that_came_are_mapped_with_one_click(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """A test without a usable address is refused; it shows what came, and one click mends it."""
    connect(grace, idp)
    attributes = {"workMail": ["ada@initech.test"], "n": ["Ada"]}
    run_test(grace, idp, attributes=attributes)
    page = text_of(grace, "/setup/test")
    assert 'data-code="attribute_missing"' in page
    assert "workMail" in page
    assert grace.get("/setup/").location == "/setup/test" or grace.get("/setup/").location == "/setup/attributes"
    assert grace.send("/setup/attributes", attribute="workMail", field="email").location == "/setup/attributes"
    run_test(grace, idp, attributes=attributes)
    assert "It works" in text_of(grace, "/setup/test")
    settings = world.api("GET", "/tenants/initech/identity-providers/main/saml-settings").get_json()
    assert settings["attribute_map"]["email"][0] == "workMail"
    whole = {"username": "uid", "email": "a, b ,, c", "first_name": "", "last_name": "", "phone": "", "subject": "uid"}
    grace.send("/setup/attributes", **whole)
    settings = world.api("GET", "/tenants/initech/identity-providers/main/saml-settings").get_json()
    assert (settings["attribute_map"]["email"], settings["name_id_source"]) == (["a", "b", "c"], "uid")
    for wrong in ({"attribute": "x" * 300, "field": "email"}, {"attribute": "mail", "field": "role"}, {**whole, "email": ""}):
        assert grace.send("/setup/attributes", **wrong).status_code == 422


def test_somebody_who_must_not_get_in(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """Kept out is done; let in is shown loudly; a failure of another kind shows nothing about people."""
    connect(grace, idp)
    started = grace.begin_test("/setup/second-test")
    assert b'ForceAuthn="true"' in started.saml_request
    grace.post_response(answer_of(idp, started), started.relay_state)
    assert "would have been let in" in text_of(grace, "/setup/second-test")
    run_test(grace, idp, "/setup/second-test", sp_entity_id="https://elsewhere.test")
    page = text_of(grace, "/setup/second-test")
    assert "not because of the person" in page
    steps = world.api("GET", "/tenants/initech/onboarding").get_json()["steps"]
    assert {"name": "refusal_test", "done": False, "enough": True} in steps
    run_test(grace, idp, "/setup/second-test", attributes={"mail": ["eve@elsewhere.test"]})
    assert "kept out" in text_of(grace, "/setup/second-test")
    steps = world.api("GET", "/tenants/initech/onboarding").get_json()["steps"]
    assert {"name": "refusal_test", "done": True, "enough": True} in steps


@pytest.mark.parametrize("how", ["xml", "file", "url"])
def test_metadata_is_checked_on_the_spot(world: World, grace: ITPerson, idp: ForgingIdP, how: str) -> None:
    """By address, by file, pasted; everything found is shown."""
    allow_loopback(world)
    grace.send("/setup/product", product="generic")
    with metadata_server(idp.metadata_xml()) as server:
        fields: dict[str, Any] = {
            "xml": {"metadata_xml": idp.metadata_xml()},
            "file": {"metadata_file": (io.BytesIO(idp.metadata_xml().encode()), "metadata.xml")},
            "url": {"metadata_url": server.url},
        }[how]
        assert grace.send("/setup/connect", **fields).status_code == 303
    page = text_of(grace, "/setup/connect")
    for wanted in (idp.entity_id, "good until", "HTTP-POST", "Test sign-in"):
        assert wanted in page


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "validation_failed"),
        ({"metadata_xml": "<a>"}, "metadata_malformed"),
        ({"metadata_xml": "<!DOCTYPE a><a/>"}, "xml_forbidden"),
        ({"metadata_xml": "<!doctype html><html><title>Sign in</title></html>"}, "metadata_web_page"),
        ({"metadata_url": "http://127.0.0.1/x"}, "address_not_allowed"),
        ({"metadata_url": "https://127.0.0.1/x"}, "address_not_allowed"),
        ({"metadata_url": "file:///etc/passwd"}, "url_not_allowed"),
        ({"metadata_url": "x" * 10_000}, "url_not_allowed"),
    ],
)
def test_metadata_that_is_refused_changes_nothing_and_stays_in_the_form(
    world: World, grace: ITPerson, fields: dict[str, str], code: str
) -> None:
    """With the sentence that says what is wrong."""
    grace.send("/setup/product", product="generic")
    refused = grace.send("/setup/connect", **fields)
    assert (refused.status_code, code_of(refused)) == (422, code)
    assert all(value.replace("<", "&lt;").replace(">", "&gt;") in refused.get_data(as_text=True) for value in fields.values())
    assert world.count("identity_provider") == 2


def test_a_file_that_windows_saved(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """What PowerShell writes by itself is UTF-16; a file that is too large, or none at all, is told in words of this page."""
    grace.send("/setup/product", product="generic")
    saved = io.BytesIO("\r\n".join(idp.metadata_xml().splitlines()).encode("utf-16"))
    assert grace.send("/setup/connect", metadata_file=(saved, "metadata.xml")).status_code == 303
    assert idp.entity_id in text_of(grace, "/setup/connect")
    form: dict[str, Any] = {"content_type": "multipart/form-data; boundary=a"}
    form["environ_overrides"] = {"CONTENT_LENGTH": "6000000"}
    large = grace.post("/setup/connect", data=b"--a", **form)
    assert (large.status_code, code_of(large)) == (422, "too_large")
    assert 'href="/setup/connect"' in large.get_data(as_text=True)
    nothing = grace.send("/setup/connect").get_data(as_text=True)
    assert "Give the address of the metadata, or the file." in nothing
    assert "`errors`" not in nothing


def test_a_wrong_product_is_pointed_out(world: World, grace: ITPerson) -> None:
    """Metadata of another product than was chosen: said in a sentence, with its settings one click away."""
    okta = ForgingIdP(entity_id="http://www.okta.com/exk1")
    connect(grace, okta, "entra-id")
    page = text_of(grace, "/setup/connect")
    assert "This looks like metadata of Okta, and Microsoft Entra ID was chosen." in page
    grace.send("/setup/product", "/setup/connect", product="okta")
    assert "This looks like" not in text_of(grace, "/setup/connect")
    settings = world.api("GET", "/tenants/initech/identity-providers/main/saml-settings").get_json()
    assert (settings["attribute_map"]["first_name"], settings["authn_context_class_ref"]) == (["firstName"], "")


def test_another_identity_provider_takes_a_second_look(world: World, grace: ITPerson, idp: ForgingIdP) -> None:
    """The entity ID is pinned; the form asks, and takes the new one when it is named."""
    connect(grace, idp)
    other = ForgingIdP(entity_id="https://other.initech.test/metadata")
    asked = grace.send("/setup/connect", metadata_xml=other.metadata_xml())
    assert code_of(asked) == "entity_id_changed"
    assert f'value="{other.entity_id}"' in asked.get_data(as_text=True)
    taken = grace.send("/setup/connect", metadata_xml=other.metadata_xml(), entity_id=other.entity_id)
    assert taken.status_code == 303
    assert other.entity_id in text_of(grace, "/setup/connect")


@pytest.mark.usefixtures("clock_stands")
def test_a_domain_is_proven_on_the_way(world: World, dns_at: DNSServer, idp: ForgingIdP) -> None:
    """The page says what to publish and what was found; once it is there, the next step follows."""
    person = ITPerson(world.app)
    person.start_link(new_customer(world, attest_reason=None))
    connect(person, idp)
    assert person.get("/setup/").location == "/setup/domains"
    missing = person.send("/setup/domains/verify", "/setup/domains", domain="initech.test")
    assert code_of(missing) == "domain_record_missing"
    again = person.send("/setup/domains/verify", "/setup/domains", domain="initech.test")
    assert (again.status_code, code_of(again)) == (429, "rate_limited")
    other = person.send("/setup/domains", domain="Two.test")
    assert other.status_code == 303
    item = next(
        item for item in world.api("GET", "/tenants/initech/email-domains").get_json()["items"] if item["domain"] == "two.test"
    )
    assert item["record"]["value"] in text_of(person, "/setup/domains")
    dns_at.txt[item["record"]["name"]] = [item["record"]["value"]]
    assert person.send("/setup/domains/verify", "/setup/domains", domain="two.test").location == "/setup/domains"
    assert person.send("/setup/domains/remove", "/setup/domains", domain="initech.test").status_code == 303
    assert code_of(person.send("/setup/domains/remove", "/setup/domains", domain="two.test")) == "state_conflict"
    assert code_of(person.send("/setup/domains", domain="acme.test")) == "domain_taken"
    assert code_of(person.send("/setup/domains", domain="nowhere")) == "domain_invalid"
    assert person.get("/setup/").location == "/setup/test"


@pytest.mark.parametrize("path", ["product", "connect", "domains", "test", "attributes", "second-test", "activate"])
def test_every_page_stands_by_itself_at_any_time(world: World, grace: ITPerson, idp: ForgingIdP, path: str) -> None:
    """Before anything is there, and after everything is: no page needs another one first."""
    assert "Step " in text_of(grace, f"/setup/{path}")
    connect(grace, idp)
    text_of(grace, f"/setup/{path}")
    run_test(grace, idp)
    text_of(grace, f"/setup/{path}")


def test_every_product_has_its_page(world: World, grace: ITPerson) -> None:
    """Our values stand in the instructions, and no placeholder is left."""
    for key, preset in PRODUCTS.items():
        grace.send("/setup/product", product=key)
        page = text_of(grace, "/setup/connect")
        assert "http://initech.localhost:8000/saml/acs" in page
        assert preset.metadata_help in page.replace("&#39;", "'")
        assert "$entity_id" not in page
        assert "$acs" not in page
        assert page.count("-----BEGIN CERTIFICATE-----") == 4  # for signing and encryption, each to read and to copy


def test_a_product_that_there_is_not_is_refused(world: World, grace: ITPerson) -> None:
    """Whatever the form says."""
    for key in ("", "nothing", "x" * 10_000, "\x00"):
        assert code_of(grace.send("/setup/product", product=key)) == "validation_failed"
