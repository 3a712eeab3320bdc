"""Purge and seal beside sign-ins: what both cost, whether they keep up, and a backlog: `python -m benchmarks.housekeeping`.

Rounds without and with housekeeping take turns on one server and one database; without, the trigger that puts events into
the queue is off, too. A round is so many seconds of sign-ins at a
steady rate. In a round with housekeeping as many rows are over as sign-ins leave in it, and everything is sealed and removed
by its end, by a process of its own as `vestibule worker` is; its CPU time counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Flask

from admin_ui.audit_chains import STAFF_LEDGER, seal_events
from benchmarks.__main__ import DATABASES
from benchmarks.client import Connection
from benchmarks.cpu import cpu_seconds
from benchmarks.phases import Person, arrivals, started, starts
from benchmarks.phases import send_all as send_unmeasured
from benchmarks.servers import ROOT, Server, environment, product
from benchmarks.table import machine
from benchmarks.tenancies import PLAIN, SECRET_KEYS, Tenancy, fill, make_keys, tidy
from config.database import MIGRATIONS, Base, db, new_id
from config.isolation import every_tenant
from config.logs import configure_logging
from config.metrics import SEAL_LAG
from config.settings import settings_from_environment
from identity.purge import purge_expired
from tenants.sealing.examination import examine
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.sealer import PATIENCE_SECONDS
from tenants.sealing.signing import SealKeys
from tests.support.postgresql import start_cluster
from tests.support.world import settings_for, utc_now
from wsgi import create_app

TENANTS = 12
EVERY_SECONDS = 30.0
"""How often the process of a round does its work: as often as the service seals."""
PATIENCE = dt.timedelta(seconds=PATIENCE_SECONDS)
"""Everything is sealed as if it had waited long enough."""
OLD = dt.timedelta(days=200)
WATCHED = ("exchange", "used_assertion", "session", "attempt", "unsealed_event", "audit_event", "audit_seal")


def main() -> None:
    """Read the options, measure, print; `--keep-house URL` is the process of a round."""
    options = _options()
    if options.keep_house:
        _keep_house()
        return
    print(machine(), flush=True)
    configure_logging("WARNING")
    with tempfile.TemporaryDirectory(prefix="vestibule-housekeeping-") as name:
        for kind in options.databases:
            with database(kind, Path(name)) as (url, pids):
                (_soak if options.minutes else _measure)(kind, url, pids, Path(name), options)


def _measure(kind: str, url: str, pids: tuple[int, ...], folder: Path, options: argparse.Namespace) -> None:
    tenancies = fill(url, TENANTS, make_keys(2, utc_now()), utc_now())
    app = create_app(settings_for(url, secret_keys=SECRET_KEYS, log_level="WARNING"))
    count = int(options.rate * options.seconds)
    costs: dict[bool, list[float]] = {False: [], True: []}
    waits: dict[bool, list[float]] = {False: [], True: []}
    with product(url, folder, pids, "--no-jobs") as server:
        _round(server, app, url, tenancies, count // 4, options.rate, with_jobs=False)  # everything is warm after that
        for number in range(options.rounds * 2):
            with_jobs = number % 2 == 1
            _clean(app)
            tidy(url)
            _switch_queue(app, on=with_jobs)
            cost, took = _round(server, app, url, tenancies, count, options.rate, with_jobs=with_jobs)
            costs[with_jobs].append(cost)
            waits[with_jobs] += took
    ratio = median(after / before for before, after in zip(costs[False], costs[True], strict=True))
    print(f"\n{kind}: {options.rounds} rounds of {count} sign-ins at {options.rate:g} a second")
    for with_jobs, words in ((False, "without"), (True, "with")):
        each = sorted(waits[with_jobs])
        middle, late = each[len(each) // 2] * 1000, each[int(len(each) * 0.99)] * 1000
        cost = median(costs[with_jobs])
        print(f"  {words:8} {cost:6.2f} ms CPU a sign-in   answered in {middle:.1f} ms, 99 % in {late:.1f} ms")
    print(f"  ratio    {ratio:6.3f}   aim ≤ 1.05, {'ok' if ratio <= 1.05 else 'over'}")
    print("  left     " + ", ".join(f"{name} {number:,}" for name, number in _sizes(app).items()), flush=True)
    _switch_queue(app, on=True)
    if options.backlog:
        _measure_backlog(app, options.backlog)
    with app.app_context():
        db.engine.dispose()


def _soak(kind: str, url: str, pids: tuple[int, ...], folder: Path, options: argparse.Namespace) -> None:
    """Minutes of sign-ins by a service with all its jobs, as many rows over in each as its sign-ins leave: do tables grow?"""
    tenancies = fill(url, TENANTS, make_keys(2, utc_now()), utc_now())
    app = create_app(settings_for(url, secret_keys=SECRET_KEYS, log_level="WARNING"))
    count = int(options.rate * 60)
    with product(url, folder, pids) as server:
        print(f"\n{kind}: {options.minutes} minutes of {count:,} sign-ins; rows at the end of each", flush=True)
        for minute in range(options.minutes):
            began = time.monotonic()
            numbers = range(minute * count, (minute + 1) * count)
            people = [Person(tenancies[PLAIN + number % (TENANTS - PLAIN)], f"p{number % 5_000}") for number in numbers]
            requests = arrivals(started(people, send_unmeasured(server, starts(people), expected=200)))
            _age(app, count) if minute else None
            _send_steadily(server, requests, count / max(1.0, began + 60 - time.monotonic()))
            sizes = ", ".join(f"{name} {number:,}" for name, number in _sizes(app).items())
            print(f"  {minute + 1:3} in {time.monotonic() - began:.0f} s  {sizes}", flush=True)
    with app.app_context():
        db.engine.dispose()


def _round(
    server: Server, app: Flask, url: str, tenancies: Sequence[Tenancy], count: int, rate: float, *, with_jobs: bool
) -> tuple[float, list[float]]:
    """CPU milliseconds of a sign-in, start included, and how long each answer to a response took."""
    people = [Person(tenancies[PLAIN + number % (TENANTS - PLAIN)], f"p{number}") for number in range(count)]
    before = server.cpu_seconds()
    begun = started(people, send_unmeasured(server, starts(people), expected=200))
    spent = server.cpu_seconds() - before
    requests = arrivals(begun)
    keeper = _start_keeper(url) if with_jobs else None
    if keeper is not None:
        _age(app, count)
    before = server.cpu_seconds() + (cpu_seconds((keeper.pid,)) if keeper else 0.0)
    took = _send_steadily(server, requests, rate)
    if keeper is not None:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        keeper.stdin.write(b"end\n")
        keeper.stdin.flush()
        keeper.stdout.readline()  # everything is sealed and removed
        spent += cpu_seconds((keeper.pid,))
        spent += server.cpu_seconds() - before
        keeper.stdin.close()
        keeper.wait()
    else:
        spent += server.cpu_seconds() - before
    return spent * 1000 / count, took


def _send_steadily(server: Server, requests: Sequence[bytes], rate: float) -> list[float]:
    took, begin = [], time.monotonic()
    with Connection(server.port) as connection:
        for number, request in enumerate(requests):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            sent = time.monotonic()
            connection.send(request, expected=303)
            took.append(time.monotonic() - sent)
    return took


def _start_keeper(url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.housekeeping", "--keep-house", "yes"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    keeper = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment(url), "LOG_LEVEL": "WARNING"}, **pipes)  # type: ignore[call-overload]
    assert keeper.stdout is not None
    keeper.stdout.readline()  # it has started
    return keeper  # type: ignore[no-any-return]


def _keep_house() -> None:
    """Purge and seal every few seconds until told to end, and once more then."""
    settings = settings_from_environment()
    app, keys = create_app(settings), SealKeys(settings.secret_keys)
    _clean(app)  # a process of the service has all statements compiled
    print("ready", flush=True)
    ended = False
    while not ended:
        ended = bool(select.select([sys.stdin], [], [], EVERY_SECONDS)[0])
        with app.app_context():
            purge_expired()
            seal_events(keys, utc_now() + PATIENCE)
    print("done", flush=True)
    sys.stdin.read()


def _switch_queue(app: Flask, *, on: bool) -> None:
    """The trigger that puts each event into the queue: made anew, or taken away."""
    with app.app_context(), every_tenant(), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            state = "ENABLE" if on else "DISABLE"
            connection.execute(sa.text(f"ALTER TABLE audit_event {state} TRIGGER audit_event_waits"))
            return
        connection.execute(sa.text("DROP TRIGGER IF EXISTS audit_event_waits"))
        if on:
            migration: Any = ScriptDirectory(str(MIGRATIONS)).get_revision("0013").module
            connection.execute(sa.text(migration.WAITS_SQLITE.format(**migration.WAITING[0])))


def _clean(app: Flask) -> None:
    """Nothing is over and everything is sealed, as at the end of a round with housekeeping."""
    with app.app_context():
        purge_expired()
        seal_events(SealKeys(SECRET_KEYS), utc_now() + PATIENCE)


def _age(app: Flask, count: int) -> None:
    """As many rows are over as sign-ins of a round will leave: copies of their newest, from long ago."""
    changes = {
        "exchange": ("request_id", "expires_at"),
        "used_assertion": ("assertion_hash", "expires_at"),
        "session": ("token_hash", "expires_at"),
        "attempt": ("id", "at"),
    }
    with app.app_context(), every_tenant(), db.engine.connect() as connection:
        for name, (key, when) in changes.items():
            table = Base.metadata.tables[name]
            row = dict(connection.execute(sa.select(table).limit(1)).mappings().one())
            rows = []
            for _ in range(count):
                copy = row | {key: new_id(), when: utc_now() - OLD}
                rows.append(copy | ({"id": new_id()} if "id" in row else {}))
            connection.execute(sa.insert(table), rows)


def _sizes(app: Flask) -> dict[str, int]:
    with app.app_context(), every_tenant(), db.engine.connect() as connection:
        count = sa.func.count()
        return {
            name: int(connection.execute(sa.select(count).select_from(Base.metadata.tables[name])).scalar_one())
            for name in WATCHED
        }


def _measure_backlog(app: Flask, rows: int) -> None:
    """So many exchanges that are over, and so many events that wait: how long until both are worked off, and verified."""
    keys = SealKeys(SECRET_KEYS)
    for _ in range(0, rows, 50_000):
        _age_one(app, min(rows, 50_000))
    with app.app_context():
        began, cpu = time.monotonic(), time.process_time()
        removed = 0
        while done := purge_expired():
            removed += done
        print(f"  backlog  {removed:,} rows removed in {time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s CPU")
        began, cpu = time.monotonic(), time.process_time()
        lag = 1.0
        while lag > 0:
            seal_events(keys, utc_now() + PATIENCE)
            lag = SEAL_LAG._value.get() if _sizes(app)["unsealed_event"] else 0.0
        print(f"           {rows:,} events sealed in {time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s CPU")
        began, cpu = time.monotonic(), time.process_time()
        report = examine(tenant_ledger(1), keys)
        assert report.is_intact, report.findings[:3]
        assert examine(STAFF_LEDGER, keys).is_intact
        spent = f"{time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s CPU"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"           {report.events:,} events verified in {spent}; peak of the process {peak:.0f} MiB", flush=True)


def _age_one(app: Flask, count: int) -> None:
    with app.app_context(), every_tenant(), db.engine.connect() as connection:
        exchange, event = Base.metadata.tables["exchange"], Base.metadata.tables["audit_event"]
        row = dict(connection.execute(sa.select(exchange).limit(1)).mappings().one())
        rows = [row | {"request_id": new_id(), "expires_at": utc_now() - OLD} for _ in range(count)]
        detail = {"idp": "main", "session": new_id()}
        sample = {
            "tenant_id": 1,
            "type": "session.opened",
            "reason": None,
            "at": utc_now(),
            "actor": new_id(),
            "detail": detail,
        }
        with connection.begin():
            connection.execute(sa.insert(exchange), rows)
            connection.execute(sa.insert(event), [sample | {"id": new_id()} for _ in range(count)])


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """An empty database: its URL, and the processes whose CPU is its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/housekeeping.db", ()
        return
    cluster = start_cluster()
    try:
        postmaster = int((cluster.folder / "files" / "postmaster.pid").read_text().split()[0])
        yield cluster.create("housekeeping"), (postmaster,)
    finally:
        cluster.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.housekeeping", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind (%(default)s)")
    parser.add_argument("--rate", type=float, default=100.0, help="sign-ins a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round (%(default)s)")
    parser.add_argument("--backlog", type=int, default=0, help="rows to be worked off afterwards, of each kind")
    parser.add_argument("--minutes", type=int, default=0, help="only so many minutes at that rate, by a service with its jobs")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--keep-house", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
