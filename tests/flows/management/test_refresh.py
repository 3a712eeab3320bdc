"""Refresh by schedule: what is due, what it costs where nothing changed, how failures are told, who may not starve whom."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.database import read, transaction, write
from config.isolation import every_tenant
from tenants.idp_records import find_provider
from tenants.metadata_intake import refetch
from tenants.metadata_sync import run_due_syncs
from tenants.models import IdentityProvider, Tenant
from tenants.refresh.records import SYNC_LEASE, Candidate, claim_syncs
from tenants.refresh.running import FAILING_AT_ONCE, FETCH_THREADS, TENANT_AT_ONCE, choose
from tenants.refresh.taking import Fetch, take
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import MAIN, allow_loopback, code_in, events_of, put
from tests.support.browser import Browser, code_of
from tests.support.metadata_server import MetadataServer, metadata_server
from tests.support.world import World, utc_now

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
LATER = 7 * HOUR
"""Behind the service's interval of six."""


@pytest.fixture
def server(world: World) -> Iterator[MetadataServer]:
    """Acme's identity provider, saved from a URL just now."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml()) as running:
        assert put(world, metadata_url=running.url).status_code == 200
        running.asked.clear()
        yield running


def _run(world: World, later: dt.timedelta = LATER) -> int:
    with world.app.app_context():
        return run_due_syncs(world.app.extensions["vestibule_settings"], utc_now() + later)


def _version(world: World) -> int:
    with world.app.app_context():
        found: int = read(sa.select(Tenant.version).where(Tenant.slug == "acme")).scalar_one()
        return found


def _told(world: World) -> list[tuple[str, str | None]]:
    return [(event["type"], event["reason"]) for event in events_of(world) if event["type"].startswith("metadata.")]


def test_what_has_not_changed_touches_nothing_that_sign_ins_use(world: World, server: MetadataServer) -> None:
    """Not due, nothing; due, one fetch; the same octets without any validator keep version, caches and audit as they are."""
    assert (_run(world, dt.timedelta(0)), _run(world), len(server.asked)) == (0, 1, 1)
    before, told, versions = _version(world), _told(world), world.count("metadata_version")
    assert (_run(world, 2 * LATER), len(server.asked)) == (1, 2)
    assert (_version(world), _told(world), world.count("metadata_version")) == (before, told, versions)
    server.body += "\n"
    assert _run(world, 3 * LATER) == 1
    assert _version(world) > before
    assert world.count("metadata_version") == versions + 1


def test_an_outage_is_told_when_it_begins_changes_and_ends(world: World, server: MetadataServer) -> None:
    """Each try waits longer; the cause is in API, console, events and metrics, and the last good copy signs people in."""
    told = _told(world)
    server.status = 500
    now = LATER
    for tries in range(1, 5):
        assert _run(world, now) == 1
        facts = world.api("GET", f"{MAIN}/refresh").get_json()
        assert (facts["failures"], facts["cause"]) == (tries, "127.0.0.1 answered with HTTP status 500")
        following = dt.datetime.fromisoformat(facts["next_sync_at"]) - utc_now()
        assert _run(world, following - dt.timedelta(seconds=20)) == 0, "it backs off"
        now = following + dt.timedelta(seconds=1)
    server.status, server.body = 200, "<html/>"
    assert _run(world, now) == 1
    assert _told(world) == [("metadata.failed", "metadata_invalid"), ("metadata.failed", "http_status"), *told]
    assert world.sign_in(world.browser()).status_code == 303
    server.body = world.acme.idp.metadata_xml()
    assert _run(world, now + HOUR) == 1
    assert world.api("GET", f"{MAIN}/refresh").get_json()["failures"] == 0
    newest = events_of(world)
    fetched = next(event for event in newest if event["type"] == "metadata.fetched")
    assert fetched["detail"]["failures_before"] == 5
    text = Browser(world.app, None).get("/metrics").get_data(as_text=True)
    assert 'vestibule_metadata_syncs_total{code="http_status",result="failed",stage=""}' in text
    for name in ("due", "overdue", "failing", "oldest_success_seconds"):
        assert f"\nvestibule_metadata_{name} " in text


def test_the_stage_that_failed_is_named(world: World) -> None:
    """Nobody listens there any more: a connection, and not a name or a document."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml()) as running:
        put(world, metadata_url=running.url)
    assert _run(world) == 1
    facts = world.api("GET", f"{MAIN}/refresh").get_json()
    assert (facts["stage"], world.api("GET", MAIN).get_json()["last_sync"]["code"]) == ("connect", "fetch_failed")


def test_expired_metadata_refuses_and_a_fresh_copy_mends_it_at_once(world: World, server: MetadataServer) -> None:
    """The same octets do not become good by being fetched; half-way to the end they are asked for again."""
    ends = utc_now() + dt.timedelta(minutes=30)
    server.body = world.acme.idp.metadata_xml(valid_until=ends)
    put(world, metadata_url=server.url)
    following = dt.datetime.fromisoformat(world.api("GET", f"{MAIN}/refresh").get_json()["next_sync_at"])
    assert following <= ends - dt.timedelta(minutes=14)
    with world.app.app_context(), every_tenant(), transaction():
        document = read(sa.select(IdentityProvider.metadata_document).where(IdentityProvider.metadata_url.is_not(None)))
        past = dict(document.scalar_one()) | {"valid_until": (utc_now() - HOUR).isoformat()}
        table = IdentityProvider.__table__
        write(sa.update(table).where(table.c.metadata_url.is_not(None)).values(metadata=past))
        write(sa.update(Tenant).values(version=Tenant.version + 1))
    assert code_of(world.browser().get("/saml/login")) == "metadata_expired"
    assert _run(world, dt.timedelta(minutes=20)) == 1
    assert world.api("GET", MAIN).get_json()["last_sync"]["code"] == "metadata_expired"
    server.body = world.acme.idp.metadata_xml()
    assert _run(world, HOUR) == 1
    assert world.sign_in(world.browser()).status_code == 303


def test_a_document_that_ends_processes_backs_off(world: World, server: MetadataServer) -> None:
    """One death is followed at once, as after a restart; a second one is a failure, left alone for longer and longer."""
    settings, now = world.app.extensions["vestibule_settings"], utc_now() + LATER
    with world.app.app_context():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        provider = find_provider(tenant.id, "main")
        assert provider is not None
        waits = []
        for _ in range(4):
            deaths = 0
            while True:  # a process that takes it up ends over it, and its lease runs out
                with every_tenant(), transaction():
                    claimed = claim_syncs([(tenant.id, provider.id)], now, 6)
                assert len(claimed) == 1
                if claimed[0].deadly:
                    break
                deaths += 1
                now += SYNC_LEASE + MINUTE
            # whoever finds that out lets it be
            with every_tenant(), transaction():
                write(sa.update(IdentityProvider.__table__).values(sync_claimed_until=now - MINUTE))
            assert run_due_syncs(settings, now) == 1
            assert server.asked == []
            present = find_provider(tenant.id, "main")
            assert present is not None
            assert present.sync_due_at is not None
            assert (present.last_sync_code, deaths <= 2) == ("reading_failed", True)
            waits.append(present.sync_due_at - now)
            assert run_due_syncs(settings, now + MINUTE / 2) == 0
            now = present.sync_due_at
        assert waits == sorted(waits)
        assert waits[-1] > 10 * MINUTE
        assert run_due_syncs(settings, now) == 1
        assert (len(server.asked), shown_code(world)) == (1, None)
    assert [code for kind, code in _told(world) if kind == "metadata.failed"] == ["reading_failed"]


def shown_code(world: World) -> str | None:
    """Why the last sync failed."""
    code: str | None = world.api("GET", MAIN).get_json()["last_sync"]["code"]
    return code


def test_whoever_saves_overtakes_a_fetch_under_way(world: World, server: MetadataServer) -> None:
    """What it brings is of before; and a deleted identity provider takes nothing either."""
    with world.app.app_context():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        provider = find_provider(tenant.id, "main")
        assert provider is not None
        later = utc_now() + LATER
        with every_tenant(), transaction():
            (sync,) = claim_syncs([(tenant.id, provider.id)], later, 6)
        found = refetch(provider, tenant, world.app.extensions["vestibule_settings"], later, sha256=None)
        put(world, metadata_xml=world.acme.idp.metadata_xml())
        before = _version(world)
        assert take(Fetch(sync, provider, tenant, None), found, later) is None
        assert (_version(world), world.api("GET", MAIN).get_json()["metadata_url"]) == (before, None)


def test_a_file_on_the_server_is_watched_by_the_same_schedule(world: World, tmp_path: Path) -> None:
    """Its interval, its failures, and Sync now."""
    (tmp_path / "acme.xml").write_text(world.acme.idp.metadata_xml())
    allow_loopback(world, metadata_directory=tmp_path)
    assert put(world, metadata_path="acme.xml").status_code == 200
    (tmp_path / "acme.xml").write_text("<a/>")
    assert (_run(world, HOUR), _run(world)) == (0, 1)
    assert world.api("GET", MAIN).get_json()["last_sync"]["code"] == "metadata_invalid"
    (tmp_path / "acme.xml").write_text(world.acme.idp.metadata_xml() + "\n")
    assert world.api("POST", f"{MAIN}/sync").status_code == 202
    assert _run(world, dt.timedelta(0)) == 1
    assert world.api("GET", MAIN).get_json()["last_sync"]["result"] == "ok"


def test_when_it_may_be_asked_again_counts_from_when_it_was_asked(world: World, server: MetadataServer) -> None:
    """However late the fetch itself ran; and what the schedule fetched does not count."""
    assert _run(world) == 1
    _age(world)
    assert world.api("POST", f"{MAIN}/sync").status_code == 202
    assert _run(world, dt.timedelta(seconds=50)) == 1
    refused = world.api("POST", f"{MAIN}/sync")
    assert code_in(refused) == (429, "rate_limited")
    assert "not syncing at this moment: rate limited" in refused.get_data(as_text=True)
    assert int(refused.headers["Retry-After"]) <= 60


def _age(world: World) -> None:
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(IdentityProvider).values(sync_asked_at=None))


def test_nobody_takes_all_threads() -> None:
    """Five hundred of one tenant and five hundred that fail leave room for the others, whichever queue they stand in."""
    crowd = [Candidate(1, f"crowd-{n}", 0) for n in range(500)]
    failing = [Candidate(1000 + n, "main", 3) for n in range(500)]
    others = [Candidate(2000 + n, "main", 0) for n in range(64)]
    for queues in ([crowd, failing, others], [[], [*crowd, *failing], others], [others, failing, crowd]):
        chosen = choose(queues, FETCH_THREADS, ())
        tenants = Counter(tenant_id for tenant_id, _ in chosen)
        assert tenants[1] <= TENANT_AT_ONCE
        assert sum(1000 <= tenant_id < 2000 for tenant_id, _ in chosen) <= FAILING_AT_ONCE
        assert sum(tenant_id >= 2000 for tenant_id, _ in chosen) >= FETCH_THREADS - FAILING_AT_ONCE - TENANT_AT_ONCE
        assert len(chosen) == FETCH_THREADS
