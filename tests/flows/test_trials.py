"""Test sign-ins: everything is checked as in a real one, everything is told, and nothing is changed (A3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from config.database import db
from config.isolation import every_tenant
from identity.models import User
from identity.trial_models import TrialRow
from tests.support.browser import code_of
from tests.support.idp import ForgingIdP
from tests.support.trials import DRAFT, SETTINGS, answer, begin, draft, passing_test, prepare, result
from tests.support.world import World, utc_now

UNTOUCHED = ("users", "email_address", "session")
X509 = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
LATER = dt.timedelta(minutes=11)


def _stored(world: World) -> str:
    """Everything that the database holds of tests, as text."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return str([tuple(row) for row in connection.execute(sa.select(TrialRow.__table__))])


def _people(world: World) -> list[tuple[Any, ...]]:
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        columns = (User.subject, User.email, User.first_name, User.last_login_at, User.name_id)
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(User.id))]


def test_a_test_that_passes_makes_nobody_and_opens_no_session(world: World) -> None:
    """It tells whom it would have made, and the draft counts as tested."""
    draft(world, force_authn=True)
    before = world.rows()
    trial = begin(world)
    assert b"ForceAuthn" in trial.started.saml_request
    answered = answer(world, trial)
    assert (answered.status_code, answered.location) == (303, f"/saml/test/{trial.id}")
    assert trial.browser.session_token is None
    after = world.rows()
    assert {name: after[name] for name in UNTOUCHED} == {name: before[name] for name in UNTOUCHED}
    told = result(world, trial.id)
    assert (told["passed"], told["code"], told["would"]) == (True, None, "new")
    assert all(check["passed"] for check in told["checks"])
    assert world.api("GET", DRAFT).get_json()["tested"] is True


def test_the_page_shows_the_values_to_the_browser_that_tested_alone(world: World) -> None:
    """Nobody else sees the page, and the database holds the values for that browser only."""
    draft(world, force_authn=True)
    trial = begin(world)
    page = trial.browser.get(answer(world, trial).location)
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "The test passed" in text
    assert "Lovelace" in text
    assert world.browser().get(f"/saml/test/{trial.id}").status_code == 404
    assert "Lovelace" not in _stored(world)
    assert "ada@" not in _stored(world)
    told = result(world, trial.id)
    assert {"name": "sn", "values": ["•••"], "fields": ["last_name"]} in told["attributes"]
    assert told["person"]["email"] == "•••@acme.test"


def test_a_test_foresees_who_is_known_and_changes_nothing_about_them(world: World) -> None:
    """Unchanged and updated are told apart; not even the last sign-in moves."""
    assert world.sign_in(world.browser()).status_code == 303
    before = _people(world)
    draft(world, force_authn=True)
    assert passing_test(world)["would"] == "unchanged"
    told = passing_test(world, attributes={"mail": ["ada@acme.test"], "givenName": ["Augusta"], "sn": ["Lovelace"]})
    assert told["would"] == "updated"
    assert _people(world) == before


def test_a_test_is_judged_by_the_draft_and_by_nothing_else(world: World) -> None:
    """The draft's map reads what the settings in force cannot, and the other way round."""
    draft(world, attribute_map={"email": ["emailAddress"]})
    ben: dict[str, Any] = {"name_id": "ben", "attributes": {"emailAddress": ["ben@acme.test"]}}
    assert passing_test(world, **ben)["passed"] is True
    assert code_of(world.sign_in(world.browser(), **ben)) == "attribute_missing"
    assert world.sign_in(world.browser()).status_code == 303


def test_a_test_that_fails_shows_its_result_and_not_the_error_page(world: World) -> None:
    """The names that came are told, so that one can be mapped; the draft stays untested."""
    draft(world, attribute_map={"email": ["work_mail"]})
    trial = begin(world)
    answered = answer(world, trial)
    assert (answered.status_code, answered.location) == (303, f"/saml/test/{trial.id}")
    told = result(world, trial.id)
    assert (told["passed"], told["code"], told["would"]) == (False, "attribute_missing", None)
    assert [item["name"] for item in told["attributes"]] == ["NameID", "givenName", "mail", "sn"]
    assert told["checks"][-1]["passed"] is False
    assert "The test did not pass" in trial.browser.get(answered.location).get_data(as_text=True)
    assert world.api("GET", DRAFT).get_json()["tested"] is False


@pytest.mark.parametrize(
    ("changes", "parts", "code"),
    [
        ({"require_authn_context": True}, {"authn_context": X509}, "authn_context_mismatch"),
        ({"name_id_source": "employee"}, {}, "attribute_missing"),
        ({"force_authn": True}, {"audiences": [["https://other.test"]]}, "audience_mismatch"),
    ],
)
def test_what_came_is_told_whatever_was_refused(
    world: World, changes: dict[str, Any], parts: dict[str, Any], code: str
) -> None:
    """As long as the identity provider has signed it; what nobody signed is not read."""
    draft(world, **changes)
    trial = begin(world)
    page = trial.browser.get(answer(world, trial, **parts).location).get_data(as_text=True)
    told = result(world, trial.id)
    assert told["code"] == code
    assert [item["name"] for item in told["attributes"]] == ["NameID", "givenName", "mail", "sn"]
    assert "Lovelace" in page
    unsigned = begin(world)
    answer(world, unsigned, sign="none", **parts)
    assert result(world, unsigned.id)["attributes"] == []


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"sign": "none"}, "signature_missing"),
        ({"audiences": [["https://other.test"]]}, "audience_mismatch"),
        ({"attributes": {"mail": ["eve@evil.test"]}}, "email_domain_not_allowed"),
    ],
)
def test_a_refusal_is_the_one_that_a_sign_in_would_get(world: World, parts: dict[str, Any], code: str) -> None:
    """The same checks, the same code; no session.refused event counts it as a person's failure."""
    draft(world, force_authn=True)
    trial = begin(world)
    assert answer(world, trial, **parts).status_code == 303
    assert result(world, trial.id)["code"] == code
    assert code_of(world.sign_in(world.browser(), **parts)) == code
    types = [event["type"] for event in world.api("GET", "/tenants/acme/events").get_json()["items"]]
    assert types.count("sign_in.refused") == 1
    assert types.count("saml_settings.tested") == 1


def test_a_message_that_cannot_be_read_counts_for_the_test_that_the_browser_is_in(world: World) -> None:
    """RelayState and the login cookie together say which; without the cookie it is nobody's."""
    draft(world, force_authn=True)
    trial = begin(world)
    stranger = world.browser().post_response("no base64!", trial.started.relay_state)
    assert code_of(stranger) == "response_malformed"
    assert result(world, trial.id)["finished_at"] is None
    answered = trial.browser.post_response("no base64!", trial.started.relay_state)
    assert answered.status_code == 303
    assert result(world, trial.id)["code"] == "response_malformed"


def test_what_the_identity_provider_refuses_is_the_tests_result(world: World) -> None:
    """Its status is in the receipt."""
    draft(world, force_authn=True)
    trial = begin(world)
    status = ("urn:oasis:names:tc:SAML:2.0:status:Responder", None, None)
    assert answer(world, trial, status=status, sign="response").status_code == 303
    assert result(world, trial.id)["code"] == "status_not_success"


def test_a_test_of_somebody_who_must_not_come_in_is_kept_as_it_went(world: World) -> None:
    """It asks the identity provider for a new sign-in, so that somebody else can; the draft is not tested by it."""
    draft(world, jit_provisioning=False)
    trial = begin(world, expected="refused")
    assert b'ForceAuthn="true"' in trial.started.saml_request
    assert answer(world, trial).status_code == 303
    told = result(world, trial.id)
    assert (told["code"], told["passed"], told["as_expected"]) == ("user_not_provisioned", False, True)
    let_in = begin(world, draft=False, expected="refused")
    answer(world, let_in)
    told = result(world, let_in.id)
    assert (told["passed"], told["as_expected"]) == (True, False)
    assert world.api("GET", DRAFT).get_json()["tested"] is False


def test_what_is_in_force_can_be_tested_while_nobody_can_sign_in(world: World) -> None:
    """An identity provider that is switched off still, as during onboarding."""
    idp = ForgingIdP("https://new.acme.test/metadata")
    path = "/tenants/acme/identity-providers/main"
    body = {"display_name": "New", "metadata_xml": idp.metadata_xml(), "enabled": False}
    assert world.api("DELETE", path).status_code == 204
    assert world.api("PUT", path, json=body).status_code == 201
    trial = begin(world, draft=False)
    message = idp.response(
        sp_entity_id=world.acme.entity_id,
        acs_url=world.acme.acs_url,
        in_response_to=trial.started.request_id,
        name_id="ada",
        attributes={"mail": ["ada@acme.test"]},
    )
    assert trial.browser.post_response(message, trial.started.relay_state).status_code == 303
    assert result(world, trial.id)["passed"] is True
    assert world.browser().get("/saml/login").status_code == 409


def test_an_identity_provider_that_starts_by_itself_is_tested_by_its_relay_state(world: World) -> None:
    """Q7: no request of ours goes out; the token that comes back says that it is a test."""
    draft(world, allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start")
    browser, prepared = world.browser(), prepare(world)
    left = browser.get(prepared.path)
    assert left.status_code == 302
    relay_state = left.location.partition("RelayState=")[2]
    answered = browser.post_response(world.response(None), relay_state)
    assert answered.location == f"/saml/test/{prepared.id}"
    assert result(world, prepared.id)["passed"] is True
    assert browser.session_token is None


def test_a_ticket_works_once_and_for_ten_minutes(world: World) -> None:
    """Afterwards, with a made-up one, and at another tenant's host, there is nothing to begin."""
    draft(world, force_authn=True)
    prepared, browser = prepare(world), world.browser()
    assert browser.get(prepared.path).status_code == 200
    assert code_of(browser.get(prepared.path)) == "test_link_invalid"
    assert code_of(browser.get("/saml/test?ticket=" + "x" * 43)) == "test_link_invalid"
    assert code_of(browser.get("/saml/test")) == "test_link_invalid"
    assert code_of(world.browser(world.globex).get(prepare(world).path)) == "test_link_invalid"
    late = prepare(world)
    with time_machine.travel(utc_now() + LATER, tick=False):
        assert code_of(world.browser().get(late.path)) == "test_link_invalid"


def test_a_draft_has_to_be_there_to_be_tested(world: World) -> None:
    """And an identity provider, and a test whose result is asked for."""
    assert world.api("POST", f"{SETTINGS}/tests", json={}).get_json()["code"] == "draft_missing"
    unknown = "/tenants/acme/identity-providers/other/saml-settings/tests"
    assert world.api("POST", unknown, json={}).status_code == 404
    for trial_id in ("x", "0" * 36, "00000000-0000-7000-8000-000000000000"):
        assert world.api("GET", f"{SETTINGS}/tests/{trial_id}").status_code == 404


def test_a_test_keeps_the_session_that_the_browser_has(world: World) -> None:
    """An administrator who tests stays signed in to the console."""
    browser = world.browser()
    assert world.sign_in(browser).status_code == 303
    token = browser.session_token
    draft(world, force_authn=True)
    trial = begin(world, browser=browser)
    answer(world, trial)
    assert browser.session_token == token
    assert browser.get("/session").status_code == 200


def test_an_edit_after_the_test_began_is_not_tested_by_it(world: World) -> None:
    """The test is judged by the settings as they were; the draft as it is now waits for its own."""
    draft(world, force_authn=True)
    trial = begin(world)
    draft(world, clock_skew_seconds=30)
    answer(world, trial)
    assert result(world, trial.id)["passed"] is True
    assert world.api("GET", DRAFT).get_json()["tested"] is False
    draft(world, clock_skew_seconds=60)
    passing_test(world)
    assert world.api("GET", DRAFT).get_json()["tested"] is True


def test_the_attempt_is_marked_as_a_test(world: World) -> None:
    """Its receipt is among the attempts, with the message masked."""
    draft(world, force_authn=True)
    told = passing_test(world)
    attempt = world.api("GET", f"/tenants/acme/attempts/{told['attempt_id']}").get_json()
    assert attempt["user_id"] is None
    assert "Lovelace" not in attempt["xml"]
    assert attempt["checks"] == told["checks"]
