"""People and their attempts by the API: found, paged, switched off and on."""

from __future__ import annotations

from tests.flows.management.support import MAIN, code_in, events_of, token_for
from tests.support.world import World

USERS = "/tenants/acme/users"
ATTEMPTS = "/tenants/acme/attempts"
UNKNOWN = "01a20f9a-3fe8-72ea-b5a6-d20247588e93"


def _sign_in(world: World, *names: str) -> None:
    for name in names:
        answer = world.sign_in(world.browser(), name_id=name, attributes={"mail": [f"{name}@acme.test"]})
        assert answer.status_code == 303


def test_a_person_has_the_form_that_scripts_rely_on(world: World) -> None:
    """Every field is there, absent ones as null."""
    _sign_in(world, "ada")
    (person,) = world.api("GET", USERS).get_json()["items"]
    assert person.keys() == {
        "id", "name_id", "username", "email", "first_name", "last_name", "phone", "active", "last_login_at", "created_at",
        "identity_provider", "directory", "organisation_id", "local_account",
    }  # fmt: skip
    assert (person["name_id"], person["email"], person["active"], person["phone"]) == ("ada", "ada@acme.test", True, None)


def test_people_are_found_by_their_whole_address(world: World) -> None:
    """In either case; a part of it finds nobody, and nor does another tenant's."""
    _sign_in(world, "ada", "ben")
    for given, found in (("BEN@acme.test", ["ben@acme.test"]), ("ben@", []), ("%", []), ("ada@globex.test", [])):
        answer = world.api("GET", USERS, query_string={"email": given}).get_json()
        assert [person["email"] for person in answer["items"]] == found


def test_parameters_without_a_value_are_none(world: World) -> None:
    """`?email=&cursor=` is the first page of everybody."""
    _sign_in(world, "ada", "ben")
    answer = world.api("GET", f"{USERS}?email=&cursor=")
    assert answer.status_code == 200
    assert [person["name_id"] for person in answer.get_json()["items"]] == ["ada", "ben"]


def test_pages_follow_each_other_without_gap_or_repetition(world: World) -> None:
    """`next` leads through all of it, with the filter and the size kept, and ends with null."""
    _sign_in(world, "ada", "ben", "cyd", "dan", "eve")
    seen: list[str] = []
    following: str | None = "/api/v1/tenants/acme/users?limit=2"
    while following:
        answer = world.api("GET", following.removeprefix("/api/v1"))
        assert answer.status_code == 200
        page = answer.get_json()
        assert len(page["items"]) <= 2
        seen += [person["name_id"] for person in page["items"]]
        following = page["next"]
    assert seen == ["ada", "ben", "cyd", "dan", "eve"]


def test_a_cursor_belongs_to_one_list_of_one_tenant_under_one_filter(world: World) -> None:
    """Elsewhere, changed or made up, it is 422."""
    _sign_in(world, "ada", "ben")
    cursor = world.api("GET", f"{USERS}?limit=1").get_json()["next"].partition("cursor=")[2]
    for path in (
        f"/tenants/globex/users?cursor={cursor}",
        f"{ATTEMPTS}?cursor={cursor}",
        f"{USERS}?email=ada@acme.test&cursor={cursor}",
        f"{USERS}?cursor={cursor[:-1]}",
        f"{USERS}?cursor={cursor}AAAA",
        f"{USERS}?cursor=AA",
        f"{USERS}?cursor=äöü",
        "/tenants?cursor=AAAA",
    ):
        assert code_in(world.api("GET", path)) == (422, "cursor_invalid")


def test_switching_an_account_off_ends_its_sessions_at_once(world: World) -> None:
    """Just-in-time provisioning cannot bring the person back; switching on can (P8). Others go on."""
    ada, ben = world.browser(), world.browser()
    world.sign_in(ada)
    world.sign_in(ben, name_id="ben", attributes={"mail": ["ben@acme.test"]})
    person = world.api("GET", f"{USERS}?email=ada@acme.test").get_json()["items"][0]
    off = world.api("PATCH", f"{USERS}/{person['id']}", json={"active": False})
    assert (off.status_code, off.get_json()["active"]) == (200, False)
    assert (ada.get("/session").status_code, ben.get("/session").status_code) == (401, 200)
    assert world.sign_in(ada).status_code == 403
    assert world.api("PATCH", f"{USERS}/{person['id']}", json={"active": True}).get_json()["active"] is True
    assert ada.get("/session").status_code == 401
    assert world.sign_in(ada).status_code == 303
    types = [event["type"] for event in events_of(world) if event["type"].startswith("user.")]
    assert types == ["user.activated", "user.deactivated", "user.created", "user.created"]


def test_the_same_again_leaves_no_event(world: World) -> None:
    """PATCH is idempotent."""
    _sign_in(world, "ada")
    path = f"{USERS}/{world.api('GET', USERS).get_json()['items'][0]['id']}"
    world.api("PATCH", path, json={"active": False})
    events = events_of(world)
    assert world.api("PATCH", path, json={"active": False}).status_code == 200
    assert events_of(world) == events


def test_an_unknown_person_and_what_cannot_be_an_id_are_not_found(world: World) -> None:
    """PostgreSQL would fail on the latter."""
    for user_id in (UNKNOWN, UNKNOWN.upper(), "1", "%00", "' OR 1=1 --"):
        assert code_in(world.api("PATCH", f"{USERS}/{user_id}", json={"active": False})) == (404, "not_found")
        assert code_in(world.api("GET", f"{ATTEMPTS}/{user_id}")) == (404, "not_found")


def test_a_refused_attempt_tells_what_was_checked(world: World) -> None:
    """The receipt has each check with what was expected and what came, and the message with personal values masked."""
    world.sign_in(world.browser(), attributes={"mail": ["ada@elsewhere.test"]})
    (attempt,) = world.api("GET", ATTEMPTS).get_json()["items"]
    assert (attempt["code"], attempt["idp"], attempt["user_id"]) == ("email_domain_not_allowed", "main", None)
    receipt = world.api("GET", f"{ATTEMPTS}/{attempt['id']}").get_json()
    assert {name: receipt[name] for name in attempt} == attempt
    assert [check["passed"] for check in receipt["checks"]][-2:] == [True, False]
    assert receipt["checks"][-1]["id"] == "email_domain"
    assert "ada@elsewhere.test" not in receipt["xml"]


def test_the_receipt_of_a_sign_in_says_what_came_and_not_what_might_have_failed(world: World) -> None:
    """Where a check holds, `actual` is true: no assertion "used before", no RelayState of "another one" (D1)."""
    _sign_in(world, "ada")
    (attempt,) = world.api("GET", ATTEMPTS).get_json()["items"]
    checks = world.api("GET", f"{ATTEMPTS}/{attempt['id']}").get_json()["checks"]
    assert all(check["passed"] for check in checks)
    as_expected = {check["id"] for check in checks if check["expected"] and check["actual"] == check["expected"]}
    assert as_expected >= {
        "confirmation", "audience", "relay_state", "email", "unused", "browser", "in_response_to", "provisioned", "email_owner",
        "active",
    }  # fmt: skip
    came = " ".join(check["actual"] for check in checks)
    for failure in ("another one", "something else", "before", "in use", "switched off", "is off"):
        assert failure not in came.replace("not used before", "")


def test_attempts_come_newest_first_and_outlive_their_identity_provider(world: World) -> None:
    """The name of a deleted one stays readable."""
    _sign_in(world, "ada")
    world.sign_in(world.browser(), attributes={})
    world.api("DELETE", MAIN)
    items = world.api("GET", ATTEMPTS).get_json()["items"]
    assert [item["code"] for item in items] == ["attribute_missing", None]
    assert {item["idp"] for item in items} == {"main"}


def test_support_helps_people_and_viewers_only_read(world: World) -> None:
    """Support may switch accounts off and on; a viewer may not."""
    _sign_in(world, "ada")
    path = f"{USERS}/{world.api('GET', USERS).get_json()['items'][0]['id']}"
    support, viewer = token_for(world, "support"), token_for(world, "viewer", "acme")
    assert world.api("PATCH", path, support, json={"active": False}).status_code == 200
    assert world.api("GET", USERS, viewer).status_code == 200
    assert code_in(world.api("PATCH", path, viewer, json={"active": True})) == (403, "forbidden")
