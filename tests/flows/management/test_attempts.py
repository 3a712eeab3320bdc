"""Attempts by API and command line: filters, pages and advice; no tenant sees another's (D1, D3)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
import time_machine

from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, token_for
from tests.support.world import World, utc_now

ATTEMPTS = "/tenants/acme/attempts"
NO_CONTEXT = ("urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext", None)


def codes_of(world: World, query: str = "") -> list[str | None]:
    """Codes of the attempts that a query finds, newest first, page by page."""
    found, path = [], f"{ATTEMPTS}?limit=2&{query}"
    while path:
        answer = world.api("GET", path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        page = answer.get_json()
        found += [item["code"] for item in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    return found


@pytest.fixture
def history(world: World) -> World:
    """Seven attempts: three hours of Ada and Grace, and what went wrong."""
    now = utc_now()
    attempts: tuple[tuple[int, str, dict[str, Any]], ...] = (
        (3, "ada", {}),
        (2, "grace", {}),
        (2, "ada", {"attributes": {}}),
        (1, "ada", {"audiences": [["urn:x"]]}),
        (1, "ada", {"attributes": {}}),
        (0, "ada", {}),
        (0, "mallory", {"attributes": {"mail": ["mallory@elsewhere.test"]}}),
    )
    for number, (hours, name, parts) in enumerate(attempts):
        with time_machine.travel(now - dt.timedelta(hours=hours, minutes=9 - number), tick=True):
            email = f"{name}@acme.test"
            said: dict[str, Any] = {"name_id": email, "attributes": {"mail": [email]}}
            world.sign_in(world.browser(), **(said | parts))
    return world


EVERYTHING = ["email_domain_not_allowed", None, "attribute_missing", "audience_mismatch", "attribute_missing", None, None]


def test_attempts_are_found_by_code_result_person_and_time(history: World) -> None:
    """Each filter alone, two together, and page after page."""
    assert codes_of(history) == EVERYTHING
    assert codes_of(history, "code=attribute_missing") == ["attribute_missing"] * 2
    assert codes_of(history, "code=replayed") == []
    assert codes_of(history, "result=accepted") == [None] * 3
    assert codes_of(history, "result=refused") == [code for code in EVERYTHING if code]
    assert codes_of(history, "email=ADA@acme.test") == [None, None]
    assert codes_of(history, "email=nobody@acme.test") == []
    assert codes_of(history, "test=true") == []
    assert codes_of(history, "test=false") == EVERYTHING
    since = quote((utc_now() - dt.timedelta(hours=1, minutes=30)).isoformat())
    assert codes_of(history, f"since={since}") == EVERYTHING[:4]
    assert codes_of(history, f"until={since}") == EVERYTHING[4:]
    assert codes_of(history, f"since={since}&result=accepted") == [None]
    assert codes_of(history, f"until={since}&code=attribute_missing") == ["attribute_missing"]
    ada = history.api("GET", "/tenants/acme/users?email=ada@acme.test").get_json()["items"][0]["id"]
    assert codes_of(history, f"user_id={ada}&result=accepted") == [None, None]
    assert codes_of(history, f"user_id={ada}&email=grace@acme.test") == []
    reference = history.api("GET", ATTEMPTS).get_json()["items"][3]["reference"]
    assert codes_of(history, f"reference={reference}") == ["audience_mismatch"]


def test_exports_hold_what_the_list_does(history: World) -> None:
    """All pages, filtered alike, each with its person's address; that one was taken is audited."""
    for form in ("csv", "jsonl"):
        answer = history.api("GET", f"{ATTEMPTS}.{form}?result=refused")
        assert f'filename="acme-attempts.{form}"' in answer.headers["Content-Disposition"]
        text = answer.get_data(as_text=True).removeprefix("\ufeff")
        rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else [json.loads(line) for line in text.splitlines()]
        assert [row["code"] for row in rows] == [code for code in EVERYTHING if code]
    accepted = history.api("GET", f"{ATTEMPTS}.jsonl?result=accepted").get_data(as_text=True)
    people = [json.loads(line)["email"] for line in accepted.splitlines()]
    assert people == [f"{name}@acme.test" for name in ("ada", "grace", "ada")]
    assert history.api("GET", f"{ATTEMPTS}.csv?code=replayed").get_data(as_text=True).count("\n") == 1
    told = history.app.test_cli_runner().invoke(args=["attempts", "export", "acme", "--result", "accepted", "--no-test"])
    assert told.output == accepted
    taken = history.api("GET", "/tenants/acme/events?type=attempts.exported").get_json()["items"]
    assert [event["detail"] for event in taken] == [{"form": form} for form in ("jsonl", "csv", "jsonl", "jsonl", "csv")]


@on_sqlite
@pytest.mark.parametrize(
    "query",
    [
        *("code=A B", "code=%00", "result=x", "reference=zz", "user_id=1", "test=yes", "since=yesterday"),
        *("since=2026-01-01T00:00:00", "until=0001-01-01T00:00:00%2B14:00", "since=9999-12-31T23:59:59-14:00"),
        *("email=" + "a" * 300, "unknown=1", "limit=0"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(world: World, query: str) -> None:
    """With the name of the field; never an empty list that looks like an answer, nor a fault of ours."""
    assert code_in(world.api("GET", f"{ATTEMPTS}?{query}")) == (422, "validation_failed")


@on_sqlite
@pytest.mark.parametrize("query", ["code=", "result=&since=&until=&test=&email=&user_id=&reference=&cursor="])
def test_an_empty_filter_is_none(world: World, query: str) -> None:
    """As forms send it."""
    assert world.api("GET", f"{ATTEMPTS}?{query}").status_code == 200


@on_sqlite
@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-06-01T12:00:00%2B14:00"]
)
def test_any_moment_that_there_is_can_be_asked_for(world: World, moment: str) -> None:
    """Also before there were ids, and after."""
    assert world.api("GET", f"{ATTEMPTS}?since={moment}").status_code == 200
    assert world.api("GET", f"{ATTEMPTS}?until={moment}").status_code == 200


def test_a_cursor_belongs_to_its_filter(history: World) -> None:
    """The place in one list is none in another."""
    following = history.api("GET", f"{ATTEMPTS}?limit=1&result=refused").get_json()["next"]
    cursor = following.partition("cursor=")[2]
    assert "result=refused" in following
    assert code_in(history.api("GET", f"{ATTEMPTS}?cursor={cursor}")) == (422, "cursor_invalid")


def receipt_of(world: World, token: str | None = None) -> dict[str, Any]:
    """The newest attempt as the API shows it."""
    newest = world.api("GET", ATTEMPTS).get_json()["items"][0]
    document: dict[str, Any] = world.api("GET", f"{ATTEMPTS}/{newest['id']}", token).get_json()
    return document


def test_a_receipt_says_what_to_do(world: World) -> None:
    """The known failure with the known fix, in a form that the settings take as it stands."""
    world.sign_in(world.browser(), status=NO_CONTEXT)
    receipt = receipt_of(world)
    assert (receipt["code"], receipt["advice"]["who"]) == ("status_not_success", "tenant_admin")
    (offer,) = receipt["advice"]["offers"]
    assert offer["action"] == "leave_class_blank"
    world.change_settings(**offer["settings"])
    world.sign_in(world.browser())
    assert receipt_of(world)["advice"] is None


@pytest.mark.usefixtures("clock_stands")
def test_a_clock_that_is_behind_is_told_by_how_much(world: World) -> None:
    """From when we asked and when they say that they answered."""
    browser = world.browser()
    started = browser.start()
    behind = utc_now() - dt.timedelta(seconds=500)
    browser.post_response(world.response(started, now=behind), started.relay_state)
    receipt = receipt_of(world)
    assert receipt["code"] == "expired"
    assert receipt["facts"]["issued_seconds_ago"] - receipt["facts"]["asked_seconds_ago"] in range(498, 502)
    assert "behind ours" in " ".join(receipt["advice"]["details"])


def test_a_lost_cookie_names_the_browser(world: World) -> None:
    """So that support knows which one it was."""
    browser = world.browser()
    started = browser.start()
    browser.forget_login()
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X)"
    browser.post_response(world.response(started), started.relay_state, headers={"User-Agent": agent})
    receipt = receipt_of(world)
    assert (receipt["code"], receipt["facts"]["user_agent"]) == ("login_state_lost", agent)
    assert "Safari" in receipt["advice"]["details"][0]


def test_whoever_was_known_is_named_by_the_refusal(world: World) -> None:
    """A person whose account is switched off is found by their attempts, refused ones among them."""
    world.sign_in(world.browser())
    ada = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    world.api("PATCH", f"/tenants/acme/users/{ada}", json={"active": False})
    world.sign_in(world.browser())
    receipt = receipt_of(world)
    assert (receipt["code"], receipt["user_id"]) == ("user_inactive", ada)
    assert receipt["advice"]["offers"][0]["about"] == ada
    assert codes_of(world, f"user_id={ada}") == ["user_inactive", None]


@on_sqlite
def test_nobody_sees_another_tenants_attempts(world: World) -> None:
    """By list, by id, by filter; an unknown id and a foreign one are the same."""
    world.sign_in(world.browser(world.globex), world.globex)
    theirs = world.api("GET", "/tenants/globex/attempts").get_json()["items"][0]
    admin = token_for(world, "admin", "acme")
    assert code_in(world.api("GET", "/tenants/globex/attempts", admin)) == (404, "not_found")
    for token in (admin, None):
        assert world.api("GET", f"{ATTEMPTS}?reference={theirs['reference']}", token).get_json()["items"] == []
        assert world.api("GET", f"{ATTEMPTS}?user_id={theirs['user_id']}", token).get_json()["items"] == []
        assert world.api("GET", f"{ATTEMPTS}?email=ada@globex.test", token).get_json()["items"] == []
        assert code_in(world.api("GET", f"{ATTEMPTS}/{theirs['id']}", token)) == (404, "not_found")


@on_sqlite
def test_the_command_line_tells_the_same(history: World) -> None:
    """List by filter, one with its advice, and a response in a file."""
    run = history.app.test_cli_runner().invoke
    listed = run(args=["attempts", "list", "acme", "--code", "audience_mismatch"]).output
    assert listed.count("\n") == 1
    shown = json.loads(run(args=["attempts", "show", "acme", listed.split("\t")[0]]).output)
    assert shown["advice"]["offers"][0]["action"] == "show_our_values"
    assert run(args=["attempts", "list", "acme", "--email", "grace@acme.test", "--no-test"]).output.count("accepted") == 1
    assert run(args=["attempts", "list", "acme", "--since", "yesterday"]).exit_code == 2
    message = history.response(history.browser().start()).decode()
    verdict = json.loads(run(args=["attempts", "diagnose", "acme", "-"], input=message).output)
    assert (verdict["code"], verdict["pasted_as"], verdict["would"]) == (None, "xml", "known")
    later = (utc_now() + dt.timedelta(days=2)).isoformat()
    verdict = json.loads(run(args=["attempts", "diagnose", "acme", "-", "--at", later], input=message).output)
    assert "expired" in [advice["code"] for advice in verdict["advice"]]
