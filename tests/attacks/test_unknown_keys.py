"""Unknown keys as a weapon: to make us fetch, to hold our threads, to bring in a key, to burn what waits (M7)."""

from __future__ import annotations

import base64
import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.database import transaction, write
from config.isolation import every_tenant
from config.places import Places
from tenants import key_refetch
from tenants.idp_records import find_provider
from tenants.key_refetch import WAITING_OF_TENANT
from tenants.metadata_source import FETCH_SECONDS
from tenants.models import IdentityProvider
from tenants.refresh.records import SyncReason, claim_syncs, request_sync
from tenants.tenant_records import find_managed_tenant
from tests.attacks.ciphers import carrying, sealed
from tests.attacks.support import MALLORY, Pending, on_sqlite, pending, settle
from tests.flows.management.support import MAIN
from tests.flows.test_unknown_key import minutes_later, rolled, server, told
from tests.support.at_once import another_worker, at_once
from tests.support.browser import code_of
from tests.support.idp import ForgingIdP
from tests.support.keys import rsa_key
from tests.support.metadata_server import MetadataServer
from tests.support.world import World, utc_now

__all__ = ["server"]

FORGED = "signature_invalid"
MALLORYS = rsa_key("mallory")
FLOOD = 24
SOON = FETCH_SECONDS - 2
"""Seconds in which whoever need not wait is answered, on a machine that is busy: whoever waits for a fetch takes longer."""


def forged(victim: Pending) -> bytes:
    """The victim's own answer as Mallory would write it."""
    return victim.response(signing_key=MALLORYS, attributes={"mail": ["ada@acme.test"]})


@pytest.fixture
def slow(server: MetadataServer) -> Iterator[MetadataServer]:
    """A metadata server that answers nobody until the test lets it."""
    server.gate = threading.Event()
    yield server
    server.gate.set()


def wait_until(holds: Callable[[], bool]) -> None:
    """Until something has come about in another thread."""
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        threading.Event().wait(0.01)


def test_a_flood_causes_one_fetch_holds_few_threads_and_burns_nothing(world: World, slow: MetadataServer) -> None:
    """While the server keeps us waiting, all but a few are refused at once; people sign in, others write; then all is over."""
    victims = [pending(world) for _ in range(FLOOD)]
    honest = pending(world)
    with ThreadPoolExecutor(FLOOD) as threads:
        flood: list[Future[TestResponse]] = [threads.submit(victim.send, forged(victim)) for victim in victims]
        wait_until(lambda: sum(not future.done() for future in flood) <= WAITING_OF_TENANT)
        assert sum(not future.done() for future in flood) >= 1, "one of them fetches"
        began = time.monotonic()
        honest.finish()
        assert world.api("POST", "/tenants/acme/users", json={"email": "new@acme.test"}).status_code == 201
        assert time.monotonic() - began < SOON, "no lock and no transaction waits for a stranger's server"
        assert len(slow.asked) == 1
        assert slow.gate is not None
        slow.gate.set()
        assert {code_of(future.result()) for future in flood} == {FORGED}
    assert len(slow.asked) == 1
    for victim in victims[:3]:
        victim.finish()


def test_a_tenant_with_a_slow_server_leaves_a_place_to_others(world: World) -> None:
    """Its people wait in two threads of a process at most, all together in three."""
    places = Places(in_all=3, for_each=2)
    with places.place(1) as first, places.place(1) as second, places.place(1) as third, places.place(2) as other:
        assert (first, second, third, other) == (True, True, False, True)
        with places.place(3) as beyond:
            assert beyond is False
    with places.place(3) as again:
        assert again is True
    assert key_refetch.WAITING_OF_TENANT < key_refetch.WAITING_AT_ONCE < 8
    assert not places._taken


def test_a_flood_of_many_minutes_is_one_fetch_for_each(world: World, server: MetadataServer) -> None:
    """Nor does it keep an administrator from syncing, or make the schedule wait longer."""
    server.status = 500
    for minute in (1, 2, 3):
        for _ in range(3):
            victim = pending(world)
            assert code_of(victim.send(forged(victim))) == FORGED
        assert len(server.asked) == minute
        minutes_later(world)
    with world.app.app_context():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        provider = find_provider(tenant.id, "main")
    assert provider is not None
    assert provider.sync_failures == 1
    assert world.api("POST", f"{MAIN}/sync").status_code == 202


def test_two_workers_at_once_fetch_once_and_both_sign_in(world: World, server: MetadataServer) -> None:
    """Whoever comes second waits for the first one's fetch, and is judged by what it has brought."""
    acme = rolled(world, server)
    with another_worker(world.app) as other:
        worlds = [world, dataclasses.replace(world, app=other)]
        victims = [Pending(one, acme, browser := one.browser(), browser.start()) for one in worlds]
        messages = [(victim, victim.response()) for victim in victims]
        answers = at_once([functools.partial(victim.send, message) for victim, message in messages])
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(server.asked) == 1


def test_a_redirect_into_a_closed_network_brings_no_key(world: World, server: MetadataServer) -> None:
    """The fetch has the door that every fetch has: the address is judged on each hop, and the old copy stays in force."""
    for location in ("http://10.1.2.3/metadata", "http://169.254.169.254/latest", "file:///etc/passwd"):
        server.location = location
        victim = pending(world)
        assert code_of(victim.send(forged(victim))) == FORGED
        assert told(world)["outcome"] == "failed"
        assert told(world)["code"] in ("address_not_allowed", "redirect_not_allowed", "url_not_allowed")
        victim.finish()
        minutes_later(world)


def test_a_server_that_leads_to_the_attackers_metadata_has_to_be_approved(world: World, server: MetadataServer) -> None:
    """Another host's document in place of the old one: all keys changed, so that it waits, and Mallory stays out."""
    evil = ForgingIdP(world.acme.idp.entity_id, MALLORYS)
    server.body = evil.metadata_xml()
    victim = pending(world)
    assert code_of(victim.send(forged(victim))) == FORGED
    assert told(world)["outcome"] == "waits_for_approval"
    victim.finish()


def test_mallorys_certificate_in_the_message_is_no_key(world: World, server: MetadataServer) -> None:
    """Honest metadata has the last word, however the message names its key."""
    victim = pending(world)
    evil = ForgingIdP(world.acme.idp.entity_id, MALLORYS)
    answered = victim.send(
        evil.response(
            sp_entity_id=world.acme.entity_id,
            acs_url=world.acme.acs_url,
            in_response_to=victim.request_id,
            attributes={"mail": ["ada@acme.test"]},
        )
    )
    assert code_of(answered) == FORGED
    assert (told(world)["outcome"], len(server.asked)) == ("nothing_new", 1)
    victim.finish()


def test_another_tenants_fetch_is_not_caused(world: World, server: MetadataServer) -> None:
    """A response for acme at globex's host causes nothing at acme's server."""
    victim = pending(world, world.globex)
    message = world.acme.idp.response(
        sp_entity_id=world.globex.entity_id,
        acs_url=world.globex.acs_url,
        in_response_to=victim.request_id,
        signing_key=MALLORYS,
    )
    assert victim.send(message).status_code == 403
    assert server.asked == []
    victim.finish()


@on_sqlite
def test_an_open_ciphertext_of_cbc_causes_no_fetch(world: World, server: MetadataServer) -> None:
    """Whether a plaintext parses and is signed must show nowhere, and least of all on another server (V5)."""
    victim = pending(settle(world, allow_unsigned_cbc=True))
    rolled(world, server)
    for one in (sealed(victim, "aes128-cbc", signing_key=MALLORYS), sealed(victim, "aes128-cbc", sign="none")):
        assert code_of(victim.send(carrying(victim, one.xml))) == "decryption_failed"
    assert server.asked == []
    assert victim.send(carrying(victim, sealed(victim, "aes128-cbc").xml)).status_code == 303


def test_a_worker_that_died_in_mid_fetch_holds_nobody_up(world: World, server: MetadataServer) -> None:
    """Its claim lasts a minute; whoever comes meanwhile is refused at once after the time that a fetch may take."""
    with world.app.app_context(), every_tenant():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        provider = find_provider(tenant.id, "main")
        assert provider is not None
        asked = utc_now()
        with transaction():
            assert request_sync(tenant.id, provider.id, asked, SyncReason.UNKNOWN_KEY)
            assert len(claim_syncs([(tenant.id, provider.id)], asked, 6)) == 1
        with transaction():
            long_ago = asked - 2 * key_refetch.SYNC_INTERVAL / 3
            write(sa.update(IdentityProvider.__table__).values(sync_requested_at=long_ago))
    victim, began = pending(world), time.monotonic()
    assert code_of(victim.send(forged(victim))) == FORGED
    assert time.monotonic() - began < SOON
    assert (told(world)["outcome"], server.asked) == ("busy", [])
    victim.finish()


def test_the_body_of_a_refusal_says_nothing_of_a_fetch(world: World, server: MetadataServer) -> None:
    """A stranger cannot tell from the page whether metadata was fetched."""
    pages = set()
    for _ in range(2):
        victim = pending(world)
        answer = victim.browser.client.post(
            "/saml/acs",
            base_url=f"http://{victim.browser.host}",
            data={
                "SAMLResponse": base64.b64encode(forged(victim)).decode(),
                "RelayState": victim.started.relay_state,
            },
            headers={"Accept": "application/problem+json"},
        )
        document = answer.get_json()
        pages.add(str({name: value for name, value in document.items() if name != "reference"}))
    assert len(pages) == 1
    assert MALLORY not in pages.pop()
