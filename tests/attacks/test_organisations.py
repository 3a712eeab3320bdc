"""Attacks on organisations: foreign ids, racing moves, admins gone bad, one organisation's identity provider and another's."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pytest
import sqlalchemy as sa
import time_machine

from config.database import db, new_id
from config.isolation import every_tenant
from identity.organisations.branches import MAX_ORGANISATIONS
from tenants.models import Tenant
from tenants.organisations.models import Organisation
from tests.flows.management.support import code_in, token_for
from tests.support.at_once import at_once
from tests.support.browser import Browser, code_of
from tests.support.idp import ForgingIdP
from tests.support.organisations import (
    accepted,
    chain,
    connect_other,
    made,
    pass_test,
    patch,
    put,
    set_access,
    sign_in_by,
    user_of,
)
from tests.support.world import World, utc_now

RACES = 4
UNUSABLE = ("0" * 36, "' OR 1=1 --", "..%2f..", "x" * 3000, "%00")


def test_an_identity_provider_signs_in_nobody_of_another_organisation(world: World) -> None:
    """Finance's identity provider says that it is somebody of sales: prepared, known, or made up, nobody comes in."""
    rogue = connect_other(world, "finance")
    sales = made(world, "Sales")
    accepted(set_access(world, sales, identity_provider="main"))
    prepared = accepted(world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"}))
    assert sign_in_by(world, world.acme.idp, "main", "ada").status_code == 303
    put(world, sales, prepared["id"], user_of(world)["id"])
    before = world.rows()
    joining = sign_in_by(world, rogue, "finance", "bob")
    assert (joining.status_code, code_of(joining)) == (403, "sign_in_way_not_allowed")
    known = sign_in_by(world, rogue, "finance", "ada")
    assert (known.status_code, code_of(known)) == (403, "email_conflict"), "ada is known by another identity provider"
    after = world.rows()
    for table in ("users", "session", "email_address"):
        assert after[table] == before[table], table


def test_a_rule_carries_nobody_out_of_another_organisation(world: World) -> None:
    """Finance's identity provider has a rule that puts everybody into finance: who was prepared for sales stays there."""
    rogue = connect_other(world, "finance")
    sales, finance = made(world, "Sales"), made(world, "Finance")
    accepted(set_access(world, sales, identity_provider="main"))
    rule = {"attribute": "mail", "values": ["bob@acme.test"], "organisation": finance}
    rules = {"organisation": finance, "rules": [rule]}
    accepted(world.api("PUT", "/tenants/acme/identity-providers/finance/placement-rules", json=rules))
    prepared = accepted(world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"}))
    put(world, sales, prepared["id"])
    before = world.rows()
    refused = sign_in_by(world, rogue, "finance", "bob")
    assert (refused.status_code, code_of(refused)) == (403, "sign_in_way_not_allowed")
    after = world.rows()
    for table in ("users", "session", "email_address"):
        assert after[table] == before[table], table
    put(world, finance, prepared["id"])
    assert sign_in_by(world, rogue, "finance", "bob").status_code == 303


def test_a_rule_that_leads_out_of_its_own_organisation_by_now_moves_nobody(world: World) -> None:
    """It was within the identity provider's organisation when it was saved, and has been moved in the tree since."""
    finance = made(world, "Finance")
    europe = made(world, "Europe", finance)
    rule = {"attribute": "mail", "values": ["ada@acme.test"], "organisation": europe}
    rules = {"organisation": finance, "rules": [rule]}
    accepted(world.api("PUT", "/tenants/acme/identity-providers/main/placement-rules", json=rules))
    accepted(patch(world, europe, parent_id=made(world, "Sales")))
    assert sign_in_by(world, world.acme.idp, "main", "ada").status_code == 303
    assert user_of(world)["organisation_id"] == finance


def test_nobody_new_is_made_where_they_could_not_come_in(world: World) -> None:
    """By a rule, or as an identity provider's people: a way that the organisation does not have leaves no account either."""
    sales, desk = made(world, "Sales"), made(world, "Desk")
    connect_other(world, "finance")
    accepted(set_access(world, sales, identity_provider="finance"))
    accepted(set_access(world, desk, sso_enabled=False, way="local"))
    path = "/tenants/acme/identity-providers/main/placement-rules"
    rules = [{"attribute": "mail", "values": ["bob@acme.test"], "organisation": desk}]
    for wanted in ({"organisation": sales}, {"organisation": "tenant", "rules": rules}):
        accepted(world.api("PUT", path, json=wanted))
        before = world.rows()
        refused = sign_in_by(world, world.acme.idp, "main", "bob")
        assert (refused.status_code, code_of(refused)) == (403, "sign_in_way_not_allowed"), wanted
        after = world.rows()
        for table in ("users", "session", "email_address"):
            assert after[table] == before[table], table


def test_nobody_of_the_tenant_as_a_whole_is_carried_off_either(world: World) -> None:
    """Where the tenant has chosen an identity provider for all who are in no organisation, another one's own does not count."""
    rogue = connect_other(world, "finance")
    finance = made(world, "Finance")
    accepted(set_access(world, finance, identity_provider="finance"))
    accepted(world.api("PUT", "/tenants/acme/identity-providers/finance/placement-rules", json={"organisation": finance}))
    accepted(set_access(world, None, identity_provider="main"))
    accepted(world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"}))
    before = world.rows()
    refused = sign_in_by(world, rogue, "finance", "bob")
    assert (refused.status_code, code_of(refused)) == (403, "sign_in_way_not_allowed")
    after = world.rows()
    for table in ("users", "session", "email_address"):
        assert after[table] == before[table], table
    assert sign_in_by(world, rogue, "finance", "eve").status_code == 303, "whom nobody knows belongs to finance"


def test_a_username_hands_over_nobody_at_a_domain_of_another(world: World) -> None:
    """An identity provider of beta.test alone: who was prepared at acme.test is not its by being called so."""
    world.api("PATCH", "/tenants/acme", json={"email_domains": ["acme.test", "beta.test"]})
    accepted(world.api("PUT", "/tenants/acme/identity-providers/main/placement-rules", json={"email_domains": ["beta.test"]}))
    chief = accepted(world.api("POST", "/tenants/acme/users", json={"email": "chief@acme.test", "username": "chief"}))
    browser = world.browser()
    told = {"mail": ["mallory@beta.test"], "uid": ["chief"]}
    assert world.sign_in(browser, name_id="mallory", attributes=told).status_code == 303
    assert browser.get("/session").get_json()["user"]["id"] != chief["id"]
    assert user_of(world, "chief@acme.test")["last_login_at"] is None


def test_foreign_and_made_up_organisations_are_the_same(world: World) -> None:
    """globex's organisation can be put nowhere at acme: in no path, as no parent, for no person, in no filter."""
    theirs, ours = made(world, "Theirs", slug="globex"), made(world, "Ours")
    world.sign_in(world.browser())
    ada, token = user_of(world)["id"], token_for(world, "admin", "acme")
    before = world.rows()
    for foreign in (theirs, new_id()):
        for method, path, body, wanted in (
            ("GET", f"/organisations/{foreign}", None, 404),
            ("PATCH", f"/organisations/{foreign}", {"name": "Ours now"}, 404),
            ("DELETE", f"/organisations/{foreign}", None, 404),
            ("GET", f"/organisations/{foreign}/access", None, 404),
            ("PATCH", f"/organisations/{foreign}/access", {"way": "local"}, 404),
            ("POST", "/organisations", {"name": "Below theirs", "parent_id": foreign}, 404),
            ("PATCH", f"/organisations/{ours}", {"parent_id": foreign}, 404),
            ("PATCH", f"/users/{ada}", {"organisation_id": foreign}, 404),
            ("POST", "/organisation-moves", {"user_ids": [ada], "organisation_id": foreign}, 404),
            ("GET", f"/users?organisation={foreign}", None, 422),
            ("GET", f"/organisations?parent={foreign}", None, 200),
        ):
            answer = world.api(method, f"/tenants/acme{path}", token, **({"json": body} if body else {}))
            assert answer.status_code == wanted, (method, path, answer.get_data(as_text=True))
            assert b"Theirs" not in answer.get_data()
    globex = accepted(world.api("GET", "/tenants/globex/users"))["items"]
    assert globex == []
    stranger = {"user_ids": [new_id()], "organisation_id": ours}
    assert world.api("POST", "/tenants/acme/organisation-moves", token, json=stranger).status_code == 404
    assert world.rows() == before


@pytest.mark.parametrize("unusable", UNUSABLE)
def test_an_id_that_is_none_is_not_found(world: World, unusable: str) -> None:
    """Whatever stands in an address or a body, no database error comes of it."""
    ours = made(world, "Ours")
    assert world.api("GET", f"/tenants/acme/organisations/{unusable}").status_code in (404, 400)
    answer = world.api("POST", "/tenants/acme/organisations", json={"name": "x", "parent_id": unusable})
    assert answer.status_code in (404, 422)
    assert patch(world, ours, parent_id=unusable).status_code in (404, 422)
    told = world.browser().get("/client-config.json", query_string={"organisation": unusable})
    assert told.status_code == 200


def test_racing_moves_of_a_whole_ring_never_close_it(world: World) -> None:
    """Three organisations, each moved below the next at the same moment: one of them stays where it was."""
    for race in range(RACES):
        ring = [made(world, f"{name} {race}") for name in ("one", "two", "three")]
        moves = [(ring[at], ring[(at + 1) % 3]) for at in range(3)]
        answers = at_once([lambda move=move: patch(world, move[0], parent_id=move[1]) for move in moves])  # type: ignore[misc]
        assert sorted(answer.status_code for answer in answers) == [200, 200, 409], race
        found = accepted(world.api("GET", "/tenants/acme/organisations", query_string={"limit": 200}))["items"]
        assert sorted(item["depth"] for item in found if item["id"] in ring) == [1, 2, 3]


def test_somebody_put_into_what_is_removed_at_the_same_moment_is_lost_nowhere(world: World) -> None:
    """Either the person is there first and it is not empty, or it is gone and the person stays where they were."""
    world.sign_in(world.browser())
    ada = user_of(world)["id"]
    for race in range(RACES):
        going = made(world, f"Going {race}")
        body = {"user_ids": [ada], "organisation_id": going}
        placed, removed = at_once(
            [
                lambda body=body: world.api("POST", "/tenants/acme/organisation-moves", json=body),  # type: ignore[misc]
                lambda going=going: world.api("DELETE", f"/tenants/acme/organisations/{going}"),  # type: ignore[misc]
            ]
        )
        assert (placed.status_code, removed.status_code) in ((200, 409), (404, 204)), race
        known = {item["id"] for item in accepted(world.api("GET", "/tenants/acme/organisations"))["items"]}
        assert user_of(world)["organisation_id"] in {None, *known}
        put(world, None, ada)


def test_an_admin_cannot_lock_everybody_out_unseen(world: World) -> None:
    """Each way to do so in one call is refused, or has to be said twice; staff get in whatever happens."""
    world.sign_in(world.browser())
    other = connect_other(world)
    assert other
    token = token_for(world, "admin", "acme")
    for body, wanted in (
        ({"sso_enabled": False}, (422, "validation_failed")),
        ({"sso_enabled": False, "way": "local"}, (409, "people_locked_out")),
        ({"sso_required": True}, (409, "sso_not_tested")),
        ({"sso_required": True, "identity_provider": "other"}, (409, "sso_not_tested")),
        ({"identity_provider": "other"}, (409, "people_locked_out")),
        ({"sso_required": True, "anyway": True}, (409, "sso_not_tested")),
    ):
        answer = world.api("PATCH", "/tenants/acme/access", token, json=body)
        assert code_in(answer) == wanted, body
    forced = {"sso_enabled": False, "way": "local", "anyway": True}
    assert world.api("PATCH", "/tenants/acme/access", token, json=forced).status_code == 200
    mended = world.api("PATCH", "/tenants/acme/access", json={"sso_enabled": None, "way": None})
    assert mended.status_code == 200, "by staff"


def test_a_test_of_one_identity_provider_proves_nothing_of_another(world: World) -> None:
    """Nor does one that was meant to be refused, nor one of a draft with other settings."""
    connect_other(world)
    pass_test(world)
    strict = made(world, "Strict")
    refused = set_access(world, strict, sso_required=True)
    assert refused.get_json()["facts"]["identity_providers"] == ["other"], "both are in force where none is chosen"
    accepted(set_access(world, strict, sso_required=True, identity_provider="main"))
    assert code_in(set_access(world, strict, identity_provider=None)) == (409, "sso_not_tested")


def test_a_thousand_ways_to_be_idle_hide_no_session(world: World) -> None:
    """Each organisation says something else: the list of sessions is one statement still, and each of its people is in it."""
    world.sign_in(world.browser())
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        tenant_id = connection.execute(sa.select(Tenant.id).where(Tenant.slug == "acme")).scalar_one()
        fixed = {"tenant_id": tenant_id, "parent_id": None, "depth": 1, "created_at": utc_now()}
        rows = [
            {**fixed, "id": new_id(), "name": f"o{n}", "name_key": f"o{n}", "settings": {"session_idle_seconds": 300 + n}}
            for n in range(MAX_ORGANISATIONS)
        ]
        connection.execute(sa.insert(Organisation), rows)
        connection.execute(sa.update(Tenant).where(Tenant.id == tenant_id).values(version=Tenant.version + 1))
    put(world, str(rows[0]["id"]), user_of(world)["id"])
    for minutes, sessions in ((4, 1), (6, 0)):
        with time_machine.travel(utc_now() + dt.timedelta(minutes=minutes), tick=False):
            assert len(accepted(world.api("GET", "/tenants/acme/sessions"))["items"]) == sessions, minutes


def test_whoever_moves_people_and_whoever_signs_in_never_wait_for_each_other_in_a_ring(world: World) -> None:
    """Two who use each other's browser, while they are moved and an organisation of theirs is removed: nobody gets a 503."""
    connect_other(world)
    ours, theirs = made(world, "Ours"), made(world, "Theirs")
    accepted(set_access(world, ours, identity_provider="main"))
    accepted(set_access(world, theirs, identity_provider="other"))
    browsers = {who: world.browser() for who in ("ada", "bob")}
    for who, browser in browsers.items():
        assert sign_in_by(world, world.acme.idp, "main", who, browser).status_code == 303
    people = [user_of(world, f"{who}@acme.test")["id"] for who in browsers]
    answers: list[int] = []

    def move(to: str | None) -> None:
        for _ in range(RACES):
            body = {"user_ids": people, "organisation_id": to}
            answers.append(world.api("POST", "/tenants/acme/organisation-moves", json=body).status_code)

    def come(browser: Browser) -> None:
        for who in ("bob", "ada") * RACES:
            answers.append(sign_in_by(world, world.acme.idp, "main", who, browser).status_code)

    def remove() -> None:
        for race in range(RACES):
            going = made(world, f"Going {race}", ours)
            body = {"user_ids": people[:1], "organisation_id": going}
            answers.append(world.api("POST", "/tenants/acme/organisation-moves", json=body).status_code)
            path = f"/tenants/acme/organisations/{going}?contents=to_parent"
            answers.append(world.api("DELETE", path).status_code)

    at_once([partial(move, ours), partial(move, theirs), *(partial(come, browser) for browser in browsers.values()), remove])
    assert set(answers) <= {200, 204, 303, 403}


def test_identity_providers_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In number, and in how many come and go in a day, since each that is deleted leaves a row."""
    path = "/tenants/acme/identity-providers"
    monkeypatch.setattr("tenants.providers.MAX_PROVIDERS", 2)
    connect_other(world)
    body = {"display_name": "x", "metadata_xml": ForgingIdP(entity_id="https://third.test/m").metadata_xml()}
    assert code_in(world.api("PUT", f"{path}/third", json=body)) == (409, "too_many")
    assert world.api("PUT", f"{path}/other", json=body | {"entity_id": "https://third.test/m"}).status_code != 409
    monkeypatch.setattr("tenants.providers.MAX_MADE_A_DAY", 2)
    assert world.api("DELETE", f"{path}/other").status_code == 204
    assert code_in(world.api("PUT", f"{path}/third", json=body)) == (409, "too_many")
    with time_machine.travel(utc_now() + dt.timedelta(days=1, minutes=1), tick=False):
        assert world.api("PUT", f"{path}/third", json=body).status_code == 201


def test_trees_and_texts_are_bounded(world: World) -> None:
    """A thousand organisations at most; deep documents, huge names and lists are turned down before any work."""
    assert MAX_ORGANISATIONS == 1_000
    ours = chain(world, "Ours")[0]
    people = {"user_ids": [new_id()] * 201, "organisation_id": ours}
    assert world.api("POST", "/tenants/acme/organisation-moves", json=people).status_code == 422
    for body in ({"name": "x" * 201}, {"name": ["x"]}, {"name": None}, {"name": "x", "depth": 1}, {}):
        assert world.api("POST", "/tenants/acme/organisations", json=body).status_code == 422, body
    for body in ({}, {"anyway": True}, {"idp_id": ours}, {"sso_required": "yes"}, {"session_idle_seconds": 1e9}):
        assert world.api("PATCH", "/tenants/acme/access", json=body).status_code == 422, body
