"""A tenant of 1,000,000 attempts: its list by every filter, a receipt, an export: `python -m benchmarks.attempts`."""

from __future__ import annotations

import argparse
import datetime as dt
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from flask import Flask

from benchmarks.__main__ import DATABASES
from benchmarks.cpu import cpu_seconds
from benchmarks.housekeeping import database
from benchmarks.table import machine, plain_lines
from config.database import db, read, transaction
from config.isolation import every_tenant
from config.logs import configure_logging
from config.statements import Prepared
from identity.attempt_records import ALL
from identity.models import Attempt, User
from tenants.models import IdentityProvider
from tenants.paging import cursor_of, cursor_scope
from tests.conftest import dispose, seed
from tests.support.console import staff_client
from tests.support.idp import ForgingIdP
from tests.support.people import fill_people
from tests.support.world import Organisation, World, settings_for
from wsgi import create_app

ACME, GLOBEX = 1, 2
ATTEMPTS, PEOPLE = 1_000_000, 100_000
BESIDE = 1_000
"""Attempts of the other tenant, whose lists must not notice the first one's."""
BATCH = 10_000
DEEP = 10_000
"""Rows before the page that is far down."""
DAYS = 30
BUSY, QUIET, ABSENT = 0, 70_000, 99_999
"""People: one with a fiftieth of all attempts, one like most, and one who never came."""
CODES = ("status_not_success", "login_state_lost", "email_domain_not_allowed", "expired")
RARE = "replayed"
SHOWN_XML = 1_000
"""Characters of the message that most rows keep; whole receipts, which no list reads, would make a file of 8 GB."""
TRIES = 9
"""PostgreSQL has a plan for nobody in particular from the eighth on."""
AIM_MS = 200.0


def main() -> None:
    """Fill and measure; PostgreSQL as it is without statistics, and once more with them."""
    options = _options()
    print(machine(), flush=True)
    configure_logging("WARNING")
    for kind in options.databases:
        with tempfile.TemporaryDirectory(prefix="vestibule-attempts-") as folder, database(kind, Path(folder)) as (url, pids):
            idps = (ForgingIdP(entity_id="https://a.test/m"), ForgingIdP(entity_id="https://b.test/m"))
            token = seed(url, idps)
            app = create_app(settings_for(url, log_level="WARNING"))
            world = World(
                app, Organisation("acme", "acme.test", idps[0]), Organisation("globex", "globex.test", idps[1]), token
            )
            filling = _fill(world, options.attempts, PEOPLE)
            print(f"\n{kind}: {options.attempts:,} attempts of {PEOPLE:,} people, filled in {filling:.0f} s", flush=True)
            _measure(world, kind, pids)
            if kind == "postgresql":
                _analyse(app)
                _measure(world, f"{kind}, analysed", pids)
            dispose(app)


def _measure(world: World, kind: str, pids: tuple[int, ...]) -> None:
    browser = staff_client(world)
    rows = [[kind, "CPU", "worst", "", ""]]
    for words, path, least in _pages(world):
        costs = []
        for _ in range(TRIES):
            before = _spent(pids)
            answer = browser.get(path)
            costs.append((_spent(pids) - before) * 1000)
        shown = answer.get_data(as_text=True).count('class="row-link"')
        faults = [answer.status] * (answer.status_code != 200) + ["too few"] * (shown < least)
        verdict = ", ".join(faults + ["over"] * (max(costs[1:]) > AIM_MS)) or "ok"
        print(f"  {words}: {median(costs):.1f}", file=sys.stderr, flush=True)
        rows.append([words, f"{median(costs):.1f} ms", f"{max(costs[1:]):.1f} ms", f"{shown} rows", verdict])
    print(plain_lines(rows), flush=True)
    for form in ("csv", "jsonl"):
        before, began, size, lines = _spent(pids), time.monotonic(), 0, 0
        for part in browser.get(f"/admin/tenants/acme/attempts/export?form={form}", buffered=False).iter_encoded():
            size, lines = size + len(part), lines + part.count(b"\n")
        spent = _spent(pids) - before
        took = time.monotonic() - began
        print(f"export, {form}: {lines:,} lines, {size / 2**20:.0f} MiB in {took:.1f} s, {spent:.1f} s CPU", flush=True)


def _pages(world: World) -> Iterator[tuple[str, str, int]]:
    """What is asked for: in words, its address, and how many rows it has to show at least."""
    with world.app.app_context(), every_tenant():
        newest, old = (
            read(sa.select(Attempt.id, Attempt.reference).where(Attempt.tenant_id == ACME).order_by(order).limit(1)).one()
            for order in (Attempt.id.desc(), Attempt.id)
        )
        statement = sa.select(Attempt.id).where(Attempt.tenant_id == ACME).order_by(Attempt.id.desc())
        middle = read(statement.offset(DEEP).limit(1)).scalar_one()
    today = dt.datetime.now(dt.UTC).date()
    ago = {days: today - dt.timedelta(days=days) for days in (2, 14, 16, 20)}
    root, beside = "/admin/tenants/acme/attempts", "/admin/tenants/globex/attempts"
    busy, quiet, absent = (f"q=u{number:06d}%40acme.test" for number in (BUSY, QUIET, ABSENT))
    between = f"since={ago[16]}&until={ago[14]}"
    yield "list", root, 50
    yield "accepted", f"{root}?result=accepted", 50
    yield "refused", f"{root}?result=refused", 50
    yield "a frequent code", f"{root}?code={CODES[0]}", 50
    yield "a rare code", f"{root}?code={RARE}", 1
    yield "a code that nobody met", f"{root}?code=too_large", 0
    yield "sign-ins only", f"{root}?test=false", 50
    yield "tests only", f"{root}?test=true", 1
    yield "from two days ago", f"{root}?since={ago[2]}", 50
    yield "up to 20 days ago", f"{root}?until={ago[20]}", 50
    yield "three days, accepted", f"{root}?{between}&result=accepted", 50
    yield "three days, refused sign-ins", f"{root}?{between}&result=refused&test=false", 50
    yield "three days, a rare code", f"{root}?{between}&code={RARE}", 0
    yield "three days, tests that were refused", f"{root}?{between}&result=refused&test=true", 0
    yield "one person", f"{root}?{quiet}", 1
    yield "one with a fiftieth of all", f"{root}?{busy}", 50
    yield "the same, refused", f"{root}?{busy}&result=refused", 1
    yield "the same, a rare code", f"{root}?{busy}&code={RARE}", 0
    yield "the same, tests only", f"{root}?{busy}&test=true", 0
    yield "the same, three days", f"{root}?{busy}&{between}", 1
    yield "one who never came", f"{root}?{absent}", 0
    yield "nobody's address", f"{root}?q=nobody%40acme.test", 0
    yield "a reference", f"{root}?q={old.reference}", 1
    yield "no reference", f"{root}?q=ffffffffffff", 0
    yield "tests that were accepted", f"{root}?test=true&result=accepted", 1
    yield "another tenant's list", beside, 50
    yield "there, a frequent code", f"{beside}?code={CODES[0]}", 1
    yield "there, a rare code", f"{beside}?code={RARE}", 0
    yield "there, tests only", f"{beside}?test=true", 0
    yield "there, up to 20 days ago", f"{beside}?until={ago[20]}", 1
    yield "a page far down", _deep(root, middle), 50
    yield "a receipt", f"{root}/{newest.id}", 0
    yield "the tenant's overview", "/admin/tenants/acme/overview/", 0
    yield "staff's overview", "/admin/service/", 0


def _deep(root: str, before: str) -> str:
    """A page far down, as the link of the page before it has it."""
    return f"{root}?cursor={cursor_of(before, cursor_scope('console attempts', ACME, repr(ALL)))}"


def _fill(world: World, attempts: int, people: int) -> float:
    """A month of attempts, one in ten refused, one in a thousand a test; receipts are those of real sign-ins."""
    began = time.monotonic()
    browser = world.browser()
    assert world.sign_in(browser).status_code == 303
    assert world.sign_in(world.browser(), attributes={}).status_code == 403
    fill_people(world.app, ACME, "acme.test", people)
    with world.app.app_context(), every_tenant():
        columns = Attempt.__table__.columns
        samples = [dict(row._mapping) for row in read(sa.select(*columns).order_by(Attempt.code.is_not(None)))]
        numbered = sa.select(User.id).where(User.tenant_id == ACME, User.email.like("u%")).order_by(User.email)
        users = read(numbered).scalars().all()
        for tenant_id, count in ((ACME, attempts), (GLOBEX, BESIDE)):
            idp_id = read(sa.select(IdentityProvider.id).where(IdentityProvider.tenant_id == tenant_id)).scalar_one()
            rows = _rows(tenant_id, count, idp_id, users if tenant_id == ACME else [], samples)
            insert, batch = Prepared(sa.insert(Attempt.__table__)), list[Mapping[str, Any]]()
            for number, row in enumerate(rows, 1):
                batch.append(row)
                if len(batch) == BATCH or number == count:
                    bound = insert.bound(batch)
                    with transaction():
                        insert.write_bound(bound)
                    batch.clear()
    return time.monotonic() - began


def _rows(
    tenant_id: int, count: int, idp_id: str, users: Any, samples: list[dict[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    chance = random.Random(tenant_id)
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=DAYS)
    step = dt.timedelta(days=DAYS) / count
    whole = samples[:2]
    short = [{**sample, "xml": sample["xml"][:SHOWN_XML], "receipt": {"checks": [], "facts": {}}} for sample in whole]
    for number in range(count):
        at = begin + step * number
        code = RARE if number in (count // 20, count // 10) else chance.choice(CODES) if number % 10 == 0 else None
        is_test, knows = number % 1_000 == 7, code is None or number % 50 == 0
        who = BUSY if number % 50 in (0, 1) else chance.randrange(1, max(2, len(users) - 1))
        good, bad = whole if number % 100 == 99 else short
        yield (bad if code else good) | {
            "tenant_id": tenant_id,
            "id": _id_at(at, chance),
            "at": at,
            "reference": f"{chance.getrandbits(48):012x}",
            "code": code,
            "idp_id": idp_id,
            "user_id": users[who] if users and knows and not is_test else None,
            "trial_id": _id_at(at, chance) if is_test else None,
            "counted": True,
        }


def _id_at(moment: dt.datetime, chance: random.Random) -> str:
    """A row id as it would have been made then (RFC 9562 section 5.7)."""
    digits = f"{int(moment.timestamp() * 1000):012x}7{chance.getrandbits(12):03x}8{chance.getrandbits(60):015x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _spent(pids: tuple[int, ...]) -> float:
    return time.process_time() + (cpu_seconds(pids) if pids else 0.0)


def _analyse(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attempts", description=__doc__)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    return parser.parse_args()


if __name__ == "__main__":
    main()
