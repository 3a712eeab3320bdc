"""Refresh by real processes: each due one is fetched once, a dead process is followed, and its late word counts for nothing."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.clocks.records import living_clocks, worker_is_alive
from config.database import read, transaction, write
from config.isolation import every_tenant
from config.worker import NICENESS
from tenants.metadata_sync import run_due_syncs
from tenants.models import IdentityProvider
from tests.flows.management.support import MAIN, allow_loopback, put
from tests.support.many_providers import FAILING, add_providers, many_providers
from tests.support.metadata_server import MetadataServer, metadata_server
from tests.support.served import served, working
from tests.support.world import World, utc_now

COUNT = 60
LOOPBACK = {"METADATA_ALLOWED_NETWORKS": "127.0.0.0/8"}
HOLDS_SECONDS = 5
TRIES = 4
"""The machine that tests has other work: one try of these has to be as quick as is promised, and none goes wrong."""
PATIENCE_SECONDS = 120
HOUR = dt.timedelta(hours=1)
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


def _url(world: World) -> str:
    url: str = world.app.extensions["vestibule_settings"].database_url
    return url


def _wait(until: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Come back when it is so, and tell after how many seconds."""
    began = time.monotonic()
    while not until():
        assert time.monotonic() - began < seconds, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - began


def _rows(world: World) -> list[sa.Row[tuple[str, str | None, int, str | None]]]:
    columns = (IdentityProvider.metadata_url, IdentityProvider.last_sync_result, IdentityProvider.sync_failures)
    statement = sa.select(*columns, IdentityProvider.sync_claim).where(IdentityProvider.metadata_url.is_not(None))
    with world.app.app_context(), every_tenant():
        return list(read(statement))  # type: ignore[arg-type]  # as selected


def test_three_processes_fetch_each_due_one_once_when_the_interval_changes(world: World, tmp_path: Path) -> None:
    """Two that serve and one that only works: a shorter interval holds for all of them."""
    now = utc_now()
    with many_providers(world.acme.idp) as server, ExitStack() as processes:
        with world.app.app_context():
            add_providers(server, COUNT, now, fresh_from=now - 3 * HOUR)
        processes.enter_context(served(_url(world), tmp_path, workers=2, **LOOPBACK))
        worker = processes.enter_context(working(_url(world), tmp_path, **LOOPBACK))
        assert server.asked == {}, "fresh for six hours"
        _sync_every(world, hours=2)
        _wait(lambda: len(server.asked) == COUNT and all(row[1] for row in _rows(world)))
        assert set(server.asked.values()) == {1}, "each once"
        for url, result, failures, claim in _rows(world):
            fails = int(url.rpartition("/")[2]) % 10 in FAILING
            assert (result, failures, claim) == (("failed", 1, None) if fails else ("ok", 0, None)), url
        with world.app.app_context():
            assert worker_is_alive(utc_now())
            assert sorted(clock.kind for clock in living_clocks(utc_now())) == ["serve", "serve", "worker"]
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) - os.getpriority(os.PRIO_PROCESS, 0) == NICENESS
    with world.app.app_context():
        assert living_clocks(utc_now()) == [], "who ends in order says so"


def test_a_server_takes_up_what_a_killed_worker_leaves(world: World, tmp_path: Path) -> None:
    """The only worker is killed; a shorter interval holds within five seconds as before, by a server on the same machine."""
    now = utc_now()
    with many_providers(world.acme.idp, kinds=False) as server, ExitStack() as processes:
        with world.app.app_context():
            add_providers(server, 5, now, fresh_from=now - 3 * HOUR)
        processes.enter_context(served(_url(world), tmp_path, workers=1, **LOOPBACK))

        def is_known() -> bool:
            with world.app.app_context():
                return worker_is_alive(utc_now())

        taken: list[float] = []
        while len(taken) < TRIES and min(taken, default=HOLDS_SECONDS) >= HOLDS_SECONDS:
            _sync_every(world, hours=6)
            _set(world, fresh_from=utc_now() - 3 * HOUR)
            worker = processes.enter_context(working(_url(world), tmp_path, f"worker-{len(taken)}", **LOOPBACK))
            _wait(is_known)
            worker.kill()
            server.asked.clear()
            _sync_every(world, hours=2)
            taken.append(_wait(lambda: bool(server.asked)))
            assert is_known(), "it ended without a word: its row is there"
        assert min(taken) < HOLDS_SECONDS, taken


@pytest.fixture
def held(world: World) -> Iterator[MetadataServer]:
    """Acme's identity provider, saved from a URL that keeps whoever asks waiting, and due."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml()) as running:
        assert put(world, metadata_url=running.url).status_code == 200
        _set(world, fresh_from=utc_now() - 7 * HOUR)
        running.asked.clear()
        running.gate = threading.Event()
        yield running


def _set(world: World, **values: object) -> None:
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(IdentityProvider).where(IdentityProvider.metadata_url.is_not(None)).values(**values))


def test_what_a_process_left_in_mid_fetch_is_taken_up_by_another(
    world: World, held: MetadataServer, tmp_path: Path
) -> None:
    """One that only slept comes back and changes nothing; one that is dead is followed once its lease has ended."""
    gate = held.gate
    assert gate is not None
    with working(_url(world), tmp_path, **LOOPBACK) as first:
        _wait(lambda: len(held.asked) == 1)
        os.killpg(first.pid, signal.SIGSTOP)
        assert _run(world) == 0, "nobody else takes it while the lease lasts"
        held.gate = None  # from now on the server answers at once, and with something new
        held.body = world.acme.idp.metadata_xml(sso=[(POST, world.acme.idp.sso_url)])
        _set(world, sync_claimed_until=utc_now() - HOUR)
        assert (_run(world), len(held.asked)) == (1, 2)
        taken = _version(world)
        gate.set()
        os.killpg(first.pid, signal.SIGCONT)
        _wait(lambda: '"event":"sync_overtaken"' in first.log.read_text())
        assert _version(world) == taken
        assert [endpoint["binding"] for endpoint in world.api("GET", MAIN).get_json()["sso"]] == [POST]
        gate = held.gate = threading.Event()
        _set(world, fresh_from=utc_now() - 7 * HOUR)
        _wait(lambda: len(held.asked) == 3)
        first.kill()
    held.gate = None
    gate.set()
    assert _run(world) == 0
    _set(world, sync_claimed_until=utc_now() - HOUR)
    assert (_run(world), len(held.asked)) == (1, 4)
    assert _rows(world)[0].sync_claim is None


def _sync_every(world: World, *, hours: int) -> None:
    changed = world.app.test_cli_runner().invoke(args=["prop", "set", "saml.metadata_sync_hours", str(hours)])
    assert changed.exit_code == 0, changed.output


def _run(world: World) -> int:
    """This process is another worker."""
    with world.app.app_context():
        return run_due_syncs(world.app.extensions["vestibule_settings"], utc_now())


def _version(world: World) -> tuple[object, ...]:
    columns = (IdentityProvider.metadata_version_id, IdentityProvider.last_sync_at, IdentityProvider.fresh_from)
    with world.app.app_context(), every_tenant():
        return tuple(read(sa.select(*columns).where(IdentityProvider.metadata_url.is_not(None))).one())
