"""Lists of people at 100,000 in two tenants each, and a file of 50,000: `python -m benchmarks.people [URL]`."""

from __future__ import annotations

import datetime as dt
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask

from config.database import transaction, write
from identity.import_records import find_import
from identity.people_import import request_apply, run_import, start_import
from identity.people_query import people_page, read_order
from identity.people_search import PeopleFilter, count_people
from tests.conftest import seed
from tests.support.idp import ForgingIdP
from tests.support.people import fill_people
from tests.support.world import settings_for
from wsgi import create_app

PEOPLE, ROWS = 100_000, 50_000
ACME, GLOBEX = 1, 2
TRIES = 5


def main() -> None:
    """Measure on SQLite in a folder of its own, or on the empty database that is named."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/people.db"
        seed(url, (ForgingIdP(entity_id="https://a.test/m"), ForgingIdP(entity_id="https://b.test/m")))
        app = create_app(settings_for(url))
        with app.app_context():
            _measure_import(app)
        fill_people(app, GLOBEX, "globex.test", PEOPLE)
        fill_people(app, ACME, "acme.test", PEOPLE - ROWS)
        with app.app_context():
            _measure_pages()


def _measure_pages() -> None:
    for sort in ("created", "name", "-last_sign_in", "email"):
        for search in ("", "u049999", "acme.test", "nobody"):
            which = PeopleFilter(search=search)
            page = _least(lambda which=which, sort=sort: people_page(ACME, which, read_order(sort), None, 50))  # type: ignore[misc]
            count = _least(lambda which=which: count_people(ACME, which))  # type: ignore[misc]
            print(f"page by {sort:14} search {search!r:12} {page:6.1f} ms   count {count:6.1f} ms")


def _measure_import(app: Flask) -> None:
    header = "email,username,first_name,last_name,phone\n"
    rows = (f"p{number}@acme.test,p{number},First{number},Last{number},+44 20 {number}\n" for number in range(ROWS))
    file = (header + "".join(rows)).encode()
    now = dt.datetime.now(dt.UTC)
    with transaction():
        started = start_import(ACME, file, "people.csv", actor="bench", now=now)
    began = time.perf_counter()
    run_import(ACME, started.id, now)
    print(f"{ROWS:,} rows, {len(file) / 2**20:.1f} MiB: compared in {time.perf_counter() - began:.1f} s")
    ready = find_import(ACME, started.id)
    assert ready is not None, started.id
    assert ready.fingerprint is not None, ready
    with transaction():
        fingerprint = ready.fingerprint
        request_apply(ACME, ready.id, fingerprint=fingerprint, leave_out_refused=False, actor="bench", now=now)
    over = threading.Event()
    waits: list[float] = []
    other = threading.Thread(target=_write_now_and_then, args=(app, over, waits))
    other.start()
    began = time.perf_counter()
    run_import(ACME, started.id, now)
    took = time.perf_counter() - began
    over.set()
    other.join()
    after = find_import(ACME, started.id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"applied in {took:.1f} s ({after and after.state}); another writer waited {max(waits):.2f} s at most")
    print(f"peak of the process {peak:.0f} MiB")


def _write_now_and_then(app: Flask, over: threading.Event, waits: list[float]) -> None:
    """What a sign-in of somebody else's would wait for."""
    with app.app_context():
        while not over.is_set():
            began = time.perf_counter()
            with transaction():
                write(sa.text("UPDATE tenant SET name = name WHERE id = :id"), {"id": GLOBEX})
            waits.append(time.perf_counter() - began)
            time.sleep(0.02)


def _least(call: Callable[[], object]) -> float:
    """Milliseconds of this process's CPU, the least of a few."""
    costs = []
    for _ in range(TRIES):
        began = time.process_time()
        call()
        costs.append(time.process_time() - began)
    return min(costs) * 1000


if __name__ == "__main__":
    main()
