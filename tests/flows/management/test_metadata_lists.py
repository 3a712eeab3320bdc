"""Federations' lists are read by `vestibule worker` alone: whoever saves one waits for it, or is told clearly (M5)."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

import tenants.connecting as connecting
from config.clocks.records import Clock, beat
from config.clocks.rows import WORKER
from config.database import db, new_id, transaction, write
from config.isolation import every_tenant
from tenants.metadata_models import MetadataReading
from tenants.metadata_readings import run_due_readings
from tenants.metadata_sync import run_due_lists, run_due_syncs
from tenants.models import IdentityProvider
from tenants.reading_records import LEASE, claim_reading, readings_due
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import MAIN, allow_loopback, code_in, events_of, put
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, certificate_pem, rsa_key
from tests.support.metadata_server import MetadataServer, metadata_server
from tests.support.world import World, utc_now
from tests.support.xml_signing import sign

OPERATOR = rsa_key("federation")
PINNED = certificate_pem(certificate_of(OPERATOR))
FILLER = "<!--" + "x" * (6 * 1024 * 1024) + "-->"
"""More than is read without leave."""


def federation(world: World, **changes: Any) -> str:
    """A signed list with acme's identity provider in it, of more than 5 MiB."""
    other = ForgingIdP("https://other.test/idp", rsa_key("other"))
    inside = other.metadata_xml() + world.acme.idp.metadata_xml(**changes)
    opening = '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="all">'
    xml = sign(f"{opening}{inside}</md:EntitiesDescriptor>", "all", OPERATOR).decode()
    return xml.replace("</md:EntitiesDescriptor>", FILLER + "</md:EntitiesDescriptor>")


@pytest.fixture
def server(world: World) -> Iterator[MetadataServer]:
    """A federation's server."""
    allow_loopback(world)
    with metadata_server(federation(world)) as running:
        yield running


@contextmanager
def worker(world: World) -> Iterator[None]:
    """A worker that lives, and takes up what waits."""
    told = threading.Event()

    def work() -> None:
        while not told.wait(0.05):
            with world.app.app_context():
                run_due_readings(world.app.extensions["vestibule_settings"], utc_now())
                db.session.remove()

    alive(world)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        told.set()
        thread.join()


def alive(world: World) -> None:
    """A worker has been heard of."""
    with world.app.app_context(), transaction():
        beat(Clock(new_id(), WORKER, "test", 1, utc_now(), utc_now()))


def save(world: World, server: MetadataServer, **fields: Any) -> Any:
    """Save it as taken out of the federation's list."""
    wanted = {"metadata_url": server.url, "entity_id": world.acme.idp.entity_id, "allow_aggregate": True}
    return put(world, **(wanted | {"metadata_signing_certificate": PINNED} | fields))


def test_a_list_is_saved_by_the_worker_while_whoever_asked_waits(world: World, server: MetadataServer) -> None:
    """200 with what is in force; a refusal as if it had been read here; the next fetches are the worker's too."""
    assert code_in(save(world, server, allow_aggregate=False)) == (422, "too_large")
    with worker(world):
        saved = save(world, server)
        assert saved.status_code == 200, saved.get_data(as_text=True)
        assert (saved.get_json()["allow_aggregate"], saved.get_json()["entity_id"]) == (True, world.acme.idp.entity_id)
        assert world.sign_in(world.browser()).status_code == 303
        refused = save(world, server, entity_id="https://nobody.test/idp")
        assert code_in(refused) == (422, "entity_not_found")
        stranger = certificate_pem(certificate_of(rsa_key("stranger")))
        assert code_in(save(world, server, metadata_signing_certificate=stranger)) == (422, "metadata_signature_invalid")
    assert world.api("GET", f"{MAIN}/metadata-versions/2/xml").data.count(b"entityID=") == 1
    assert [event["reason"] for event in events_of(world) if event["type"] == "metadata.failed"][:2] == [
        "metadata_signature_invalid",
        "entity_not_found",
    ]
    settings, asked = world.app.extensions["vestibule_settings"], len(server.asked)
    server.body = federation(world, sso=[("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", world.acme.idp.sso_url + "/v2")])
    with world.app.app_context():
        due = sa.update(IdentityProvider).where(IdentityProvider.name == "main", IdentityProvider.allow_aggregate)
        with every_tenant(), transaction():
            write(due.values(sync_requested_at=utc_now(), sync_reason="asked"))
        assert (run_due_syncs(settings, utc_now()), len(server.asked)) == (0, asked)
        assert (run_due_lists(settings, utc_now()), len(server.asked)) == (1, asked + 1)
    document = world.api("GET", MAIN).get_json()
    assert (document["last_sync"]["result"], document["sso"][0]["location"]) == ("ok", world.acme.idp.sso_url + "/v2")


def test_without_a_worker_nothing_happens(
    world: World, server: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told at once where none has been heard of, and in time where none takes it up; nothing is left to happen later."""
    before = world.rows()
    began = time.monotonic()
    assert code_in(save(world, server)) == (503, "worker_missing")
    assert time.monotonic() - began < connecting.WAIT_SECONDS
    monkeypatch.setattr(connecting, "WAIT_SECONDS", 0.3)
    alive(world)
    assert code_in(save(world, server)) == (503, "worker_missing")
    after = world.rows()
    assert (after["identity_provider"], after["metadata_reading"]) == (before["identity_provider"], set())
    assert server.asked == []


def test_a_reading_that_takes_longer_goes_on(
    world: World, server: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """202 with where to look; connected when it is done, by whichever worker comes to its end, and once."""
    monkeypatch.setattr(connecting, "WAIT_SECONDS", 3.0)
    claims, over = list[Any](), threading.Event()

    def take_up() -> None:
        while not claims and not over.is_set():
            with world.app.app_context():
                with every_tenant():
                    waiting = readings_due(utc_now(), 1)
                for tenant_id, reading_id in waiting:
                    with transaction():
                        claims.append(claim_reading(tenant_id, reading_id, utc_now()))
                db.session.remove()
            time.sleep(0.02)

    alive(world)
    thread = threading.Thread(target=take_up)
    thread.start()
    answer = save(world, server)
    over.set()
    thread.join()
    assert (answer.status_code, answer.get_json()["status"]) == (202, "reading")
    where = f"/tenants/acme/metadata-readings/{answer.get_json()['reading']}"
    assert world.api("GET", where).get_json()["state"] == "reading"
    settings = world.app.extensions["vestibule_settings"]
    with world.app.app_context():
        assert run_due_readings(settings, utc_now()) == 0, "the lease holds"
        assert run_due_readings(settings, utc_now() + LEASE + dt.timedelta(seconds=1)) == 1, "that worker has died"
    assert world.api("GET", where).get_json()["state"] == "done"
    assert world.api("GET", MAIN).get_json()["allow_aggregate"] is True


def test_one_that_nobody_waits_for_is_not_read(world: World, server: MetadataServer) -> None:
    """Whoever asked was cut off, or every worker that took it up has died of it."""
    alive(world)
    settings = world.app.extensions["vestibule_settings"]
    dead: dict[str, Any] = {"attempts": 2, "state": "reading", "claimed_until": utc_now() - LEASE}
    for values in ({"created_at": utc_now() - dt.timedelta(minutes=5)}, dead):
        with world.app.app_context(), every_tenant(), transaction():
            tenant_id = world_tenant()
            row = {"tenant_id": tenant_id, "id": new_id(), "name": "main", "request": {}, "state": "waiting", "detail": {}}
            row |= {"attempts": 0, "created_at": utc_now(), "created_by": "test"}
            write(sa.insert(MetadataReading.__table__).values(**(row | values)))
        with world.app.app_context():
            assert run_due_readings(settings, utc_now()) == 1
        told = world.api("GET", f"/tenants/acme/metadata-readings/{row['id']}").get_json()
        assert (told["state"], told["code"]) == ("refused", "reading_failed")
    assert server.asked == []


def world_tenant() -> int:
    """Acme's row."""
    tenant = find_managed_tenant("acme")
    assert tenant is not None
    return tenant.id
