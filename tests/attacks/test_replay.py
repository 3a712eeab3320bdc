"""Replay: an assertion signs in once, across wrappers, browsers, workers, restarts and clean-ups (V11)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask
from lxml import etree
from werkzeug.test import TestResponse

from identity.browsers import LOGIN_COOKIE
from identity.purge import purge_expired
from tests.attacks.answering import accept_message
from tests.attacks.support import assert_refused, pending, refuse
from tests.support.at_once import another_worker, at_once
from tests.support.browser import Browser, code_of
from tests.support.idp import ForgingIdP
from tests.support.world import World, utc_now
from tests.support.xml_encryption import encrypt_assertion

MANY = 8
DAY = dt.timedelta(days=1)


def outcomes(answers: Sequence[TestResponse]) -> Counter[str]:
    """How often each outcome came: "in" for a sign-in, else the refusal's code."""
    return Counter("in" if answer.status_code == 303 else code_of(answer) or "none" for answer in answers)


def post(app: Flask, message: bytes, relay_state: str | None = None, *, secret: str | None = None) -> TestResponse:
    """A response posted to one worker at acme's host, with no cookie but the login secret."""
    cookie = f"{LOGIN_COOKIE}={secret}" if secret else ""
    return Browser(app, "acme").post_response(message, relay_state, headers={"Cookie": cookie})


def encryption_certificate(world: World) -> str:
    """acme's own, as everybody can read it in its metadata."""
    metadata = etree.fromstring(world.browser().get("/saml/metadata").data)
    text = metadata.findtext(".//{*}KeyDescriptor[@use='encryption']//{*}X509Certificate")
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"


def purge(app: Flask) -> None:
    """What the job does every five minutes."""
    with app.app_context():
        purge_expired(utc_now())


def test_a_reloaded_page_is_told_so(world: World) -> None:
    """The very same form again, in the very same browser: refused kindly, with a way to start again."""
    victim = pending(world)
    message = victim.response()
    accept_message(victim, message)
    before = world.rows()
    refused = assert_refused(world, victim.send(message), "replayed", before)
    assert refused.check == "unused"
    assert "Start again" in refused.page


def test_an_assertion_in_a_fresh_wrapper_is_the_same_assertion(world: World) -> None:
    """The response around it is unsigned: another ID, prefix, encoding or white space makes nothing new of it."""
    world.change_settings(allow_idp_initiated=True)
    message = world.response(None, response_id="_one")
    assert world.browser().post_response(message).status_code == 303
    text = message.decode()
    wrappers = {
        "another ID": text.replace('"_one"', '"_two"', 1),
        "no Destination": text.replace(f' Destination="{world.acme.acs_url}"', "", 1),
        "white space": text.replace("<samlp:Status>", "\n  <samlp:Status>", 1),
        "another prefix": text.replace("samlp:", "p:").replace(":samlp=", ":p="),
        "a comment": text.replace("<samlp:Status>", "<!-- new --><samlp:Status>", 1),
        "another encoding": '<?xml version="1.0" encoding="ISO-8859-1"?>' + text,
    }
    before = world.rows()
    for name, wrapped in wrappers.items():
        assert code_of(world.browser().post_response(wrapped.encode())) == "replayed", name
    assert world.rows() == before


def test_an_assertion_that_an_attacker_encrypts_is_the_same_assertion(world: World) -> None:
    """Our key is public: anybody can wrap a used assertion anew. What is used is what was signed."""
    world.change_settings(allow_idp_initiated=True)
    message = world.response(None)
    assert world.browser().post_response(message).status_code == 303
    wrapped = encrypt_assertion(message, encryption_certificate(world))  # whoever reads our metadata is noted
    before = world.rows()
    answer = world.browser().post_response(wrapped)
    assert_refused(world, answer, "replayed", before)


def test_a_stolen_assertion_does_not_answer_a_new_request(world: World) -> None:
    """Used in ada's browser, posted in mallory's own pending sign-in, with its RelayState and with ada's."""
    victim = pending(world)
    message = victim.response()
    accept_message(victim, message)
    thief = pending(world)
    refuse(thief, message, "relay_state_invalid")
    thief = pending(world)
    refuse(thief, message, "replayed", victim.started.relay_state)


def test_an_assertion_stays_used_after_a_restart(world: World) -> None:
    """The database remembers, no process has to."""
    world.change_settings(allow_idp_initiated=True)
    message = world.response(None)
    assert post(world.app, message).status_code == 303
    with another_worker(world.app) as restarted:
        assert code_of(post(restarted, message)) == "replayed"


@pytest.mark.parametrize("workers", [1, 2])
def test_of_many_at_once_one_signs_in(world: World, workers: int) -> None:
    """The same unasked response from eight browsers in one moment, at one worker and at two."""
    world.change_settings(allow_idp_initiated=True)
    message = world.response(None)
    with another_worker(world.app) as other:
        apps = [world.app, other][:workers]
        answers = at_once([partial(post, apps[number % workers], message) for number in range(MANY)])
    assert outcomes(answers) == {"in": 1, "replayed": MANY - 1}
    assert (world.count("session"), world.count("users"), world.count("used_assertion")) == (1, 1, 1)


def test_of_many_answers_to_one_request_one_signs_in(world: World) -> None:
    """Eight different assertions for the same request, all in the browser that began."""
    victim = pending(world)
    secret, relay_state = victim.browser.login_secret, victim.started.relay_state
    with another_worker(world.app) as other:
        answers = at_once(
            [
                partial(post, (world.app, other)[number % 2], victim.response(), relay_state, secret=secret)
                for number in range(MANY)
            ]
        )
    assert outcomes(answers) == {"in": 1, "in_response_to_mismatch": MANY - 1}
    assert (world.count("session"), world.count("used_assertion")) == (1, 1)


def test_many_people_sign_in_at_once(world: World) -> None:
    """Twenty-four honest first sign-ins in one moment: everybody gets in, no lock is in anybody's way."""
    victims = [pending(world) for _ in range(3 * MANY)]
    people = {f"person{number}@acme.test": victim for number, victim in enumerate(victims)}
    messages = {
        name: victim.response(name_id=name, attributes={"mail": [name], "uid": [name]}) for name, victim in people.items()
    }
    answers = at_once([partial(victim.send, messages[name]) for name, victim in people.items()])
    assert outcomes(answers) == {"in": 3 * MANY}
    for name, victim in people.items():
        assert victim.browser.get("/session").get_json()["user"]["email"] == name
    assert world.count("users") == world.count("email_address") == world.count("session") == 3 * MANY


def test_one_persons_first_sign_ins_at_once_make_one_person(world: World) -> None:
    """Eight tabs that were all opened by a session restored: one row, eight sessions."""
    victims = [pending(world) for _ in range(MANY)]
    answers = at_once([partial(victim.send, victim.response()) for victim in victims])
    assert outcomes(answers) == {"in": MANY}
    assert len({victim.browser.get("/session").get_json()["user"]["id"] for victim in victims}) == 1
    assert (world.count("users"), world.count("email_address"), world.count("session")) == (1, 1, MANY)


def test_of_two_people_with_one_address_at_once_one_signs_in(world: World) -> None:
    """Whoever is first has the address; the others leave no half-made person."""
    victims = [pending(world) for _ in range(MANY)]
    answers = at_once(
        [partial(victim.send, victim.response(name_id=f"person{number}")) for number, victim in enumerate(victims)]
    )
    assert outcomes(answers) == {"in": 1, "email_conflict": MANY - 1}
    assert (world.count("users"), world.count("email_address"), world.count("used_assertion")) == (1, 1, 1)


def test_two_tenants_may_see_the_same_assertion_id(world: World) -> None:
    """IDs are unique for each identity provider; one tenant's use of one takes nothing from another."""
    for organisation in (world.acme, world.globex):
        victim = pending(world, organisation)
        accept_message(victim, victim.response(assertion_id="_the-same"))
    victim = pending(world)
    refuse(victim, victim.response(assertion_id="_the-same"), "replayed")


def test_two_identity_providers_of_a_tenant_may_use_the_same_id(world: World) -> None:
    """What one has issued does not hinder the other."""
    second = ForgingIdP("https://second.acme.test/metadata")
    body = {"display_name": "Subsidiary", "metadata_xml": second.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=body).status_code == 201
    for idp in (world.acme.idp, second):
        name = "main" if idp is world.acme.idp else "second"
        world.api("PATCH", f"/tenants/acme/identity-providers/{name}/saml-settings", json={"allow_idp_initiated": True})
    messages = [
        idp.response(
            sp_entity_id=world.acme.entity_id,
            acs_url=world.acme.acs_url,
            assertion_id="_the-same",
            name_id=f"{number}@acme.test",
            attributes={"mail": [f"{number}@acme.test"]},
        )
        for number, idp in enumerate((world.acme.idp, second))
    ]
    assert outcomes([post(world.app, message) for message in messages * 2]) == {"in": 2, "replayed": 2}


@pytest.mark.parametrize("skew", [0, 60, 300])
def test_cleaning_up_opens_no_window(world: World, skew: int) -> None:
    """An assertion that is good as long as can be is remembered until the last second in which it could be good."""
    world.change_settings(allow_idp_initiated=True, clock_skew_seconds=skew)
    begun = utc_now().replace(microsecond=0)
    end = begun + DAY + dt.timedelta(seconds=skew)
    with time_machine.travel(begun, tick=False):
        parts: dict[str, Any] = {"not_before": None, "not_on_or_after": None, "confirmation_not_on_or_after": begun + 30 * DAY}
        message, unused = (world.response(None, now=begun, **parts) for _ in range(2))
        assert post(world.app, message).status_code == 303
    for at in (begun + dt.timedelta(hours=1), begun + DAY, end):
        with time_machine.travel(at, tick=False):
            purge(world.app)
            assert code_of(post(world.app, message)) == "replayed", at
    with time_machine.travel(end, tick=False):
        assert post(world.app, unused).status_code == 303, "the last second was not the last"
    with time_machine.travel(end + dt.timedelta(seconds=1), tick=False):
        assert code_of(post(world.app, message)) == "expired"


def test_a_wider_skew_opens_no_window_either(world: World) -> None:
    """Used and cleaned up under a skew of none, tried again under one of five minutes."""
    world.change_settings(allow_idp_initiated=True, clock_skew_seconds=0)
    begun = utc_now().replace(microsecond=0)
    with time_machine.travel(begun, tick=False):
        message = world.response(None, now=begun)
        assert post(world.app, message).status_code == 303
    with time_machine.travel(begun + dt.timedelta(seconds=301), tick=False):
        purge(world.app)
        assert code_of(post(world.app, message)) == "expired"
        world.change_settings(clock_skew_seconds=300)
        assert code_of(post(world.app, message)) == "replayed"


def test_what_cannot_be_replayed_any_more_is_forgotten(world: World) -> None:
    """Used assertions do not pile up: after a day and the largest skew the row is gone."""
    accept_message(victim := pending(world), victim.response())
    with time_machine.travel(utc_now() + 2 * DAY, tick=False):
        purge(world.app)
    assert (world.count("used_assertion"), world.count("exchange")) == (0, 0)
    assert (world.count("users"), world.count("session")) == (1, 1)
