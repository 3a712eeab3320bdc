"""A tenant's own tokens: made by API and console, shown once, bounded, ended at once (A4, I1)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine

from tenants import access_tokens
from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, token_for
from tests.support.console import staff_client, tenant_client
from tests.support.world import World, utc_now

TOKENS = "/tenants/acme/tokens"
BODY = {"role": "viewer", "label": "Reports", "expires_in": "1d"}
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def test_a_token_is_made_used_listed_and_ended(world: World) -> None:
    """Its secret stands in one answer, works at once, and is over at once."""
    admin = token_for(world, "admin", "acme", expires_in="2d")
    made = world.api("POST", TOKENS, admin, json=BODY)
    assert made.status_code == 201, made.get_data(as_text=True)
    secret, token_id = made.get_json()["token"], made.get_json()["id"]
    assert world.api("GET", TOKENS, secret).status_code == 200
    assert code_in(world.api("POST", TOKENS, secret, json=BODY)) == (403, "forbidden")
    listed = world.api("GET", TOKENS, admin)
    assert secret not in listed.get_data(as_text=True)
    assert next((item["label"], item["state"]) for item in listed.get_json()["items"]) == ("Reports", "valid")
    for _ in range(2):
        ended = world.api("DELETE", f"{TOKENS}/{token_id}", admin)
        assert (ended.status_code, ended.get_json()["state"]) == (200, "revoked")
    assert world.api("GET", TOKENS, secret).status_code == 401
    events = world.api("GET", "/tenants/acme/events?type=token.revoked").get_json()["items"]
    assert [event["detail"]["token"] for event in events] == [token_id]
    assert secret not in str(world.api("GET", "/tenants/acme/events?limit=200").get_json())


def test_what_a_token_makes_ends_no_later(world: World) -> None:
    """Whoever stole it for an hour has it for that hour; staff's own bound what they make in the same way."""
    short = token_for(world, "admin", "acme", expires_in="2h")
    assert code_in(world.api("POST", TOKENS, short, json=BODY | {"expires_in": "3h"})) == (422, "lifetime_too_long")
    assert world.api("POST", TOKENS, short, json=BODY | {"expires_in": "1h"}).status_code == 201


@on_sqlite
@pytest.mark.parametrize(
    "change",
    [
        {"role": "staff"},
        {"role": "support"},
        {"role": ""},
        {"label": ""},
        {"label": "x" * 201},
        {"label": "a\x00b"},
        {"expires_in": "-1d"},
        {"expires_in": "0s"},
        {"expires_in": "367d"},
        {"expires_in": "999999d"},
        {"expires_in": "1 day"},
        {"expires_in": 5},
        {"tenant": "globex"},
    ],
)
def test_what_cannot_be_a_token_is_refused(world: World, change: dict[str, object]) -> None:
    """No role of staff's, no life without end, none that is over."""
    answer = world.api("POST", TOKENS, json=BODY | change)
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert world.api("GET", TOKENS).get_json()["items"] == []


@on_sqlite
def test_another_tenants_token_is_none(world: World) -> None:
    """Neither seen nor ended, by its id or by whose it is."""
    theirs = world.api("POST", "/tenants/globex/tokens", json=BODY).get_json()
    admin = token_for(world, "admin", "acme")
    assert code_in(world.api("DELETE", f"{TOKENS}/{theirs['id']}", admin)) == (404, "not_found")
    assert code_in(world.api("DELETE", f"{TOKENS}/nonsense", admin)) == (404, "not_found")
    assert code_in(world.api("DELETE", f"/tenants/globex/tokens/{theirs['id']}", admin)) == (404, "not_found")
    assert world.api("GET", "/tenants/globex/tokens", theirs["token"]).status_code == 200


def test_pages_of_tokens(world: World) -> None:
    """Newest first, each once."""
    now = utc_now()
    for number in range(7):
        with time_machine.travel(now + dt.timedelta(seconds=number // 2), tick=False):
            assert world.api("POST", TOKENS, json=BODY | {"label": f"No. {number}"}).status_code == 201
    found, path = [], f"{TOKENS}?limit=3"
    while path:
        page = world.api("GET", path).get_json()
        found += [item["label"] for item in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    assert sorted(found) == [f"No. {number}" for number in range(7)]
    assert found[0] == "No. 6"


@on_sqlite
def test_there_are_not_any_number_of_tokens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The valid ones count; one that ended makes room."""
    monkeypatch.setattr(access_tokens, "MAX_VALID_TOKENS", 2)
    first = world.api("POST", TOKENS, json=BODY).get_json()["id"]
    world.api("POST", TOKENS, json=BODY)
    assert code_in(world.api("POST", TOKENS, json=BODY)) == (409, "too_many")
    world.api("DELETE", f"{TOKENS}/{first}")
    assert world.api("POST", TOKENS, json=BODY).status_code == 201


def test_the_console_shows_a_secret_once(world: World) -> None:
    """In the answer to the form, never again; what was typed wrongly is still there."""
    browser = tenant_client(world)
    page = browser.get("/admin/tokens").get_data(as_text=True)
    csrf = CSRF.search(page)
    assert csrf
    form = {"csrf_token": csrf[1], **BODY}
    made = browser.post("/admin/tokens", data=form)
    secret = re.search(r"vst_[A-Za-z0-9_-]+", made.get_data(as_text=True))
    assert secret, made.get_data(as_text=True)
    assert made.headers["Cache-Control"] == "no-store"
    assert world.api("GET", TOKENS, secret[0]).status_code == 200
    again = browser.get("/admin/tokens").get_data(as_text=True)
    assert secret[0] not in again
    token_id = re.search(r"/admin/tokens/(tok_[0-9a-f]+)/revoke", again)
    assert token_id
    wrong = browser.post("/admin/tokens", data=form | {"label": "<b>" + "x" * 300})
    assert wrong.status_code == 422
    assert browser.post("/admin/tokens", data=form | {"expires_in": "367d"}).status_code == 422, "a year, whoever makes it"
    assert "&lt;b&gt;xxx" in wrong.get_data(as_text=True)
    assert browser.post("/admin/tokens", data=BODY).status_code == 400
    assert browser.post(f"/admin/tokens/{token_id[1]}/revoke", data={"csrf_token": csrf[1]}).status_code == 303
    assert world.api("GET", TOKENS, secret[0]).status_code == 401


@on_sqlite
def test_who_may_make_tokens_in_the_console(world: World) -> None:
    """A viewer sees the list and no form; support sees it, too; neither makes or ends one."""
    viewer, support = tenant_client(world, role="viewer"), staff_client(world, "support")
    for browser, path in ((viewer, "/admin/tokens"), (support, "/admin/tenants/acme/tokens")):
        page = browser.get(path)
        assert page.status_code == 200
        assert "Make a token" not in page.get_data(as_text=True)
        csrf = re.search(r'name="csrf-token" content="([^"]+)"', page.get_data(as_text=True))
        assert csrf
        assert browser.post(path, data={"csrf_token": csrf[1], **BODY}).status_code == 403
    assert world.api("GET", TOKENS).get_json()["items"] == []
