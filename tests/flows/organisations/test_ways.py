"""A person comes in by the way, and the identity provider, of their organisation; JIT as the organisation says (G2, P1)."""

from __future__ import annotations

import base64

from tests.flows.management.support import events_of
from tests.support.browser import code_of
from tests.support.organisations import accepted, connect_other, made, put, set_access, sign_in_by, user_of
from tests.support.world import World


def test_people_come_by_the_identity_provider_of_their_organisation(world: World) -> None:
    """One tenant, two identity providers, two organisations: each of its people by theirs alone, from the next request on."""
    other = connect_other(world)
    sales, finance = made(world, "Sales"), made(world, "Finance")
    accepted(set_access(world, sales, identity_provider="main"))
    accepted(set_access(world, finance, identity_provider="other"))
    ada, bob = world.browser(), world.browser()
    assert sign_in_by(world, world.acme.idp, "main", "ada", ada).status_code == 303
    assert sign_in_by(world, other, "other", "bob", bob).status_code == 303
    put(world, sales, user_of(world)["id"])
    put(world, finance, user_of(world, "bob@acme.test")["id"])
    assert (ada.get("/session").status_code, bob.get("/session").status_code) == (200, 200)
    assert sign_in_by(world, world.acme.idp, "main", "ada").status_code == 303
    assert sign_in_by(world, other, "other", "bob").status_code == 303
    put(world, finance, user_of(world)["id"])
    assert ada.get("/session").status_code == 401, "what she came by is not a way in there"
    refused = sign_in_by(world, world.acme.idp, "main", "ada")
    assert (refused.status_code, code_of(refused)) == (403, "sign_in_way_not_allowed")


def test_sso_that_is_off_for_an_organisation_signs_nobody_of_it_in(world: World) -> None:
    """Sessions that came so end with it; the receipt says which check failed, and a pasted response foresees it."""
    works = made(world, "Works")
    browser = world.browser()
    world.sign_in(browser)
    put(world, works, user_of(world)["id"])
    accepted(set_access(world, works, way="local", anyway=True))
    assert browser.get("/session").status_code == 200
    accepted(set_access(world, works, sso_enabled=False, anyway=True))
    assert browser.get("/session").status_code == 401
    assert accepted(world.api("GET", "/tenants/acme/sessions"))["items"] == []
    refused = sign_in_by(world, world.acme.idp, "main")
    assert (refused.status_code, code_of(refused)) == (403, "sign_in_way_not_allowed")
    attempt = accepted(world.api("GET", "/tenants/acme/attempts"))["items"][0]
    shown = accepted(world.api("GET", f"/tenants/acme/attempts/{attempt['id']}"))
    last = shown["checks"][-1]
    assert (last["id"], last["passed"]) == ("way", False)
    pasted = world.response(world.browser().start("/", idp="main"))
    verdict = accepted(
        world.api("POST", "/tenants/acme/diagnose", json={"saml_response": base64.b64encode(pasted).decode()})
    )
    assert verdict["code"] == "sign_in_way_not_allowed"


def test_unknown_people_get_accounts_where_their_place_says_so(world: World) -> None:
    """The organisation's word counts; without one, the identity provider's SAML settings do."""
    who = {"name_id": "new", "attributes": {"mail": ["new@acme.test"]}}
    accepted(set_access(world, None, jit_provisioning=False))
    refused = world.sign_in(world.browser(), **who)
    assert (refused.status_code, code_of(refused)) == (403, "user_not_provisioned")
    accepted(set_access(world, None, jit_provisioning=None))
    world.change_settings(jit_provisioning=False)
    assert code_of(world.sign_in(world.browser(), **who)) == "user_not_provisioned"
    accepted(set_access(world, None, jit_provisioning=True))
    assert world.sign_in(world.browser(), **who).status_code == 303


def test_a_prepared_person_belongs_where_they_are_put(world: World) -> None:
    """With their making, as one thing: an organisation of nobody, or of another tenant, leaves no person behind."""
    sales = made(world, "Sales")
    path = "/tenants/acme/users"
    there = accepted(world.api("POST", path, json={"email": "tim@acme.test", "organisation_id": sales}))
    assert (there["organisation_id"], there["active"]) == (sales, True)
    whole = accepted(world.api("POST", path, json={"email": "kim@acme.test", "organisation_id": None}))
    assert whole["organisation_id"] is None
    theirs = made(world, "Sales", slug="globex")
    for foreign in (theirs, sales[:-1] + ("0" if sales[-1] != "0" else "1")):
        refused = world.api("POST", path, json={"email": "eve@acme.test", "organisation_id": foreign})
        assert (refused.status_code, list(refused.get_json()["errors"])) == (422, ["organisation_id"])
    assert {person["email"] for person in accepted(world.api("GET", path))["items"]} == {"kim@acme.test", "tim@acme.test"}
    assert [event["type"] for event in events_of(world)].count("user.created") == 2
