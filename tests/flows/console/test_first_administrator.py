"""The first administrator of a customer, named with the set-up link; and the roles that a person's page shows (A1, O1)."""

from __future__ import annotations

import re

import pytest

from tests.flows.console.test_onboarding import FORM, send
from tests.flows.management.support import events_of
from tests.support.console import staff_client, tenant_client
from tests.support.setup_link import ITPerson, initech_idp, new_customer
from tests.support.world import World

_LINK = re.compile(r"http://initech\.localhost:8000(/setup/[A-Za-z0-9_-]{43})")
GRACE = "grace@initech.test"


def _activate(world: World, link: str) -> None:
    person = ITPerson(world.app)
    person.start_link(link)
    person.send("/setup/product", product="generic")
    person.send("/setup/connect", metadata_xml=initech_idp().metadata_xml())
    answer = world.api("POST", "/tenants/initech/onboarding/activate", json={"reason": "Tested by telephone"})
    assert answer.status_code == 200, answer.get_data(as_text=True)


def _admins(world: World) -> list[tuple[str, str]]:
    items = world.api("GET", "/tenants/initech/console-grants").get_json()["items"]
    return [(item["email"], item["role"]) for item in items]


def test_staff_name_the_first_administrator_in_the_form(world: World) -> None:
    """Ticked unless somebody unticks it; the role is given with the activation, and both are on record."""
    staff = staff_client(world)
    page = staff.get("/admin/new-customer/").get_data(as_text=True)
    assert re.search(r'name="first_admin"[^>]*checked', page)
    form = {**FORM, "setup_email": GRACE, "attest_reason": "Contract of 3 March", "first_admin": "on"}
    made = send(staff, "/admin/new-customer/", "/admin/new-customer/", **form).get_data(as_text=True)
    found = _LINK.search(made)
    assert found is not None
    assert "first administrator" in made
    assert _admins(world) == []
    _activate(world, found[1])
    assert _admins(world) == [(GRACE, "admin")]
    events = {event["type"]: event["detail"] for event in events_of(world, "initech")}
    assert events["setup_link.issued"]["names_admin"] is True
    assert events["console_role.granted"] == {"email": GRACE, "role": "admin"}
    assert events["tenant.activated"]["administrators"] == [GRACE]


@pytest.mark.parametrize(
    ("email", "first_admin", "revoked", "left_out"),
    [
        (GRACE, False, False, None),
        (GRACE, True, True, None),
        ("grace@customer.example", True, False, ["grace@customer.example"]),
    ],
    ids=["unticked", "revoked", "of no domain of theirs"],
)
def test_nobody_becomes_one_unasked(world: World, email: str, first_admin: bool, revoked: bool, left_out: list[str]) -> None:
    """Without the tick, by a link that was revoked, or with an address that could not sign in: that one is told."""
    link = new_customer(world, setup_email=email, first_admin=first_admin)
    if revoked:
        named = world.api("GET", "/tenants/initech/setup-links").get_json()["items"][0]
        assert named["names_admin"] is True
        assert world.api("DELETE", f"/tenants/initech/setup-links/{named['id']}").status_code == 204
        link = "/setup/" + world.api(
            "POST", "/tenants/initech/setup-links", json={"email": "lin@initech.test"}
        ).get_json()["url"].rpartition("/")[2]
    _activate(world, link)
    assert _admins(world) == []
    activated = next(event["detail"] for event in events_of(world, "initech") if event["type"] == "tenant.activated")
    assert activated.get("administrators_left_out") == left_out


def test_a_persons_page_says_which_roles_they_have_and_why(world: World) -> None:
    """By name, by a rule that an open session met, both, or none; a role that ended is not shown."""
    rule = {"idp": "main", "attribute": "department", "value": "IT", "role": "viewer"}
    assert world.api("POST", "/tenants/acme/role-rules", json=rule).status_code == 201
    staff = staff_client(world)
    browser = world.browser()
    world.sign_in(browser, attributes={"mail": ["ada@acme.test"], "department": ["IT"]})
    person = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    page = f"/admin/tenants/acme/people/{person}"
    shown = staff.get(page).get_data(as_text=True)
    assert "Viewer, " in shown
    assert "<bdi>department</bdi> is <bdi>IT</bdi>" in shown
    assert "named by address" not in shown
    world.api("POST", "/tenants/acme/console-grants", json={"email": "ada@acme.test", "role": "admin"})
    shown = staff.get(page).get_data(as_text=True)
    assert "Administrator, " in shown
    assert "named by address" in shown
    assert send(staff, f"{page}/sessions", page).status_code == 303
    assert "<bdi>department</bdi>" not in staff.get(page).get_data(as_text=True)
    other = tenant_client(world, world.globex)
    assert other.get(f"/admin/people/{person}").status_code == 404


def test_the_way_to_the_console_is_shown_to_those_who_have_one(world: World) -> None:
    """On the page after signing in, with a role of any kind; not to anybody else, and not any more once it is taken away."""
    admin, viewer = tenant_client(world), tenant_client(world, role="viewer")
    assert all('href="/admin/"' in client.get("/").get_data(as_text=True) for client in (admin, viewer))
    person = world.browser()
    assert world.sign_in(person).status_code == 303
    page = person.get("/").get_data(as_text=True)
    assert ("You are signed in" in page, 'href="/admin/"' in page) == (True, False)
    for grant in world.api("GET", "/tenants/acme/console-grants").get_json()["items"]:
        assert world.api("DELETE", f"/tenants/acme/console-grants/{grant['id']}").status_code == 204
    assert 'href="/admin/"' not in admin.get("/").get_data(as_text=True)
