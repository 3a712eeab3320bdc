"""Test sign-ins: no answer to one signs anybody in, and nothing else counts as a test that passed (A3)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.support.at_once import at_once
from tests.support.browser import code_of
from tests.support.trials import DRAFT, answer, begin, draft, prepare, result
from tests.support.world import World

PEOPLE = ("users", "email_address", "session")


def people(world: World) -> dict[str, Any]:
    """Every row of people and their sessions."""
    rows = world.rows()
    return {name: rows[name] for name in PEOPLE}


def counts_as_tested(world: World) -> bool:
    """Whether the draft counts as tested."""
    value: bool = world.api("GET", DRAFT).get_json()["tested"]
    return value


def test_the_answer_to_a_test_signs_nobody_in(world: World) -> None:
    """Not the tester, not another browser that got hold of the message, not a second time."""
    draft(world, force_authn=True)
    trial, thief = begin(world), world.browser()
    thief.start()
    message, before = world.response(trial.started), people(world)
    for browser in (thief, trial.browser, trial.browser, thief):
        answered = browser.post_response(message, trial.started.relay_state)
        assert "__Host-vestibule_session" not in str(answered.headers)
        assert browser.session_token is None
        assert browser.get("/session").status_code == 401
    assert people(world) == before


def test_a_stolen_answer_fails_the_test_and_shows_the_thief_nothing(world: World) -> None:
    """It is the browser that is wrong; the result is told to those who may read it, and no value is kept."""
    draft(world, force_authn=True)
    trial, thief = begin(world), world.browser()
    answered = thief.post_response(world.response(trial.started), trial.started.relay_state)
    assert thief.get(answered.location).status_code == 404
    told = result(world, trial.id)
    assert (told["passed"], told["code"]) == (False, "login_state_lost")
    assert not counts_as_tested(world)


def test_nobody_fails_a_test_from_outside(world: World) -> None:
    """Who knows the request but has neither the identity provider's key nor the browser changes nothing."""
    draft(world, force_authn=True)
    trial, stranger = begin(world), world.browser()
    refused = stranger.post_response(world.response(trial.started, sign="none"), trial.started.relay_state)
    assert code_of(refused) == "answers_test"
    assert result(world, trial.id)["finished_at"] is None
    assert answer(world, trial).status_code == 303
    assert counts_as_tested(world)


def test_a_sign_in_does_not_count_as_a_test(world: World) -> None:
    """Neither by itself, nor with the RelayState of a test that is under way in the same browser."""
    draft(world, force_authn=True)
    assert world.sign_in(world.browser()).status_code == 303
    assert not counts_as_tested(world)
    trial = begin(world)
    started = trial.browser.start()
    before = people(world)
    mixed = trial.browser.post_response(world.response(started), trial.started.relay_state)
    assert trial.browser.session_token is None
    assert mixed.status_code == 303
    assert (result(world, trial.id)["code"], counts_as_tested(world)) == ("relay_state_invalid", False)
    assert people(world) == before


def test_a_test_is_no_sign_in_by_another_relay_state(world: World) -> None:
    """The answer to a test with the RelayState of a sign-in, or of nobody."""
    draft(world, force_authn=True)
    before = people(world)
    for path in ("/reports", "", None):
        trial = begin(world)
        sign_in = trial.browser.start()
        relay_state = sign_in.relay_state if path is None else path
        answered = trial.browser.post_response(world.response(trial.started), relay_state)
        assert answered.location == f"/saml/test/{trial.id}"
        assert trial.browser.session_token is None
        assert result(world, trial.id)["passed"] is (path == "")
    assert people(world) == before


def test_a_drafts_leave_lets_nobody_in(world: World) -> None:
    """What only the draft allows is refused to everybody whose sign-in is no test."""
    draft(world, allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start")
    before = people(world)
    browser, prepared = world.browser(), prepare(world)
    relay_state = browser.get(prepared.path).location.partition("RelayState=")[2]
    message = world.response(None)
    assert code_of(browser.post_response(message)) == "unsolicited_not_allowed"
    assert code_of(browser.post_response(message, "/reports")) == "unsolicited_not_allowed"
    assert browser.post_response(message, relay_state).status_code == 303
    assert result(world, prepared.id)["passed"] is True
    assert browser.session_token is None
    assert people(world) == before


def test_an_assertion_that_was_tested_with_is_used_up(world: World) -> None:
    """Where unsolicited responses are taken, the one that a test took is none any more."""
    world.change_settings(allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start")
    browser, prepared = world.browser(), prepare(world, draft=False)
    relay_state = browser.get(prepared.path).location.partition("RelayState=")[2]
    message = world.response(None)
    assert browser.post_response(message, relay_state).location == f"/saml/test/{prepared.id}"
    assert code_of(browser.post_response(message)) == "replayed"
    assert code_of(world.browser().post_response(message)) == "replayed"


def test_a_test_of_one_tenant_is_nothing_to_another(world: World) -> None:
    """Another tenant's identity provider, host, and administrators."""
    draft(world, force_authn=True)
    trial = begin(world)
    foreign = world.response(trial.started, world.globex)
    assert trial.browser.post_response(foreign, trial.started.relay_state).status_code == 303
    assert result(world, trial.id)["passed"] is False
    second = begin(world)
    elsewhere = world.browser(world.globex)
    assert code_of(elsewhere.post_response(world.response(second.started), second.started.relay_state)) is not None
    assert result(world, second.id)["finished_at"] is None
    assert elsewhere.get(f"/saml/test/{second.id}").status_code == 404
    path = f"/tenants/globex/identity-providers/main/saml-settings/tests/{second.id}"
    assert world.api("GET", path).status_code == 404


def test_a_ticket_is_for_one_browser(world: World) -> None:
    """Of many that come at once, one begins."""
    draft(world, force_authn=True)
    prepared = prepare(world)
    browsers = [world.browser() for _ in range(6)]
    answers = at_once([partial(browser.get, prepared.path) for browser in browsers])
    assert sorted(item.status_code for item in answers) == [200, 409, 409, 409, 409, 409]


@pytest.mark.parametrize("expected", ["accepted", "refused"])
def test_of_many_answers_at_once_one_is_the_result(world: World, expected: str) -> None:
    """The others change nothing, and nobody is signed in."""
    draft(world, force_authn=True)
    trial, before = begin(world, expected=expected), people(world)
    messages = [world.response(trial.started) for _ in range(4)]
    post = trial.browser.post_response
    answers = at_once([partial(post, message, trial.started.relay_state) for message in messages])
    assert [item.status_code for item in answers] == [303] * 4
    assert people(world) == before
    attempts = world.api("GET", "/tenants/acme/attempts").get_json()["items"]
    assert len(attempts) == 1
