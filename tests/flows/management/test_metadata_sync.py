"""Syncs: asked for at most once a minute, fetched once by one worker, the last good copy kept whatever comes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from config.database import transaction, write
from config.isolation import every_tenant
from tenants.idp_records import find_provider
from tenants.metadata_sync import run_due_syncs
from tenants.models import IdentityProvider
from tenants.refresh.records import claim_syncs
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import MAIN, allow_loopback, code_in, events_of, put
from tests.support.browser import code_of
from tests.support.idp import ForgingIdP
from tests.support.keys import rsa_key
from tests.support.metadata_server import MetadataServer, metadata_server
from tests.support.world import World, utc_now

MINUTES = dt.timedelta(minutes=1)


@pytest.fixture
def server(world: World) -> Iterator[MetadataServer]:
    """Acme's identity provider, saved from a URL two minutes ago."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml(), secure=True) as running:
        assert put(world, metadata_url=running.url).status_code == 200
        _age(world, 2)
        running.asked.clear()
        yield running


def _age(world: World, minutes: int) -> None:
    """Let the last sync be so long ago."""
    with world.app.app_context(), transaction():
        tenant_id = _provider(world)[0]
        write(
            sa.update(IdentityProvider)
            .where(IdentityProvider.tenant_id == tenant_id, IdentityProvider.name == "main")
            .values(sync_asked_at=utc_now() - minutes * MINUTES, sync_requested_at=None)
        )


def _provider(world: World) -> tuple[int, str]:
    tenant = find_managed_tenant("acme")
    assert tenant is not None
    provider = find_provider(tenant.id, "main")
    assert provider is not None
    return tenant.id, provider.id


def _run(world: World, later: dt.timedelta = dt.timedelta(0)) -> int:
    with world.app.app_context():
        return run_due_syncs(world.app.extensions["vestibule_settings"], utc_now() + later)


def _sync(world: World) -> dict[str, object]:
    assert world.api("POST", f"{MAIN}/sync").status_code == 202
    assert _run(world) == 1
    last: dict[str, object] = world.api("GET", MAIN).get_json()["last_sync"]
    return last


def test_a_sync_is_queued_then_fetched_once(world: World, server: MetadataServer) -> None:
    """202 at once, the outcome in last_sync; a second run finds nothing to do."""
    assert world.api("POST", f"{MAIN}/sync").status_code == 202
    assert server.asked == []
    assert (_run(world), _run(world), len(server.asked)) == (1, 0, 1)
    last = world.api("GET", MAIN).get_json()["last_sync"]
    assert (last["result"], last["code"]) == ("ok", None)


def test_within_the_minute_it_is_429_with_retry_after(world: World, server: MetadataServer) -> None:
    """Saving from a URL counts, and so does the request before; RATE_LIMITS=off does not lift it."""
    assert world.app.extensions["vestibule_settings"].rate_limits is False
    assert world.api("POST", f"{MAIN}/sync").status_code == 202
    refused = world.api("POST", f"{MAIN}/sync")
    assert code_in(refused) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    _run(world)
    assert code_in(world.api("POST", f"{MAIN}/sync")) == (429, "rate_limited")
    _age(world, 2)
    put(world, metadata_url=server.url)
    assert code_in(world.api("POST", f"{MAIN}/sync")) == (429, "rate_limited")


def test_two_that_ask_at_once_get_one_sync(world: World, server: MetadataServer) -> None:
    """The database decides who was first."""
    statuses: list[int] = []
    both = threading.Barrier(2)

    def ask() -> None:
        both.wait()
        statuses.append(world.api("POST", f"{MAIN}/sync").status_code)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202, 429]


def test_a_claimed_sync_is_left_alone_until_its_lease_ends(world: World, server: MetadataServer) -> None:
    """A worker that died with it does not block it for ever."""
    world.api("POST", f"{MAIN}/sync")
    with world.app.app_context():
        tenant_id, idp_id = _provider(world)
        for expected in (1, 0):
            with every_tenant(), transaction():
                assert len(claim_syncs([(tenant_id, idp_id)], utc_now(), 6)) == expected
    assert (_run(world), len(server.asked)) == (0, 0)
    assert (_run(world, 2 * MINUTES), len(server.asked)) == (1, 1)


def test_a_new_signing_key_is_taken_at_once(world: World, server: MetadataServer) -> None:
    """It came over the trusted channel beside the old one (M6); once that is gone, it no longer signs anybody in."""
    renewed = ForgingIdP(entity_id=world.acme.idp.entity_id, key=rsa_key("renewed"))
    acme = dataclasses.replace(world.acme, idp=renewed)
    server.body = renewed.metadata_xml(certificates=[world.acme.idp.certificate, renewed.certificate])
    assert _sync(world)["result"] == "ok"
    assert world.sign_in(world.browser(), acme).status_code == 303
    _age(world, 2)
    server.body = renewed.metadata_xml()
    assert _sync(world)["result"] == "ok"
    assert code_of(world.sign_in(world.browser())) == "signature_invalid"
    assert world.sign_in(world.browser(), acme).status_code == 303


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(500, "", "http_status"), (200, "<a/>", "metadata_invalid"), (200, "<!DOCTYPE a><a/>", "xml_forbidden")],
)
def test_a_failed_sync_keeps_the_last_good_copy(
    world: World, server: MetadataServer, status: int, body: str, code: str
) -> None:
    """Sign-in goes on; last_sync and the audit have the code."""
    server.status, server.body = status, body
    last = _sync(world)
    assert (last["result"], last["code"]) == ("failed", code)
    assert world.sign_in(world.browser()).status_code == 303
    event = next(event for event in events_of(world) if event["type"] == "metadata.failed")
    assert (event["reason"], event["actor"]) == (code, "sync")


def test_another_entity_id_waits_for_somebody_who_names_it(world: World, server: MetadataServer) -> None:
    """The copy in force stays; saving the source with the new entity ID takes it."""
    server.body = world.acme.idp.metadata_xml(entity_id="https://new.acme.test/metadata")
    last = _sync(world)
    assert (last["result"], last["code"]) == ("pending", "entity_id_changed")
    document = world.api("GET", MAIN).get_json()
    assert document["entity_id"] == world.acme.idp.entity_id
    assert document["pending"]["entity_id"] == "https://new.acme.test/metadata"
    assert code_in(put(world, metadata_url=server.url)) == (422, "entity_id_changed")
    saved = put(world, metadata_url=server.url, entity_id="https://new.acme.test/metadata").get_json()
    assert (saved["entity_id"], saved["pending"]) == ("https://new.acme.test/metadata", None)


def test_another_host_waits_until_the_source_is_saved_again(world: World, server: MetadataServer) -> None:
    """People are never sent to a host that nobody has looked at; a new path on the known host is taken."""
    binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    server.body = world.acme.idp.metadata_xml(sso=[(binding, "https://elsewhere.test/sso")])
    assert _sync(world) | {"at": None} == {"at": None, "result": "pending", "code": "endpoint_host_changed"}
    document = world.api("GET", MAIN).get_json()
    assert "elsewhere" not in str(document["sso"])
    assert document["pending"]["sso"] == [{"binding": binding, "location": "https://elsewhere.test/sso"}]
    _age(world, 2)
    server.body = world.acme.idp.metadata_xml(sso=[(binding, world.acme.idp.sso_url + "/v2")])
    assert _sync(world)["result"] == "ok"
    assert world.api("GET", MAIN).get_json()["pending"] is None
    server.body = world.acme.idp.metadata_xml(sso=[(binding, "https://elsewhere.test/sso")])
    assert put(world, metadata_url=server.url).get_json()["sso"][0]["location"] == "https://elsewhere.test/sso"


def test_what_has_not_changed_is_not_sent_again(world: World, server: MetadataServer) -> None:
    """The ETag of the last good copy goes with the request; 304 is a good sync."""
    server.etag = '"v1"'
    assert _sync(world)["result"] == "ok"
    _age(world, 2)
    assert _sync(world)["result"] == "ok"
    assert server.asked[-1]["if-none-match"] == '"v1"'


def test_one_that_was_deleted_is_not_fetched(world: World, server: MetadataServer) -> None:
    """The queue forgets it."""
    world.api("POST", f"{MAIN}/sync")
    world.api("DELETE", MAIN)
    assert (_run(world), server.asked) == (0, [])


def test_without_a_url_there_is_nothing_to_fetch(world: World) -> None:
    """409, and the sentence says what to do instead."""
    refused = world.api("POST", f"{MAIN}/sync")
    assert code_in(refused) == (409, "state_conflict")
    assert "save it again" in refused.get_json()["detail"]
