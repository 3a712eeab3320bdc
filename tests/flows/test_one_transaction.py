"""One transaction: a sign-in is there as a whole or not at all, wherever it ends (SQLite and PostgreSQL)."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from config.database import Base
from config.isolation import every_tenant
from tests.attacks.answering import accept
from tests.attacks.support import pending
from tests.conftest import Template
from tests.support.browser import code_of
from tests.support.failing_database import failing_database
from tests.support.idp import ForgingIdP
from tests.support.postgresql import Cluster
from tests.support.served import Served, served, wait_for
from tests.support.world import WORKER, World

HOST = "acme.localhost"
ORIGIN = f"http://{HOST}:8000"
CLIENTS = 6
MORE_SECONDS = 120
KILLS = 6
MAX_KILLS = 40
"""A worker can happen to be idle when it is killed: it goes on until one was not."""
SIGN_INS_BETWEEN = 5


def rows_of(connection: sa.Connection, table: str) -> list[dict[str, Any]]:
    """All rows of a table."""
    return [dict(row._mapping) for row in connection.execute(sa.select(Base.metadata.tables[table]))]


def require_whole(connection: sa.Connection) -> int:
    """Every sign-in is whole: what belongs to one is there once for each, and nothing is there without the rest.

    Returns:
        How many sign-ins there are.
    """
    sessions, users = rows_of(connection, "session"), rows_of(connection, "users")
    events, attempts = rows_of(connection, "audit_event"), rows_of(connection, "attempt")
    exchanges = [row for row in rows_of(connection, "exchange") if row["used_at"] is not None]
    opened = [row["detail"]["session"] for row in events if row["type"] == "session.opened"]
    made = [row["actor"] for row in events if row["type"] == "user.created"]
    good = [row for row in attempts if row["code"] is None]
    assert sorted(opened) == sorted(row["id"] for row in sessions)
    assert Counter(row["user_id"] for row in good) == Counter(row["user_id"] for row in sessions)
    assert len(rows_of(connection, "used_assertion")) == len(exchanges) == len(sessions)
    assert sorted(made) == sorted(row["id"] for row in users)
    assert {row["user_id"] for row in rows_of(connection, "email_address")} == {row["id"] for row in users}
    assert {row["id"] for row in users} == {row["user_id"] for row in sessions}
    return len(sessions)


def everything(world: World) -> dict[str, int]:
    """How many rows each table has, those that a refusal may write included."""
    return dict(zip(Base.metadata.tables, world.counts(*Base.metadata.tables), strict=True))


@pytest.mark.parametrize("lose", [False, True], ids=["the statement fails", "the connection is lost"])
@pytest.mark.parametrize("known", [False, True], ids=["first sign-in", "later one"])
def test_a_failure_at_any_statement_leaves_nothing(world: World, known: bool, lose: bool) -> None:
    """From BEGIN to COMMIT each statement fails in turn: 503, and no row anywhere; then the same answer signs in."""
    if known:
        accept(pending(world))
    victim = pending(world)
    message = victim.response(attributes={"mail": ["ada.king@acme.test"], "sn": ["King"]})
    before, rows = everything(world), world.rows()
    with failing_database(world.app) as faults:
        faults.lose = lose
        for faults.at in itertools.count():
            answer = victim.send(message)
            if answer.status_code == 303:
                break
            assert (answer.status_code, code_of(answer)) == (503, "unavailable"), faults.sent[-1:]
            assert "Set-Cookie" not in answer.headers
            assert (everything(world), world.rows()) == (before, rows), faults.sent[-1:]
    assert faults.sent[0].startswith("BEGIN")
    assert faults.sent[-1] == "COMMIT"
    tables = " ".join(faults.sent)
    for table in ("used_assertion", "exchange", "users", "email_address", "session", "audit_event", "attempt"):
        assert table in tables
    assert victim.browser.get("/session").status_code == 200


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_refusal_that_cannot_be_recorded_is_no_sign_in(world: World, at: int) -> None:
    """Where not even the record of a refusal can be written, the answer is 503 and nothing is left."""
    victim = pending(world)
    bad, before = victim.response(sign="none"), everything(world)
    with failing_database(world.app) as faults:
        faults.at = at
        answer = victim.send(bad)
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")
    assert everything(world) == before
    victim.finish()


@pytest.mark.parametrize("lose", [False, True], ids=["the statement fails", "the connection is lost"])
def test_a_request_is_kept_before_it_is_sent(world: World, lose: bool) -> None:
    """Where it cannot be remembered nobody is sent to the identity provider for nothing; one statement remembers it."""
    browser, before = world.browser(), everything(world)
    with failing_database(world.app) as faults:
        assert browser.get("/saml/login").status_code == 200
        assert [sql.split()[2] for sql in faults.sent] == ["exchange"]
        faults.at, faults.lose = 0, lose
        before["exchange"] += 1
        answer = browser.get("/saml/login")
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")
    assert "SAMLRequest" not in answer.get_data(as_text=True)
    assert everything(world) == before
    pending(world).finish()


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_signing_out_happens_or_is_told_not_to(world: World, at: int) -> None:
    """Nobody is told that they are signed out while their session lives on."""
    victim = pending(world)
    accept(victim)
    with failing_database(world.app) as faults:
        faults.at = at
        answer = victim.browser.post("/logout")
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")
    assert victim.browser.get("/session").status_code == 200
    assert victim.browser.post("/logout").status_code == 303
    assert victim.browser.get("/session").status_code == 401


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_sign_in_waits_for_no_other_of_its_tenant(world: World) -> None:
    """While one has everything written and nothing committed, the next one is through (DESIGN section 7)."""
    slow, quick = pending(world), pending(world)
    held, go_on = threading.Event(), threading.Event()

    def hold_the_first() -> None:
        if not held.is_set():
            held.set()
            go_on.wait(MORE_SECONDS)

    with failing_database(world.app) as faults, ThreadPoolExecutor(1) as other:
        faults.before_commit = hold_the_first
        first = other.submit(slow.send, slow.response())
        assert held.wait(MORE_SECONDS)
        answer = quick.send(quick.response(name_id="eve", attributes={"mail": ["eve@acme.test"]}))
        assert answer.status_code == 303, code_of(answer)
        assert not first.done()
        go_on.set()
        assert first.result().status_code == 303


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with both tenants, which nobody else uses."""
    template: Template = request.getfixturevalue(f"{database}_template")
    if database == "sqlite":
        path = tmp_path / "vestibule.db"
        shutil.copyfile(template.source, path)
        yield f"sqlite:///{path}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"served_{WORKER}"
    yield cluster.create(name, template=template.source)
    cluster.drop(name)


class People:
    """Clients that sign people in, one after the other, whatever happens to the server meanwhile."""

    def __init__(self, server: Served, idp: ForgingIdP) -> None:
        self.server, self.idp = server, idp
        self.stop = threading.Event()
        self.outcomes: Counter[str] = Counter()
        self.cookies: list[str] = []

    def work(self, client: int) -> None:
        """Sign people in until told to stop; a form whose answer was lost is sent again, as a person would reload."""
        for number in itertools.count():
            if self.stop.is_set():
                return
            with contextlib.suppress(requests.RequestException, KeyError):
                self._sign_in(f"person{client}-{number}")

    def wait_for_more(self, sign_ins: int) -> None:
        """Come back when so many more people are in."""
        wanted, deadline = len(self.cookies) + sign_ins, time.monotonic() + MORE_SECONDS
        while len(self.cookies) < wanted:
            assert time.monotonic() < deadline, f"nobody gets in any more: {self.outcomes}\n{self.server.running.log_tail()}"
            time.sleep(0.01)

    def _sign_in(self, person: str) -> None:
        begun = self.server.begin(HOST)
        message = self.idp.response(
            sp_entity_id=f"{ORIGIN}/saml/metadata",
            acs_url=f"{ORIGIN}/saml/acs",
            in_response_to=begun.request_id,
            name_id=person,
            attributes={"mail": [f"{person}@acme.test"]},
        )
        for attempt in range(20):
            try:
                answer = self.server.finish(HOST, begun, message)
            except requests.RequestException:
                self.outcomes["lost"] += 1
                time.sleep(0.1)
                continue
            if answer.status_code == 303:
                self.outcomes["in"] += 1
                self.cookies.append(answer.headers["Set-Cookie"].partition(";")[0])
            else:
                assert 'data-code="replayed"' in answer.text, answer.text
                assert attempt > 0, "replayed, although it came for the first time"
                self.outcomes["in, but the answer was lost"] += 1
            return


def test_killing_workers_leaves_whole_sign_ins_or_none(
    database_url: str, tmp_path: Path, idps: tuple[ForgingIdP, ForgingIdP]
) -> None:
    """kill -9 of one worker after the other while six clients sign people in; who was told so is in, and all is whole."""
    with served(database_url, tmp_path, workers=2) as server:
        people = People(server, idps[0])
        with ThreadPoolExecutor(CLIENTS) as clients:
            futures = [clients.submit(people.work, number) for number in range(CLIENTS)]
            try:
                for number in range(MAX_KILLS):
                    if number >= KILLS and people.outcomes["lost"]:
                        break
                    people.wait_for_more(SIGN_INS_BETWEEN)
                    alive = server.workers
                    os.kill(alive[number % len(alive)], signal.SIGKILL)
                people.wait_for_more(SIGN_INS_BETWEEN)
                wait_for(server, workers=2)
            finally:
                people.stop.set()
            for future in futures:
                future.result()
        assert people.outcomes["lost"], "no worker had anything to do when it was killed"
        for cookie in people.cookies:
            assert server.request("GET", HOST, "/session", cookie=cookie).status_code == 200
        engine = sa.create_engine(database_url)
        with every_tenant(), engine.connect() as connection:
            whole = require_whole(connection)
        engine.dispose()
        assert whole >= people.outcomes["in"] + people.outcomes["in, but the answer was lost"]
