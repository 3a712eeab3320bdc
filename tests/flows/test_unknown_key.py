"""A signature by a key that is not known has the metadata fetched again, and the same response judged once more (M7)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from config.database import transaction, write
from config.isolation import every_tenant
from config.metrics import KEY_REFETCHES
from tenants.models import IdentityProvider
from tests.flows.management.support import MAIN, allow_loopback, events_of, put
from tests.support.browser import code_of
from tests.support.idp import ForgingIdP
from tests.support.keys import rsa_key
from tests.support.metadata_server import MetadataServer, metadata_server
from tests.support.trials import answer, begin, draft, result
from tests.support.world import Organisation, World, utc_now


@pytest.fixture
def server(world: World) -> Iterator[MetadataServer]:
    """Acme's identity provider, saved from a URL and last fetched two minutes ago."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml(), secure=True) as running:
        assert put(world, metadata_url=running.url).status_code == 200
        minutes_later(world)
        running.asked.clear()
        yield running


def minutes_later(world: World) -> None:
    """Let the last fetches be so long ago."""
    before = utc_now() - dt.timedelta(minutes=2)
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(IdentityProvider.__table__).values(sync_asked_at=before, key_asked_at=before, last_sync_at=before))


def rolled(world: World, server: MetadataServer, *, beside: bool = True) -> Organisation:
    """Acme, whose identity provider signs with a new key now and says so in its metadata, beside the old one or alone."""
    new = ForgingIdP(entity_id=world.acme.idp.entity_id, key=rsa_key("acme's next"))
    certificates = [world.acme.idp.certificate, new.certificate] if beside else [new.certificate]
    server.body = new.metadata_xml(certificates=certificates)
    return dataclasses.replace(world.acme, idp=new)


def receipt_of_last(world: World) -> dict[str, Any]:
    """The newest attempt with its receipt."""
    newest = world.api("GET", "/tenants/acme/attempts").get_json()["items"][0]
    found: dict[str, Any] = world.api("GET", f"/tenants/acme/attempts/{newest['id']}").get_json()
    return found


def told(world: World) -> Any:
    """What the newest receipt says of the refetch."""
    return receipt_of_last(world)["facts"].get("metadata_refetch")


def counted(outcome: str) -> float:
    """How often that has been the outcome in this process."""
    return float(KEY_REFETCHES.labels(outcome)._value.get())


def test_a_new_key_signs_in_with_the_same_response(world: World, server: MetadataServer) -> None:
    """One fetch, one click; the receipt is that of the second try and says what came before it; an event says why."""
    before = counted("new_keys")
    signed_in = world.sign_in(world.browser(), rolled(world, server))
    assert signed_in.status_code == 303, code_of(signed_in)
    assert len(server.asked) == 1
    receipt = receipt_of_last(world)
    assert receipt["facts"]["metadata_refetch"] == {"outcome": "new_keys", "new_keys": 1, "code": None}
    assert all(check["passed"] for check in receipt["checks"])
    assert [check["id"] for check in receipt["checks"]].count("encoding") == 1
    assert counted("new_keys") == before + 1
    fetched = next(event for event in events_of(world) if event["type"] == "metadata.fetched")
    assert (fetched["detail"]["why"], fetched["detail"]["changed"]) == ("unknown_key", True)
    assert world.sign_in(world.browser()).status_code == 303, "the old key is in the metadata still"
    assert len(server.asked) == 1


def test_nothing_new_is_refused_and_told(world: World, server: MetadataServer) -> None:
    """The honest metadata has no such key; the second one within the minute causes no fetch, and says so."""
    stranger = rsa_key("a stranger")
    for outcome, asked in (("nothing_new", 1), ("within_minute", 1)):
        refused = world.sign_in(world.browser(), signing_key=stranger)
        assert code_of(refused) == "signature_invalid"
        assert (told(world)["outcome"], len(server.asked)) == (outcome, asked)
    minutes_later(world)
    assert code_of(world.sign_in(world.browser(), signing_key=stranger)) == "signature_invalid"
    assert len(server.asked) == 2


def test_a_minute_after_any_fetch_nothing_is_fetched(world: World, server: MetadataServer) -> None:
    """Saving and syncing have just looked; and what a stranger caused keeps nobody from asking for a sync."""
    stranger = rsa_key("a stranger")
    assert put(world, metadata_url=server.url).status_code == 200
    server.asked.clear()
    assert code_of(world.sign_in(world.browser(), signing_key=stranger)) == "signature_invalid"
    assert (told(world)["outcome"], server.asked) == ("within_minute", [])
    minutes_later(world)
    assert code_of(world.sign_in(world.browser(), signing_key=stranger)) == "signature_invalid"
    assert world.api("POST", f"{MAIN}/sync").status_code == 202


def test_a_complete_change_of_keys_waits_for_somebody(world: World, server: MetadataServer) -> None:
    """As in every sync (M6): the old copy stays in force, and the receipt tells that something waits."""
    acme = rolled(world, server, beside=False)
    assert code_of(world.sign_in(world.browser(), acme)) == "signature_invalid"
    assert told(world)["outcome"] == "waits_for_approval"
    assert world.api("GET", MAIN).get_json()["pending"] is not None
    assert world.sign_in(world.browser()).status_code == 303


def test_a_changed_endpoint_or_entity_waits_too(world: World, server: MetadataServer) -> None:
    """Whoever holds the metadata server for a moment does not lead people elsewhere by a forged response."""
    evil = ForgingIdP(world.acme.idp.entity_id, rsa_key("evil"), sso_url="https://evil.test/sso")
    server.body = evil.metadata_xml(certificates=[world.acme.idp.certificate, evil.certificate])
    assert code_of(world.sign_in(world.browser(), dataclasses.replace(world.acme, idp=evil))) == "signature_invalid"
    assert told(world)["outcome"] == "waits_for_approval"
    assert "evil.test" not in world.browser().get("/saml/login").get_data(as_text=True)


@pytest.mark.parametrize(("status", "body"), [(500, None), (200, "<a/>"), (200, "")])
def test_a_fetch_that_fails_is_told_and_changes_nothing(
    world: World, server: MetadataServer, status: int, body: str | None
) -> None:
    """The last good copy stays in force."""
    acme = rolled(world, server)
    server.status, server.body = status, server.body if body is None else body
    assert code_of(world.sign_in(world.browser(), acme)) == "signature_invalid"
    assert told(world)["outcome"] == "failed"
    assert told(world)["code"]
    assert world.sign_in(world.browser()).status_code == 303


def test_other_faults_and_other_sources_cause_no_fetch(world: World, server: MetadataServer) -> None:
    """Changed content, no signature, an unknown or answered request, an unasked response, XML that was uploaded."""
    acme = rolled(world, server)
    for parts in (
        {"sign": "none"},
        {"after_signing": lambda xml: xml.replace(b"Lovelace", b"Mallory1")},
        {"in_response_to": "_unknown"},
        {"issuer": "https://elsewhere.test"},
    ):
        organisation = world.acme if "after_signing" in parts else acme
        assert world.sign_in(world.browser(), organisation, **parts).status_code == 403
    browser = world.browser()
    started = browser.start("/")
    assert browser.post_response(world.response(started), started.relay_state).status_code == 303
    assert browser.post_response(world.response(started, acme), started.relay_state).status_code == 403
    assert world.browser().post_response(world.response(None, acme), "").status_code == 403
    assert server.asked == []
    assert put(world, metadata_xml=world.acme.idp.metadata_xml()).status_code == 200
    assert code_of(world.sign_in(world.browser(), acme)) == "signature_invalid"
    assert told(world)["outcome"] == "no_source"


def test_an_unasked_response_may_cause_one_where_they_are_allowed(world: World, server: MetadataServer) -> None:
    """IdP-initiated sign-in survives a rollover as well."""
    world.change_settings(allow_idp_initiated=True)
    acme = rolled(world, server)
    assert world.browser().post_response(world.response(None, acme), "").status_code == 303
    assert len(server.asked) == 1


def test_a_test_sign_in_may_cause_one(world: World, server: MetadataServer) -> None:
    """It tells the same as a sign-in would, and passes."""
    draft(world, force_authn=True)
    trial = begin(world)
    world = dataclasses.replace(world, acme=rolled(world, server))
    assert answer(world, trial).status_code == 303
    found = result(world, trial.id)
    assert (found["passed"], found["code"], len(server.asked)) == (True, None, 1)


def test_a_pasted_response_causes_none_and_is_advised(world: World, server: MetadataServer) -> None:
    """What is pasted has no effect, not even on an identity provider's server; one click syncs."""
    acme = rolled(world, server)
    pasted = world.response(world.browser().start("/"), acme).decode()
    verdict: TestResponse = world.api("POST", "/tenants/acme/diagnose", json={"saml_response": pasted})
    assert verdict.get_json()["code"] == "signature_invalid"
    assert server.asked == []
    (advice,) = verdict.get_json()["advice"]
    assert "sync_metadata" in [offer["action"] for offer in advice["offers"]]
    assert "sync" in json.dumps(advice)


def test_the_second_try_is_used_once(world: World, server: MetadataServer) -> None:
    """The same response again is a replay, by the same and by another browser."""
    acme, browser = rolled(world, server), world.browser()
    started = browser.start("/")
    message = world.response(started, acme)
    assert browser.post_response(message, started.relay_state).status_code == 303
    for again in (browser, world.browser()):
        assert code_of(again.post_response(message, started.relay_state)) == "replayed"
    assert len(server.asked) == 1


def test_a_response_that_ran_out_while_it_waited_has_run_out(world: World, server: MetadataServer) -> None:
    """The second try is judged by the time at which it is made, and by everything else anew."""
    acme = rolled(world, server)
    world.change_settings(clock_skew_seconds=0)
    server.meanwhile = lambda: threading.Event().wait(1.2)
    with time_machine.travel(utc_now(), tick=False):  # the first try is now, however long it takes to get there
        soon = utc_now() + dt.timedelta(seconds=1)
        refused = world.sign_in(world.browser(), acme, not_on_or_after=soon, confirmation_not_on_or_after=soon)
    assert code_of(refused) == "expired"
    assert told(world)["outcome"] == "new_keys"
    assert world.sign_in(world.browser(), acme).status_code == 303
