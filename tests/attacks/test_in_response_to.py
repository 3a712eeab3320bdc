"""InResponseTo: a response answers one request of this tenant, this identity provider and this browser, once (V10)."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from identity.browsers import LOGIN_COOKIE, SESSION_COOKIE
from identity.exchanges import EXCHANGE_LIFETIME
from tests.attacks.answering import accept, accept_message
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending, refuse
from tests.support.idp import ForgingIdP
from tests.support.world import World, utc_now

SECOND = ForgingIdP("https://second.acme.test/metadata")
UNKNOWN = "_" + "0" * 40
SECOND_PATH = "/tenants/acme/identity-providers/second"


def connect(world: World, idp: ForgingIdP) -> None:
    """Give acme a second identity provider."""
    answer = world.api("PUT", SECOND_PATH, json={"display_name": "Subsidiary", "metadata_xml": idp.metadata_xml()})
    assert answer.status_code == 201, answer.get_data(as_text=True)


def pending_at(world: World, idp_name: str) -> Pending:
    """A sign-in that left for one of acme's two identity providers."""
    browser = world.browser()
    return Pending(world, world.acme, browser, browser.start(idp=idp_name))


def answer_to(victim: Pending, response: str | None, confirmation: str | None) -> bytes:
    """A response whose two InResponseTo say so."""
    return victim.response(in_response_to=response, confirmation_in_response_to=confirmation)


def named(victim: Pending, word: str) -> str | None:
    """What a test's word stands for."""
    ours = victim.request_id
    return {
        "ours": ours,
        "unknown": UNKNOWN,
        "none": None,
        "longer": ours + "0",
        "shorter": ours[:-1],
        "other case": ours.upper(),
        "blank before": " " + ours,
    }[word]


@on_sqlite
@pytest.mark.parametrize(
    ("response", "confirmation"),
    [
        ("unknown", "unknown"),
        ("unknown", "ours"),
        ("ours", "unknown"),
        ("none", "ours"),
        ("ours", "none"),
        ("unknown", "none"),
        ("none", "unknown"),
        ("longer", "longer"),
        ("shorter", "shorter"),
        ("other case", "other case"),
        ("blank before", "blank before"),
        ("ours", "blank before"),
    ],
)
def test_both_places_name_the_pending_request(world: World, response: str, confirmation: str) -> None:
    """One that is wrong or missing in either place is refused, and burns nothing."""
    victim = pending(world)
    message = answer_to(victim, named(victim, response), named(victim, confirmation))
    refused = refuse(victim, message, "in_response_to_mismatch")
    assert refused.check == "in_response_to"


def test_an_answer_that_names_no_request_at_all_was_not_asked_for(world: World) -> None:
    """Removing both turns it into an unsolicited response, which this tenant does not take."""
    victim = pending(world)
    refuse(victim, answer_to(victim, None, None), "unsolicited_not_allowed")


@on_sqlite
def test_where_unasked_ones_are_allowed_the_token_of_a_request_is_no_place_to_go(world: World) -> None:
    """Removing both does not get around the browser's cookie with the RelayState of a pending request."""
    world.change_settings(allow_idp_initiated=True)
    victim = pending(world)
    refuse(victim, answer_to(victim, None, None), "relay_state_invalid")


@on_sqlite
@pytest.mark.parametrize(("response", "confirmation"), [("unknown", "unknown"), ("unknown", "none"), ("none", "unknown")])
def test_an_unasked_response_names_no_request(world: World, response: str, confirmation: str) -> None:
    """Allowed to come unasked, it may still not claim to answer something (SAML Profiles 4.1.5)."""
    world.change_settings(allow_idp_initiated=True)
    victim = pending(world)
    refuse(victim, answer_to(victim, named(victim, response), named(victim, confirmation)), "in_response_to_mismatch", "")


def test_two_requests_of_one_browser_are_not_mixed(world: World) -> None:
    """Response and confirmation name the same one; both can be answered, each once and in any order."""
    first = pending(world)
    second = Pending(world, world.acme, first.browser, first.browser.start("/second"))
    before = world.rows()
    mixed = first.send(answer_to(first, first.request_id, second.request_id))
    assert_refused(world, mixed, "in_response_to_mismatch", before)
    mixed = first.send(answer_to(first, second.request_id, first.request_id))
    assert_refused(world, mixed, "in_response_to_mismatch", before)
    assert second.send(second.response()).location == "/second"
    assert first.send(first.response()).location == "/"


def test_another_tenants_request_is_unknown_here(world: World) -> None:
    """A request that globex's browser waits for cannot be answered at acme, and is not burnt by the attempt."""
    victim, other = pending(world), pending(world, world.globex)
    refuse(victim, answer_to(victim, other.request_id, other.request_id), "in_response_to_mismatch")
    other.finish()


def test_another_identity_provider_of_the_tenant_cannot_answer(world: World) -> None:
    """The one that was asked answers; the other's key is not looked at, although the tenant trusts it."""
    connect(world, SECOND)
    victim = pending_at(world, "main")
    message = SECOND.response(sp_entity_id=world.acme.entity_id, acs_url=world.acme.acs_url, in_response_to=victim.request_id)
    refuse(victim, message, "signature_invalid")


def test_not_even_with_the_same_key(world: World) -> None:
    """Two entities of one vendor may sign with one key: the issuer tells them apart."""
    second = ForgingIdP(SECOND.entity_id, key=world.acme.idp.key)
    connect(world, second)
    victim = pending_at(world, "main")
    message = second.response(sp_entity_id=world.acme.entity_id, acs_url=world.acme.acs_url, in_response_to=victim.request_id)
    refuse(victim, message, "issuer_mismatch")


def test_the_one_that_was_asked_answers(world: World) -> None:
    """With two identity providers, each answers its own requests."""
    connect(world, SECOND)
    victim = pending_at(world, "second")
    message = SECOND.response(sp_entity_id=world.acme.entity_id, acs_url=world.acme.acs_url, in_response_to=victim.request_id)
    assert accept_message(victim, message)["user"]["email"] == "alice@acme.test"


def test_the_answer_of_one_that_was_taken_away_is_refused(world: World) -> None:
    """It was asked while it was trusted, and is not trusted any more when it answers."""
    connect(world, SECOND)
    victim = pending_at(world, "second")
    message = SECOND.response(sp_entity_id=world.acme.entity_id, acs_url=world.acme.acs_url, in_response_to=victim.request_id)
    assert world.api("DELETE", SECOND_PATH).status_code == 204
    before = world.rows()
    answer = victim.send(message)
    assert answer.status_code == 409
    assert SESSION_COOKIE not in str(answer.headers)
    assert world.rows() == before


@pytest.mark.parametrize(("late", "accepted"), [(-1, True), (0, False), (1, False), (86_400, False)])
def test_a_request_waits_for_ten_minutes(world: World, late: int, accepted: bool) -> None:
    """A second before its end it can be answered; from then on it is as unknown as any other."""
    begun = utc_now().replace(microsecond=0)
    with time_machine.travel(begun, tick=False):
        victim = pending(world)
    with time_machine.travel(begun + EXCHANGE_LIFETIME + dt.timedelta(seconds=late), tick=False):
        before = world.rows()
        answer = victim.send(victim.response())
        if accepted:
            assert answer.status_code == 303
        else:
            assert_refused(world, answer, "in_response_to_mismatch", before)


@on_sqlite
@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param("", id="none"),
        pytest.param(f"{LOGIN_COOKIE}=", id="empty"),
        pytest.param(f"{LOGIN_COOKIE}={'A' * 43}", id="another secret"),
        pytest.param(f"{LOGIN_COOKIE}={{shorter}}", id="without its last character"),
        pytest.param(f"{LOGIN_COOKIE}={{secret}}A", id="with one more"),
        pytest.param(f"{LOGIN_COOKIE}={{swapped}}", id="in other case"),
        pytest.param(f"{LOGIN_COOKIE}=%FF%00\xe9\xe9\xff", id="garbled"),
        pytest.param(f"{LOGIN_COOKIE}={'A' * 4000}", id="huge"),
        pytest.param(f"{SESSION_COOKIE}={{secret}}", id="under the other name"),
        pytest.param("vestibule_login={secret}", id="without the prefix of its host"),
        pytest.param(f"{LOGIN_COOKIE.lower()}={{secret}}", id="name in lower case"),
        pytest.param(f"{LOGIN_COOKIE}={'A' * 43}; {LOGIN_COOKIE}={'B' * 43}", id="twice wrong"),
        pytest.param(f"{LOGIN_COOKIE}={'A' * 43}; {LOGIN_COOKIE}={{secret}}", id="a wrong one before the right one"),
    ],
)
def test_only_the_browser_that_began_can_finish(world: World, cookie: str) -> None:
    """Without its very login cookie a good answer is refused kindly, and whoever began can still finish."""
    victim = pending(world)
    secret = victim.browser.login_secret or ""
    header = cookie.format(secret=secret, shorter=secret[:-1], swapped=secret.swapcase())
    message, before = victim.response(), world.rows()
    stolen = victim.browser.post_response(message, victim.started.relay_state, headers={"Cookie": header})
    refused = assert_refused(world, stolen, "login_state_lost", before)
    assert refused.check == "browser"
    assert "Start again" in refused.page
    accept_message(victim, message)


def test_another_persons_browser_cannot_finish_it(world: World) -> None:
    """Login cookies are no passport: one of the same tenant, for a sign-in of its own, does not do."""
    victim, thief = pending(world), pending(world)
    message, before = victim.response(), world.rows()
    for relay_state in (victim.started.relay_state, thief.started.relay_state):
        stolen = thief.browser.post_response(message, relay_state)
        assert_refused(world, stolen, {"login_state_lost", "relay_state_invalid"}, before)
    accept_message(victim, message)


@on_sqlite
def test_the_relay_state_of_another_request_is_refused(world: World) -> None:
    """The token belongs to the request: one of the same browser for another page does not do."""
    victim = pending(world)
    other = Pending(world, world.acme, victim.browser, victim.browser.start("/other"))
    refuse(victim, victim.response(), "relay_state_invalid", other.started.relay_state)


def test_a_request_that_was_answered_is_closed(world: World) -> None:
    """A second assertion for it is refused, with that reason in its receipt, even in the browser that began."""
    victim = pending(world)
    accept(victim)
    before = world.rows()
    refused = assert_refused(world, victim.send(victim.response()), "in_response_to_mismatch", before)
    assert "before" in refused.lines[-1]["actual"]


@on_sqlite
def test_forged_answers_do_not_burn_the_request(world: World) -> None:
    """However many bad ones come first, the good one is taken."""
    victim = pending(world)
    bad = [
        victim.response(sign="none"),
        victim.response(signing_key=SECOND.key),
        victim.response(recipient=world.globex.acs_url),
        victim.response(attributes={}),
        victim.response(attributes={"mail": ["ada@elsewhere.test"]}),
    ]
    for message in bad:
        assert 400 <= victim.send(message).status_code < 500
    accept(victim)
