"""Another tenant's ids where no path has them: beside one's own in a list, in rules, in filters of exports, as a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import TestResponse

from tests.flows.management.support import token_for
from tests.support.console import tenant_client
from tests.support.furnishing import furnish, mark_of
from tests.support.world import Organisation, World

PREVIEW_AND_PUT = (("POST", "/preview"), ("PUT", ""))
Ids = Mapping[str, Mapping[str, str]]
LISTS = ("users", "sessions", "events", "attempts", "tokens", "organisations", "users/{user_id}/sessions")


def test_another_tenants_ids_lead_nowhere(world: World) -> None:
    """In one world, since each of these leaves everything as it was: lists in bodies, rules, filters, cursors."""
    ids = {organisation.slug: furnish(world, organisation) for organisation in (world.acme, world.globex)}
    token = token_for(world, "admin", "acme")
    _a_cursor_is_one_lists_of_one_tenant(world, token, ids)
    _filters_find_nobody_elsewhere(world, token, ids)
    _rules_lead_nowhere_else(world, token, ids)
    _ones_own_beside_anothers(world, token, ids)


def _ones_own_beside_anothers(world: World, token: str, ids: Ids) -> None:
    """A list of one's own person and a foreign one is refused whole, by API and console; neither of them has changed."""
    ours, theirs = ids["acme"], ids["globex"]
    browser = tenant_client(world)
    form = browser.client.get("/admin/people/", base_url=f"http://{browser.host}").get_data(as_text=True)
    csrf = form.partition('name="csrf_token" value="')[2].partition('"')[0]
    before = world.rows()
    both = [ours["user_id"], theirs["user_id"]]
    for people in (both, both[::-1]):
        body = {"user_ids": people, "organisation_id": None}
        assert world.api("POST", "/tenants/acme/organisation-moves", token, json=body).status_code == 404
        for act in ("deactivate", "end_sessions"):
            sent = {"csrf_token": csrf, "act": act, "id": people}
            assert browser.post("/admin/people/bulk", data=sent).status_code == 404, act
    foreign = {"csrf_token": csrf, "session": theirs["session_id"]}
    assert browser.post("/admin/sessions/end", data=foreign).status_code == 404
    assert world.rows() == before
    shown = browser.post("/admin/people/bulk", data={"csrf_token": csrf, "act": "move", "id": both}).get_data(as_text=True)
    assert mark_of(world.acme) in shown
    assert mark_of(world.globex) not in shown
    moved = browser.post("/admin/people/move", data={"csrf_token": csrf, "organisation": "tenant", "id": both})
    assert mark_of(world.globex) not in moved.get_data(as_text=True)
    assert world.api("GET", f"/tenants/globex/users/{theirs['user_id']}").get_json()["organisation_id"] is not None


def _rules_lead_nowhere_else(world: World, token: str, ids: Ids) -> None:
    """No rule of placement names another tenant's organisation, nor does where people belong at first; it is not even known."""
    theirs = ids["globex"]["organisation_id"]
    rule = {"attribute": "groups", "values": ["it"], "organisation": theirs}
    before = world.rows()
    for owner in ("identity-providers/main", "directories/main"):
        for method, path in PREVIEW_AND_PUT:
            for body in ({"organisation": theirs}, {"rules": [rule]}):
                answer = world.api(method, f"/tenants/acme/{owner}/placement-rules{path}", token, json=body)
                assert answer.status_code == 422, (owner, method, body)
                assert mark_of(world.globex) not in answer.get_data(as_text=True)
    made = {"email": "new@acme.test", "organisation_id": theirs}
    assert world.api("POST", "/tenants/acme/users", token, json=made).status_code == 422
    assert world.rows() == before


def _filters_find_nobody_elsewhere(world: World, token: str, ids: Ids) -> None:
    """Lists and exports, filtered by another tenant's person, address or reference, hold nothing."""
    theirs = ids["globex"]
    email = f"{mark_of(world.globex)}@globex.test"
    reference = world.api("GET", f"/tenants/globex/attempts/{theirs['attempt_id']}").get_json()["reference"]
    for asked in ({"user_id": theirs["user_id"]}, {"email": email}, {"reference": reference}):
        for form in ("", ".csv", ".jsonl"):
            answer = world.api("GET", f"/tenants/acme/attempts{form}", token, query_string=asked)
            assert answer.status_code == 200, asked
            assert _is_empty(answer, form), (asked, form)
    for form in ("", ".csv", ".jsonl"):
        answer = world.api("GET", f"/tenants/acme/users{form}", token, query_string={"email": email})
        assert _is_empty(answer, form), form


def _a_cursor_is_one_lists_of_one_tenant(world: World, token: str, ids: Ids) -> None:
    """Another tenant's `next` is refused, and so is one's own of another list: by each list that has pages."""
    cursors = {}
    for path in LISTS:
        for organisation in (world.acme, world.globex):
            cursors[path, organisation.slug] = _cursor(world, organisation, path.format(**ids[organisation.slug]))
    known = {key: cursor for key, cursor in cursors.items() if cursor}
    assert {path for path, _ in known} >= {"users", "events", "attempts", "organisations"}
    for path in LISTS:
        here = f"/tenants/acme/{path.format(**ids['acme'])}"
        for (of_list, slug), cursor in known.items():
            answer = world.api("GET", here, token, query_string={"cursor": cursor, "limit": 1})
            wanted = 200 if (of_list, slug) == (path, "acme") else 422
            assert answer.status_code == wanted, (path, of_list, slug)
            assert mark_of(world.globex) not in answer.get_data(as_text=True)


def _cursor(world: World, organisation: Organisation, path: str) -> str | None:
    """Of the second page of a list with pages of one; None where there is no second."""
    answer = world.api("GET", f"/tenants/{organisation.slug}/{path}", query_string={"limit": 1})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    following = answer.get_json()["next"]
    return parse_qs(urlsplit(following).query)["cursor"][0] if following else None


def _is_empty(answer: TestResponse, form: str) -> bool:
    """Whether nobody and nothing is in a list or an export."""
    if form == "":
        items: list[Any] = answer.get_json()["items"]
        return items == []
    return answer.get_data().count(b"\n") == (1 if form == ".csv" else 0)
