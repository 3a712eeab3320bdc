"""Organisations are made, renamed, moved and removed, and nothing that refers to one breaks (G1)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from tenants.organisations.models import Organisation
from tests.flows.management.support import code_in, events_of, token_for
from tests.support.at_once import another_worker, at_once
from tests.support.organisations import accepted, chain, connect_directory, made, patch, put, set_access, setting, user_of
from tests.support.world import World


def depths(world: World) -> dict[str, int]:
    """How deep each organisation of acme says that it stands."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return {row.name: row.depth for row in connection.execute(sa.select(Organisation.name, Organisation.depth))}


def test_a_tree_is_made_renamed_and_moved_and_its_people_stay(world: World) -> None:
    """Ids stay, so people, identity providers and settings go along; each change is on record."""
    _sales, emea, north = chain(world, "Sales", "EMEA", "North")
    finance = made(world, "Finance")
    world.sign_in(world.browser())
    ada = user_of(world)
    assert ada["organisation_id"] is None
    assert put(world, north, ada["id"]) == 1
    assert put(world, north, ada["id"]) == 0, "the same again does nothing"
    accepted(set_access(world, emea, provider_name="EMEA login"))
    assert accepted(patch(world, emea, name="Europe"))["path"] == "Sales/Europe"
    moved = accepted(patch(world, emea, parent_id=finance))
    assert (moved["path"], moved["depth"], moved["organisations"]) == ("Finance/Europe", 2, 1)
    assert accepted(patch(world, emea, parent_id=None, name="Europa"))["path"] == "Europa"
    assert user_of(world)["organisation_id"] == north
    assert depths(world) == {"Sales": 1, "Finance": 1, "Europa": 1, "North": 2}
    assert setting(world, north, "provider_name") == {
        "value": "EMEA login",
        "own": False,
        "source": {"id": emea, "path": "Europa"},
    }
    listed = accepted(world.api("GET", "/tenants/acme/organisations", query_string={"limit": 3}))
    assert [item["path"] for item in listed["items"]] == ["Sales", "Europa", "Europa/North"]
    following = accepted(world.api("GET", listed["next"].removeprefix("/api/v1")))
    assert ([item["name"] for item in following["items"]], following["next"]) == (["Finance"], None)
    assert accepted(world.api("GET", "/tenants/acme/organisations?search=eUR"))["items"][0]["people"] == 0
    assert accepted(world.api("GET", f"/tenants/acme/organisations?parent={emea}"))["items"][0]["people"] == 1
    people = accepted(world.api("GET", f"/tenants/acme/users?organisation={north}"))["items"]
    assert [item["id"] for item in people] == [ada["id"]]
    assert accepted(world.api("GET", "/tenants/acme/users?organisation=none"))["items"] == []
    told = [event["type"] for event in events_of(world)]
    assert told.count("organisation.created") == 4
    assert told.count("organisation.moved") == 2
    assert told.count("organisation.renamed") == 2
    assert (told.count("user.moved"), told.count("access.changed")) == (1, 1)


def test_names_are_unique_among_siblings_and_printable(world: World) -> None:
    """Case and accents make no difference; another place makes one."""
    sales = made(world, "Sales")
    below = made(world, "Sales", sales)
    for name in ("sales", " Sáles "):
        answer = world.api("POST", "/tenants/acme/organisations", json={"name": name})
        assert code_in(answer) == (409, "organisation_exists"), name
    assert code_in(patch(world, below, parent_id=None)) == (409, "organisation_exists")
    assert accepted(patch(world, sales, name="SALES"))["name"] == "SALES", "its own name in another case"
    for name in ("", " ", "a/b", "a\nb", "a\u202eb", "\u0301", "x" * 201, "x" * 10_000, "\u2067a\u2069", "a\x00b"):
        answer = world.api("POST", "/tenants/acme/organisations", json={"name": name})
        assert code_in(answer) == (422, "validation_failed"), name
    for name in ("מכירות אירופה", "مبيعات", "営業部", "x" * 200):
        assert accepted(world.api("GET", f"/tenants/acme/organisations/{made(world, name)}"))["path"] == name


def test_depth_is_bounded_for_the_whole_branch_and_no_move_makes_a_cycle(world: World) -> None:
    """Ten levels below the tenant, whatever moves."""
    deep = chain(world, *(f"level {number}" for number in range(1, 11)))
    answer = world.api("POST", "/tenants/acme/organisations", json={"name": "too deep", "parent_id": deep[-1]})
    assert code_in(answer) == (409, "organisation_too_deep")
    first, second = chain(world, "first", "second")
    assert code_in(patch(world, first, parent_id=deep[8])) == (409, "organisation_too_deep")
    assert accepted(patch(world, first, parent_id=deep[7]))["depth"] == 9
    assert depths(world)["second"] == 10
    assert code_in(patch(world, deep[0], parent_id=second)) == (409, "organisation_cycle")
    assert code_in(patch(world, deep[0], parent_id=deep[0])) == (409, "organisation_cycle")


def test_name_and_place_change_at_once_or_not_at_all(world: World) -> None:
    """What comes of both is judged, whatever stands on the way; what is refused leaves both as they were."""
    sales, emea = chain(world, "Sales", "EMEA")
    finance, namesake = chain(world, "Finance", "EMEA")
    assert code_in(patch(world, emea, parent_id=finance)) == (409, "organisation_exists")
    moved = accepted(patch(world, emea, parent_id=finance, name="Europe"))
    assert (moved["path"], moved["depth"]) == ("Finance/Europe", 2)
    assert code_in(patch(world, emea, parent_id=sales, name="a/b")) == (422, "validation_failed")
    assert code_in(patch(world, emea, parent_id=namesake, name="")) == (422, "validation_failed")
    assert code_in(patch(world, emea, parent_id=finance, name="EMEA")) == (409, "organisation_exists")
    assert code_in(patch(world, finance, parent_id=emea, name="Money")) == (409, "organisation_cycle")
    assert accepted(world.api("GET", f"/tenants/acme/organisations/{emea}"))["path"] == "Finance/Europe"
    accepted(patch(world, emea, parent_id=finance, name="Europe"))
    told = [event["type"] for event in events_of(world)]
    assert (told.count("organisation.moved"), told.count("organisation.renamed")) == (1, 1), "the same again does nothing"


def test_an_organisation_that_rules_lead_to_is_not_removed(world: World) -> None:
    """Of an identity provider or of a directory: each rule is named, whether contents go up or not; a default is moved up."""
    sales, emea = chain(world, "Sales", "EMEA")
    rules = "/tenants/acme/identity-providers/main/placement-rules"
    rule = {"attribute": "c", "values": ["de"], "organisation": emea}
    accepted(world.api("PUT", rules, json={"rules": [{**rule, "organisation": sales}, rule]}))
    accepted(world.api("PUT", rules, json={"organisation": sales}))
    connect_directory(world)
    theirs = "/tenants/acme/directories/company/placement-rules"
    accepted(world.api("PUT", theirs, json={"rules": [{"attribute": "ou", "values": ["EMEA"], "organisation": emea}]}))
    path = f"/tenants/acme/organisations/{emea}"
    for query in ("", "?contents=to_parent", "?contents=to_parent&anyway=true"):
        refused = world.api("DELETE", f"{path}{query}")
        assert code_in(refused) == (409, "organisation_in_rules"), query
        named = [{"identity_provider": "main", "rule": 2}, {"directory": "company", "rule": 1}]
        assert refused.get_json()["facts"]["rules"] == named
    accepted(world.api("PUT", rules, json={"rules": []}))
    assert code_in(world.api("DELETE", path)) == (409, "organisation_in_rules")
    accepted(world.api("PUT", theirs, json={"rules": []}))
    assert world.api("DELETE", path).status_code == 204
    assert code_in(world.api("DELETE", f"/tenants/acme/organisations/{sales}")) == (409, "organisation_not_empty")
    assert world.api("DELETE", f"/tenants/acme/organisations/{sales}?contents=to_parent").status_code == 204
    assert accepted(world.api("GET", rules))["organisation"] == "tenant"


def test_two_moves_at_once_never_make_a_cycle(world: World) -> None:
    """Each alone is fine; the second is judged by the tree that the first has left."""
    for attempt in range(3):
        one, other = made(world, f"one {attempt}"), made(world, f"other {attempt}")
        answers = at_once([lambda: patch(world, one, parent_id=other), lambda: patch(world, other, parent_id=one)])  # noqa: B023
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200, 409], [answer.get_data(as_text=True) for answer in answers]
        documents = accepted(world.api("GET", "/tenants/acme/organisations", query_string={"limit": 200}))["items"]
        assert sorted(item["depth"] for item in documents if item["id"] in (one, other)) == [1, 2]


def test_an_organisation_is_removed_when_it_is_empty_or_its_contents_go_up(world: World) -> None:
    """People, organisations and identity providers are moved to the parent only where that was asked for."""
    sales, emea, north = chain(world, "Sales", "EMEA", "EMEA")
    world.sign_in(world.browser())
    ada = user_of(world)
    put(world, emea, ada["id"])
    path = f"/tenants/acme/organisations/{emea}"
    refused = world.api("DELETE", path)
    assert code_in(refused) == (409, "organisation_not_empty")
    assert refused.get_json()["facts"] == {"people": 1, "organisations": 1, "identity_providers": 0, "directories": 0}
    made(world, "North", sales)
    accepted(patch(world, north, name="North"))
    assert code_in(world.api("DELETE", f"{path}?contents=to_parent")) == (409, "organisation_exists"), "two of one name"
    accepted(patch(world, north, name="EMEA"))
    assert world.api("DELETE", f"{path}?contents=to_parent").status_code == 204
    assert user_of(world)["organisation_id"] == sales
    assert depths(world) == {"Sales": 1, "North": 2, "EMEA": 2}, "the child may have the name of what is gone"
    event = next(event for event in events_of(world) if event["type"] == "organisation.removed")
    assert (event["detail"]["people_moved"], event["detail"]["organisations_moved"]) == (1, 1)
    assert world.api("DELETE", f"/tenants/acme/organisations/{north}").status_code == 204, "empty by now"
    assert world.api("GET", path).status_code == 404


def test_every_worker_follows_at_once(world: World) -> None:
    """Another process answers by the tree as it is, with its next request."""
    sales = made(world, "Sales")
    with another_worker(world.app) as other:
        there = World(other, world.acme, world.globex, world.staff_token)
        there.sign_in(there.browser(), name_id="early", attributes={"mail": ["early@acme.test"]})
        accepted(set_access(world, sales, provider_name="Sales login"))
        told = there.browser().get("/client-config.json?organisation=Sales").get_json()
        assert told["provider"] == "Sales login"


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_may_not_configure_changes_nothing(world: World, role: str) -> None:
    """Viewers and support see the tree and change none of it."""
    sales = made(world, "Sales")
    world.sign_in(world.browser())
    ada = user_of(world)
    token = token_for(world, role, "acme" if role == "viewer" else None)
    before = world.rows()
    assert world.api("GET", f"/tenants/acme/organisations/{sales}/access", token).status_code == 200
    for method, path, body in (
        ("POST", "/organisations", {"name": "x"}),
        ("PATCH", f"/organisations/{sales}", {"name": "x"}),
        ("DELETE", f"/organisations/{sales}", None),
        ("PATCH", f"/organisations/{sales}/access", {"way": "local"}),
        ("PATCH", "/access", {"way": "local"}),
        ("POST", "/organisation-moves", {"user_ids": [ada["id"]], "organisation_id": sales}),
        ("PATCH", f"/users/{ada['id']}", {"organisation_id": sales}),
    ):
        answer = world.api(method, f"/tenants/acme{path}", token, **({"json": body} if body else {}))
        assert code_in(answer) == (403, "forbidden"), path
    assert world.rows() == before
