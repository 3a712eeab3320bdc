"""Staff begin a customer and see how far it is; domains are proven, confirmed, given up (O1, O3, T6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.flows.management.support import events_of
from tests.flows.management.test_domain_proof import ask_at, let_time_pass
from tests.support.browser import Browser, code_of
from tests.support.console import staff_client, tenant_client
from tests.support.dns_server import DNSServer, dns_server
from tests.support.setup_link import ITPerson, initech_idp, new_customer
from tests.support.world import World

FORM = {
    "name": "Initech",
    "slug": "initech",
    "email_domains": "initech.test\ninitech.example",
    "attest_reason": "",
    "setup_email": "grace@customer.example",
    "expires_in_days": "14",
}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_LINK = re.compile(r"http://initech\.localhost:8000(/setup/[A-Za-z0-9_-]{43})")


def send(browser: Browser, path: str, at: str, **fields: str) -> TestResponse:
    """Send a form with the token of the page that it stands on."""
    found = _TOKEN.search(browser.get(at).get_data(as_text=True))
    return browser.post(path, data={"csrf_token": found[1] if found else "", **fields})


@pytest.fixture
def dns_at(world: World) -> Iterator[DNSServer]:
    """A DNS server that the service asks."""
    with dns_server() as server:
        ask_at(world, server.port)
        yield server


def test_one_form_makes_the_customer_and_the_link(world: World) -> None:
    """The link is shown once, and works."""
    staff = staff_client(world)
    assert "/admin/new-customer" in staff.get("/admin/tenants/").get_data(as_text=True)
    made = send(staff, "/admin/new-customer/", "/admin/new-customer/", **FORM)
    found = _LINK.search(made.get_data(as_text=True))
    assert (made.status_code, found is not None) == (200, True)
    assert made.headers["Cache-Control"] == "no-store"
    items = world.api("GET", "/tenants/initech/email-domains").get_json()["items"]
    assert [item["state"] for item in items] == ["waiting", "waiting"]
    actor = next(event["actor"] for event in events_of(world, "initech") if event["type"] == "tenant.created")
    assert actor.startswith("staff:")
    assert found
    assert ITPerson(world.app).start_link(found[1]).status_code == 303
    assert found[1] not in staff.get("/admin/tenants/initech/onboarding/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "acme"}, "slug"),
        ({"slug": "a"}, "slug"),
        ({"name": ""}, "name"),
        ({"name": "x" * 10_000}, "name"),
        ({"setup_email": "nobody"}, "setup_email"),
        ({"expires_in_days": "x"}, "expires_in_days"),
        ({"email_domains": "localhost"}, "email_domains"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(world: World, change: dict[str, str], field: str) -> None:
    """The form comes back with what was typed; no tenant is made."""
    refused = send(staff_client(world), "/admin/new-customer/", "/admin/new-customer/", **FORM | change)
    page = refused.get_data(as_text=True)
    assert refused.status_code in (409, 422)
    fault = re.search(rf'id="{field}-fault"[^>]*>([^<]+)<', page)
    assert fault, page
    assert "initech.example" in page or field == "email_domains"
    assert world.api("GET", "/tenants/initech").status_code == 404


def test_a_domain_of_somebody_else_is_refused_whole(world: World) -> None:
    """Whose it is stays unsaid."""
    form = FORM | {"email_domains": "acme.test"}
    refused = send(staff_client(world), "/admin/new-customer/", "/admin/new-customer/", **form)
    assert refused.status_code == 409
    assert "another organisation" in refused.get_data(as_text=True)


def test_the_form_is_checked_while_it_is_filled_in(world: World) -> None:
    """By the same rules."""
    staff = staff_client(world)
    answer = send(staff, "/admin/new-customer/check", "/admin/new-customer/", **FORM | {"slug": "www", "email_domains": "x"})
    assert set(answer.get_json()["errors"]) == {"slug", "email_domains"}
    assert send(staff, "/admin/new-customer/check", "/admin/new-customer/", **FORM).get_json() == {"errors": {}}


def test_both_sides_see_how_far_it_is(world: World) -> None:
    """What the customer's IT does is what staff see next; release and revoke hold at once."""
    staff, person, link = staff_client(world), ITPerson(world.app), new_customer(world)
    page = "/admin/tenants/initech/onboarding/"
    assert "Not started yet" in staff.get(page).get_data(as_text=True)
    person.start_link(link)
    person.send("/setup/product", product="okta")
    person.send("/setup/connect", metadata_xml=initech_idp().metadata_xml())
    shown = staff.get(page).get_data(as_text=True)
    for words in ("In use", "Okta", initech_idp().entity_id):
        assert words in shown
    (item,) = world.api("GET", "/tenants/initech/setup-links").get_json()["items"]
    send(staff, f"{page}links/{item['id']}/release", page)
    assert code_of(person.get("/setup/product")) == "setup_not_started"
    person.start_link(link)
    send(staff, f"{page}links/{item['id']}/revoke", page)
    assert code_of(person.get("/setup/product")) == "setup_link_invalid"
    issued = send(staff, f"{page}links", page, email="second@customer.example", expires_in_days="3")
    assert _LINK.search(issued.get_data(as_text=True))
    for wrong in ({"email": "nobody", "expires_in_days": "3"}, {"email": "a@b.example", "expires_in_days": "1000"}):
        assert send(staff, f"{page}links", page, **wrong).status_code == 422


def test_activation_takes_the_steps_or_a_reason(world: World) -> None:
    """And an identity provider in any case."""
    staff, person, link = staff_client(world), ITPerson(world.app), new_customer(world)
    page = "/admin/tenants/initech/onboarding/"
    assert send(staff, f"{page}activate", page, reason="In a hurry").status_code == 409
    person.start_link(link)
    person.send("/setup/product", product="generic")
    person.send("/setup/connect", metadata_xml=initech_idp().metadata_xml())
    assert send(staff, f"{page}activate", page).status_code == 409
    assert send(staff, f"{page}activate", page, reason="Tested by telephone").status_code == 303
    assert world.api("GET", "/tenants/initech").get_json()["state"] == "active"
    activated = next(event for event in events_of(world, "initech") if event["type"] == "tenant.activated")
    assert (activated["detail"]["why"], activated["detail"]["without"]) == ("Tested by telephone", ["attributes", "test"])
    assert "done its work" in ITPerson(world.app).get(link).get_data(as_text=True)


@pytest.mark.parametrize("who", ["staff", "admin"])
def test_domains_by_staff_and_by_the_tenants_admin(world: World, dns_at: DNSServer, who: str) -> None:
    """The same pages at both addresses; staff may confirm besides."""
    browser = staff_client(world) if who == "staff" else tenant_client(world)
    page = "/admin/tenants/acme/domains/" if who == "staff" else "/admin/domains/"
    assert send(browser, f"{page}add", page, domain="new.example").status_code == 303
    assert send(browser, f"{page}add", page, domain="no domain").status_code == 422
    assert send(browser, f"{page}add", page, domain="globex.test").status_code == 409
    missing = send(browser, f"{page}verify", page, domain="new.example")
    assert (missing.status_code, "There is no such TXT record" in missing.get_data(as_text=True)) == (422, True)
    assert send(browser, f"{page}verify", page, domain="new.example").status_code == 429
    items = world.api("GET", "/tenants/acme/email-domains").get_json()["items"]
    record = next(item["record"] for item in items if item["domain"] == "new.example")
    assert record["value"] in browser.get(page).get_data(as_text=True)
    dns_at.txt[record["name"]] = [record["value"]]
    let_time_pass(world)
    assert send(browser, f"{page}verify", page, domain="new.example").status_code == 303
    assert send(browser, f"{page}remove", page, domain="new.example").status_code == 303
    assert send(browser, f"{page}remove", page, domain="globex.test").status_code == 404
    send(browser, f"{page}add", page, domain="word.example")
    expected = 303 if who == "staff" else 403
    assert send(browser, f"{page}attest", page, domain="word.example", reason="A letter").status_code == expected
    if who == "staff":
        send(browser, f"{page}add", page, domain="two.example")
        assert send(browser, f"{page}attest", page, domain="two.example", reason="").status_code == 422


@pytest.mark.parametrize("role", ["support", "viewer"])
def test_who_may_only_look_changes_nothing(world: World, role: str) -> None:
    """Every form of these screens is refused, and none is offered."""
    new_customer(world)
    browser = staff_client(world, role) if role == "support" else tenant_client(world, role="viewer")
    prefix = "/admin/tenants/acme" if role == "support" else "/admin"
    pages = [f"{prefix}/onboarding/", f"{prefix}/domains/"]
    for path in pages:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "<form" not in answer.get_data(as_text=True).partition("<main")[2].partition("</main>")[0]
    before = world.rows()
    found = re.search(r'name="csrf-token" content="([^"]+)"', browser.get(pages[0]).get_data(as_text=True))
    assert found
    forms = ("onboarding/links", "onboarding/activate", *(f"domains/{verb}" for verb in ("add", "verify", "attest", "remove")))
    for path in forms:
        assert browser.post(f"{prefix}/{path}", data={"csrf_token": found[1]}).status_code == 403
    assert world.rows() == before
