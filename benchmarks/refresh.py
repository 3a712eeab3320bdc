"""Refresh of metadata: what one costs, what 10,000 cost in an hour, and 2,000 at once beside sign-ins, by real processes.

The servers that hand out metadata have a process of their own (benchmarks.metadata_servers), whose CPU does not count.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from flask import Flask

from benchmarks.cpu import cpu_seconds
from benchmarks.metadata_servers import metadata_servers
from config.database import db, read, transaction, write
from config.isolation import every_tenant
from tenants.models import IdentityProvider
from tenants.refresh.schedule import SYNC_HOURS
from tests.conftest import ACME_IDP, GLOBEX_IDP, seed
from tests.support.idp import ForgingIdP
from tests.support.many_providers import FAILING, ManyProviders, add_providers
from tests.support.served import Served, served, working
from tests.support.world import settings_for, utc_now
from wsgi import create_app

LOOPBACK = "127.0.0.0/8"
IDLE_SECONDS = 10
PATIENCE_SECONDS = 900
HOST, ORIGIN = "acme.localhost", "http://acme.localhost:8000"
WARM = 20
OLD = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class RefreshSize:
    """How many identity providers, and how many sign-ins beside them."""

    unchanged: int
    changed: int
    at_once: int
    sign_ins: int


WHOLE = RefreshSize(unchanged=10_000, changed=1_000, at_once=2_000, sign_ins=300)
QUICK = RefreshSize(unchanged=20, changed=10, at_once=20, sign_ins=5)


def refresh_lines(new: Callable[[str], str], pids: tuple[int, ...], size: RefreshSize, folder: Path) -> list[list[str]]:
    """What was measured, as lines of a table."""
    idp = ForgingIdP(entity_id=ACME_IDP)
    with metadata_servers(idp, kinds=False) as servers:
        server = servers.known
        unchanged, idle = _cost(new("refresh_unchanged"), pids, server, size.unchanged, folder, known=True)
        changed, _ = _cost(new("refresh_changed"), pids, server, size.changed, folder, known=False)
    hourly = unchanged * 10_000 / SYNC_HOURS.default + idle * 3600
    lines = [
        ["one unchanged metadata, CPU", f"{unchanged * 1000:.2f} ms"],
        ["one changed metadata, CPU", f"{changed * 1000:.2f} ms"],
        [f"10,000 every {SYNC_HOURS.default} hours on one worker, CPU in an hour", f"{hourly:.1f} s"],
        ["of it for all jobs that look and find nothing", f"{idle * 3600:.1f} s"],
    ]
    return lines + _beside_sign_ins(new("refresh_beside"), size, folder)


def _cost(
    url: str, pids: tuple[int, ...], server: ManyProviders, count: int, folder: Path, *, known: bool
) -> tuple[float, float]:
    """CPU seconds of a worker and the database for one fetch, and for a second without any."""
    app = _seeded(url)
    with app.app_context():
        add_providers(server, count, utc_now(), fresh_from=utc_now(), known=known)
    with working(url, folder, METADATA_ALLOWED_NETWORKS=LOOPBACK) as worker:
        time.sleep(2)
        roots = (worker.pid, *pids)
        before = cpu_seconds(roots)
        time.sleep(IDLE_SECONDS)
        idle = (cpu_seconds(roots) - before) / IDLE_SECONDS
        began, before = time.monotonic(), cpu_seconds(roots)
        _make_due(app)
        _wait(lambda: _waiting(app) == 0)
        spent = cpu_seconds(roots) - before - idle * (time.monotonic() - began)
    _leave(app)
    return spent / count, idle


def _beside_sign_ins(url: str, size: RefreshSize, folder: Path) -> list[list[str]]:
    """Three processes fetch from servers of all kinds, while people sign in one after the other."""
    idp = ForgingIdP(entity_id=ACME_IDP)
    with metadata_servers(idp) as servers, ExitStack() as processes:
        app = _seeded(url, idp)
        with app.app_context():
            add_providers(servers.known, size.at_once, utc_now(), fresh_from=utc_now())
        serving = processes.enter_context(served(url, folder, workers=1, METADATA_ALLOWED_NETWORKS=LOOPBACK))
        workers = [
            processes.enter_context(working(url, folder, f"worker-{number}", METADATA_ALLOWED_NETWORKS=LOOPBACK))
            for number in range(2)
        ]
        people = (f"person-{number}" for number in itertools.count())
        _sign_in_seconds(serving, idp, people, WARM)
        served_by, done_by = (serving.running.pid,), tuple(worker.pid for worker in workers)
        before = cpu_seconds(served_by)
        quiet = _sign_in_seconds(serving, idp, people, size.sign_ins)
        alone = cpu_seconds(served_by) - before
        began, before, before_worked = time.monotonic(), cpu_seconds(served_by), cpu_seconds(done_by)
        _make_due(app)
        busy: list[float] = []
        while _waiting(app):
            busy += _sign_in_seconds(serving, idp, people, min(10, size.sign_ins))
        lasted = time.monotonic() - began
        meanwhile, worked = cpu_seconds(served_by) - before, cpu_seconds(done_by) - before_worked
        quiet += _sign_in_seconds(serving, idp, people, size.sign_ins)
        asked = servers.asked()
        right = len(asked.counts) == size.at_once and _right(app)
        again = {number for number, count in asked.counts.items() if count > 1}
    _leave(app)
    slower = median(busy) / median(quiet) - 1 if busy else 0.0
    return [
        [f"{size.at_once} due at once, three processes", f"{lasted:.0f} s"],
        ["none lost, each with its outcome", "yes" if right else "NO"],
        ["fetched again: after a failure, a minute later; and otherwise", _again(again)],
        ["most at once at the servers", str(asked.most_at_once)],
        ["two workers meanwhile, part of a core each", f"{worked / lasted / 2:.1%}"],
        ["the server's CPU for a sign-in, alone", f"{alone / max(1, size.sign_ins) * 1000:.1f} ms"],
        ["the server's CPU for a sign-in meanwhile, its fetches included", f"{meanwhile / max(1, len(busy)) * 1000:.1f} ms"],
        [f"a sign-in meanwhile ({len(busy)} of them), median and 95 %", _of(busy)],
        [f"a sign-in before and after ({len(quiet)}), median and 95 %", _of(quiet)],
        ["slower by", f"{slower:+.0%}"],
    ]


def _again(numbers: Set[int]) -> str:
    """How many failed and were due again while the rest was still under way, and how many nothing explains."""
    failed = sum(number % 10 in FAILING for number in numbers)
    return f"{failed}; {len(numbers) - failed}"


def _of(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    return f"{median(ordered) * 1000:.1f} ms, {ordered[int(len(ordered) * 0.95)] * 1000:.1f} ms"


def _seeded(url: str, idp: ForgingIdP | None = None) -> Flask:
    seed(url, (idp or ForgingIdP(entity_id=ACME_IDP), ForgingIdP(entity_id=GLOBEX_IDP)))
    return create_app(settings_for(url))


def _leave(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def _make_due(app: Flask) -> None:
    with app.app_context(), every_tenant(), transaction():
        table = IdentityProvider.__table__
        write(sa.update(table).where(table.c.metadata_url.is_not(None)).values(fresh_from=OLD, last_sync_at=None))


def _waiting(app: Flask) -> int:
    statement = sa.select(sa.func.count()).where(
        IdentityProvider.metadata_url.is_not(None), IdentityProvider.last_sync_at.is_(None)
    )
    with app.app_context(), every_tenant():
        return int(read(statement).scalar_one())


def _right(app: Flask) -> bool:
    columns = (IdentityProvider.metadata_url, IdentityProvider.last_sync_result)
    with app.app_context(), every_tenant():
        rows = list(read(sa.select(*columns).where(IdentityProvider.metadata_url.is_not(None))))
    return all((row[1] == "failed") == (int(row[0].rpartition("/")[2]) % 10 in FAILING) for row in rows)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError("the refresh did not end")
        time.sleep(0.5)


def _sign_in_seconds(server: Served, idp: ForgingIdP, people: Iterator[str], count: int) -> list[float]:
    """How long whole sign-ins take, start and answer; the identity provider's part does not count."""
    taken = []
    for person in itertools.islice(people, count):
        began = time.perf_counter()
        begun = server.begin(HOST)
        middle = time.perf_counter()
        message = idp.response(
            sp_entity_id=f"{ORIGIN}/saml/metadata",
            acs_url=f"{ORIGIN}/saml/acs",
            in_response_to=begun.request_id,
            name_id=person,
            attributes={"mail": [f"{person}@acme.test"]},
        )
        sent = time.perf_counter()
        answer = server.finish(HOST, begun, message)
        taken.append(time.perf_counter() - sent + middle - began)
        if answer.status_code != 303:
            raise RuntimeError(answer.text[:2000])
    return taken


def lines_of(kind: str, lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """With a head that says which database."""
    return [[f"refresh of metadata, {kind}", "measured"], *map(list, lines)]
