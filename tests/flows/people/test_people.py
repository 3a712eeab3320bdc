"""People prepared, edited, joined anew; their sessions listed and ended (P2, P3, P8, S2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flows.console.walking import token_of
from tests.flows.management.support import code_in, events_of, token_for
from tests.support.at_once import at_once
from tests.support.browser import code_of
from tests.support.console import tenant_client
from tests.support.organisations import connect_directory
from tests.support.served import served
from tests.support.world import World

USERS = "/tenants/acme/users"


def ada(world: World) -> dict[str, Any]:
    """Ada, who has signed in."""
    person: dict[str, Any] = world.api("GET", f"{USERS}?email=ada@acme.test").get_json()["items"][0]
    return person


def test_somebody_prepared_is_joined_by_username(world: World) -> None:
    """With another address in a proven domain (P3)."""
    made = world.api("POST", USERS, json={"email": " ADA@acme.test ", "username": "al", "last_name": "Byron"})
    assert (made.status_code, made.get_json()["email"]) == (201, "ada@acme.test")
    world.sign_in(world.browser(), name_id="x", attributes={"mail": ["countess@acme.test"], "uid": ["al"]})
    (person,) = world.api("GET", USERS).get_json()["items"]
    assert (person["id"], person["email"], person["last_name"]) == (made.get_json()["id"], "countess@acme.test", "Byron")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "ada@globex.test"}, (422, "validation_failed")),
        ({"email": "ada"}, (422, "validation_failed")),
        ({"email": "ada@acme.test"}, (409, "email_conflict")),
        ({"email": "b@acme.test", "username": "ada"}, (409, "username_conflict")),
        ({"email": "b@acme.test", "first_name": "a\u202eb"}, (422, "validation_failed")),
        ({"email": "b@acme.test", "first_name": "a\x00"}, (422, "validation_failed")),
        ({"email": "b@acme.test", "last_name": "n" * 10_000}, (422, "validation_failed")),
        ({"email": "b@acme.test", "phone": 7}, (422, "validation_failed")),
        ({"email": None}, (422, "validation_failed")),
        ({"username": "b"}, (422, "validation_failed")),
    ],
)
def test_what_a_person_cannot_be(world: World, body: dict[str, Any], code: tuple[int, str]) -> None:
    """The reason is told, and nothing is left behind."""
    world.sign_in(world.browser(), attributes={"mail": ["ada@acme.test"], "uid": ["ada"]})
    before = world.rows()
    assert code_in(world.api("POST", USERS, json=body)) == code
    assert world.rows() == before


def test_a_username_is_one_persons_among_those_without_a_subject(world: World) -> None:
    """Of four who say so at once one has it, by whatever way; identity providers may call two people the same."""
    made = world.api("POST", USERS, json={"email": "p@acme.test"}).get_json()["id"]
    world.sign_in(world.browser(), name_id="x", attributes={"mail": ["joined@acme.test"], "uid": ["other"]})
    world.sign_in(world.browser(), name_id="y", attributes={"mail": ["second@acme.test"], "uid": ["other"]})
    assert [person["username"] for person in world.api("GET", USERS).get_json()["items"]].count("other") == 2

    def prepare(number: int) -> int:
        return world.api("POST", USERS, json={"email": f"q{number}@acme.test", "username": "al"}).status_code

    calls = [lambda number=number: prepare(number) for number in range(3)]
    calls.append(lambda: {200: 201}.get(world.api("PATCH", f"{USERS}/{made}", json={"username": "al"}).status_code, 409))
    assert sorted(at_once(calls)) == [201, 409, 409, 409]
    assert world.count("users") == world.count("email_address")  # nothing is left of those who were refused
    for person in world.api("GET", f"{USERS}?search=other").get_json()["items"]:
        freed = world.api("POST", f"{USERS}/{person['id']}/relink", json={"identity_provider": None, "reason": "moved"})
        last = (freed.status_code, freed.get_json().get("code"))
    assert last == (409, "username_conflict"), last


def test_right_to_left_and_emoji_names_are_names(world: World) -> None:
    """And are found again."""
    for number, name in enumerate(("ליאת", "🦊", "Žižek", "Nguyễn")):
        made = world.api("POST", USERS, json={"email": f"p{number}@acme.test", "first_name": name})
        assert made.get_json()["first_name"] == name
        found = world.api("GET", USERS, query_string={"search": name}).get_json()["items"]
        assert [person["email"] for person in found] == [f"p{number}@acme.test"]


def test_a_profile_is_edited_and_support_may_not(world: World) -> None:
    """null empties; what is left out stays; an unchanged one is no event."""
    world.sign_in(world.browser())
    path = f"{USERS}/{ada(world)['id']}"
    changed = world.api("PATCH", path, json={"last_name": None, "email": "ada.k@acme.test"}).get_json()
    assert (changed["first_name"], changed["last_name"], changed["email"]) == ("Ada", None, "ada.k@acme.test")
    events = events_of(world)
    assert events[0]["detail"]["fields"] == ["email", "last_name"]
    assert world.api("PATCH", path, json={"first_name": "Ada"}).status_code == 200
    assert events_of(world) == events
    support = token_for(world, "support")
    assert code_in(world.api("PATCH", path, support, json={"first_name": "X"})) == (403, "forbidden")
    assert world.api("PATCH", path, support, json={"active": False}).status_code == 200
    assert code_in(world.api("PATCH", path, json={})) == (422, "validation_failed")
    free = world.api("POST", USERS, json={"email": "ada@acme.test"})
    assert free.status_code == 201


def test_relinking_lets_the_next_sign_in_join(world: World) -> None:
    """Under another NameID, with the same address; the sessions end, and the reason is kept."""
    browser = world.browser()
    world.sign_in(browser)
    person = ada(world)
    attributes = {"mail": ["ada@acme.test"]}
    assert code_of(world.sign_in(world.browser(), name_id="new", attributes=attributes)) == "email_conflict"
    assert code_in(world.api("POST", f"{USERS}/{person['id']}/relink", json={})) == (422, "validation_failed")
    relinked = world.api("POST", f"{USERS}/{person['id']}/relink", json={"reason": "moved to Entra"})
    assert (relinked.status_code, relinked.get_json()["identity_provider"]) == (200, None)
    assert browser.get("/session").status_code == 401
    event = events_of(world)[0]
    assert (event["type"], event["detail"]["why"]) == ("user.relinked", "moved to Entra")
    assert event["detail"]["before"] == {"idp": "main", "subject": "ada@acme.test"}
    assert world.sign_in(world.browser(), name_id="new", attributes=attributes).status_code == 303
    assert ada(world)["id"] == person["id"]


def test_relinking_to_a_subject_never_merges(world: World) -> None:
    """A subject that somebody has is refused; a free one is theirs; who is switched off stays so (P8)."""
    world.sign_in(world.browser())
    world.sign_in(world.browser(), name_id="ben", attributes={"mail": ["ben@acme.test"]})
    path = f"{USERS}/{ada(world)['id']}"
    body = {"reason": "r", "identity_provider": "main"}
    assert code_in(world.api("POST", f"{path}/relink", json=body | {"subject": "ben"})) == (409, "subject_conflict")
    assert code_in(world.api("POST", f"{path}/relink", json=body)) == (422, "validation_failed")
    nowhere = {"reason": "r", "identity_provider": "none", "subject": "x"}
    assert code_in(world.api("POST", f"{path}/relink", json=nowhere)) == (422, "validation_failed")
    world.api("PATCH", path, json={"active": False})
    assert world.api("POST", f"{path}/relink", json=body | {"subject": "ada-2"}).status_code == 200
    refused = world.sign_in(world.browser(), name_id="ada-2", attributes={"mail": ["ada@acme.test"]})
    assert code_of(refused) == "user_inactive"


def test_people_are_known_by_a_directory_or_a_local_account(world: World) -> None:
    """Relinked to an entry with a reason, found by it, and shown as what they are; nothing of another tenant's."""
    connect_directory(world)
    world.sign_in(world.browser())
    path = f"{USERS}/{ada(world)['id']}"
    body = {"reason": "Sales has a directory now", "directory": "company", "subject": "uuid-1"}
    for wrong in ({"identity_provider": "main"}, {"subject": None}, {"directory": "none"}):
        assert code_in(world.api("POST", f"{path}/relink", json=body | wrong)) == (422, "validation_failed"), wrong
    relinked = world.api("POST", f"{path}/relink", json=body).get_json()
    assert (relinked["identity_provider"], relinked["directory"]) == (None, "company")
    detail = events_of(world)[0]["detail"]
    assert detail["after"] == {"idp": None, "directory": "company", "subject": "uuid-1"}
    assert detail["before"] == {"idp": "main", "subject": "ada@acme.test"}
    ben = world.api("POST", USERS, json={"email": "ben@acme.test"}).get_json()
    assert code_in(world.api("POST", f"{USERS}/{ben['id']}/relink", json=body)) == (409, "subject_conflict")
    world.api("PUT", f"{USERS}/{ben['id']}/local-account", json={})
    found = world.api("GET", f"{USERS}?directory=company").get_json()["items"]
    assert [item["email"] for item in found] == ["ada@acme.test"]
    assert code_in(world.api("GET", f"{USERS}?directory=theirs")) == (422, "validation_failed")
    assert {item["email"]: item["local_account"] for item in world.api("GET", USERS).get_json()["items"]} == {
        "ada@acme.test": False,
        "ben@acme.test": True,
    }
    admin = tenant_client(world)
    assert "local account" in admin.get("/admin/people/?q=ben").get_data(as_text=True)
    listed = admin.get("/admin/people/?directory=company").get_data(as_text=True)
    assert ("ada@acme.test" in listed, "ben@acme.test" in listed) == (True, False)
    form = {"csrf_token": token_of(admin, "/admin/people/"), "reason": "back", "directory": "company", "subject": "uuid-2"}
    answer = admin.post(f"/admin/people/{ada(world)['id']}/relink", data={**form, "identity_provider": ""})
    assert (answer.status_code, events_of(world)[0]["detail"]["after"]["subject"]) == (303, "uuid-2")


def test_sessions_are_listed_and_ended(world: World) -> None:
    """One, a person's, all of a tenant's; never another tenant's."""
    browsers = [world.browser() for _ in range(3)]
    for browser in browsers[:2]:
        world.sign_in(browser)
    world.sign_in(browsers[2], name_id="ben", attributes={"mail": ["ben@acme.test"]})
    far = world.browser(world.globex)
    world.sign_in(far, world.globex)
    person = ada(world)
    items = world.api("GET", "/tenants/acme/sessions").get_json()["items"]
    assert [item["email"] for item in items] == ["ben@acme.test", "ada@acme.test", "ada@acme.test"]
    assert {item["address"] for item in items} == {"127.0.0.1"}
    assert world.api("DELETE", f"{USERS}/{person['id']}/sessions/{items[0]['id']}").status_code == 404
    assert world.api("DELETE", f"{USERS}/{person['id']}/sessions/{items[2]['id']}").status_code == 204
    assert [browser.get("/session").status_code for browser in browsers] == [401, 200, 200]
    assert world.api("DELETE", f"/tenants/acme/sessions/{items[2]['id']}").status_code == 404
    assert world.api("DELETE", f"{USERS}/{person['id']}/sessions").get_json() == {"ended": 1}
    assert [browser.get("/session").status_code for browser in browsers] == [401, 401, 200]
    assert world.api("DELETE", "/tenants/acme/sessions").get_json() == {"ended": 1}
    assert (browsers[2].get("/session").status_code, far.get("/session").status_code) == (401, 200)
    types = [event["type"] for event in events_of(world)][:3]
    assert types == ["sessions.ended", "sessions.ended", "session.ended"]


def test_pages_of_every_order_lead_through_all_of_them(world: World) -> None:
    """Without gap or repetition, in both directions, with equal keys and none."""
    for number in range(7):
        name = ("Müller", "muller", None)[number % 3]
        world.api("POST", USERS, json={"email": f"p{number}@acme.test", "last_name": name})
    world.sign_in(world.browser())
    for sort in ("created", "name", "email", "username", "last_sign_in"):
        seen = {}
        for sign in ("", "-"):
            found: list[str] = []
            following: str | None = f"/api/v1{USERS}?limit=3&sort={sign}{sort}"
            while following:
                page = world.api("GET", following.removeprefix("/api/v1")).get_json()
                found += [item["email"] for item in page["items"]]
                following = page["next"]
            assert len(found) == len(set(found)) == 8, (sort, found)
            seen[sign] = found
        assert seen[""] == seen["-"][::-1]


def test_filters_narrow_the_list(world: World) -> None:
    """Alone and together; a search takes wildcards for what they are."""
    world.sign_in(world.browser())
    world.api("POST", USERS, json={"email": "ben@acme.test", "username": "b_n%"})
    ben = world.api("GET", f"{USERS}?email=ben@acme.test").get_json()["items"][0]
    world.api("PATCH", f"{USERS}/{ben['id']}", json={"active": False})

    def found(query: str) -> list[str]:
        answer = world.api("GET", f"{USERS}?{query}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return [item["email"] for item in answer.get_json()["items"]]

    assert found("active=false") == found("signed_in=false") == found("search=b_n%25") == ["ben@acme.test"]
    assert found("active=true") == found("idp=main") == found("search=lovelace+ada") == ["ada@acme.test"]
    assert found("search=ADA+LOVE") == ["ada@acme.test"]
    assert found("search=_da") == found("search=%25")[1:] == found("idp=main&active=false") == []
    assert found("dormant_since=2020-01-01") == ["ben@acme.test"]
    assert code_in(world.api("GET", f"{USERS}?idp=nobody")) == (422, "validation_failed")
    assert code_in(world.api("GET", f"{USERS}?sort=shoe")) == (422, "validation_failed")


def test_a_person_s_page_ends_their_own_sessions(world: World) -> None:
    """One that a form names, of somebody else of the same tenant, is none of theirs."""
    browser, admin = world.browser(), tenant_client(world)
    world.sign_in(browser)
    other = world.api("POST", USERS, json={"email": "bob@acme.test"}).get_json()["id"]
    session = world.api("GET", f"{USERS}/{ada(world)['id']}/sessions").get_json()["items"][0]["id"]
    form = {"csrf_token": token_of(admin, "/admin/"), "session": session}
    assert admin.post(f"/admin/people/{other}/sessions", data=form).status_code == 404
    assert browser.get("/session").status_code == 200
    assert admin.post(f"/admin/people/{ada(world)['id']}/sessions", data=form).status_code == 303
    assert browser.get("/session").status_code == 401


def test_an_ended_session_is_over_on_every_worker(world: World, tmp_path: Path) -> None:
    """Two processes on one database: ended through the API, no worker lets it pass again (S2)."""
    browser = world.browser()
    world.sign_in(browser)
    cookie = f"__Host-vestibule_session={browser.session_token}"
    with served(_url_of(world), tmp_path, workers=2) as server:
        before = {server.request("GET", "acme.localhost", "/session", cookie=cookie).status_code for _ in range(8)}
        person = ada(world)
        assert world.api("DELETE", f"{USERS}/{person['id']}/sessions").get_json() == {"ended": 1}
        after = {server.request("GET", "acme.localhost", "/session", cookie=cookie).status_code for _ in range(16)}
    assert (before, after) == ({200}, {401})


def _url_of(world: World) -> str:
    url: str = world.app.extensions["vestibule_settings"].database_url
    return url
