"""Several workers at one import: two say yes at once, one is killed in the middle, one never gets through (P7)."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import db, read
from identity.import_models import PeopleImport, PeopleImportLine
from identity.import_purge import purge_imports
from identity.people_import import run_due_imports
from tests.flows.management.support import code_in, events_of
from tests.flows.people.test_import import IMPORTS, people, upload, work
from tests.support.at_once import at_once
from tests.support.processes import start
from tests.support.world import World, utc_now

LEASE_OVER = dt.timedelta(seconds=121)
CHILD = """
import sys, time
from identity.people_import import run_due_imports
from tests.support.world import settings_for, utc_now
from wsgi import create_app

def stop_in_the_middle(frame, what, _argument):
    if what == "call" and frame.f_code.co_name == "send_many" and "audit_event" in frame.f_locals["sql"]:
        print("in the middle", flush=True)
        time.sleep(60)

with create_app(settings_for(sys.argv[1])).app_context():
    sys.setprofile(stop_in_the_middle)
    run_due_imports(utc_now())
"""
"""A worker that has written people and addresses, and has not committed."""


def _ask(world: World, found: dict[str, Any]) -> int:
    asked = world.api("POST", f"{IMPORTS}/{found['id']}/apply", json={"fingerprint": found["fingerprint"]})
    if asked.status_code != 202:
        assert code_in(asked) == (409, "import_not_ready")
    return asked.status_code


def _state(world: World, found: dict[str, Any]) -> tuple[str, str | None]:
    shown = world.api("GET", f"{IMPORTS}/{found['id']}").get_json()
    return shown["state"], shown["code"]


def test_two_who_say_yes_at_once_and_two_workers_apply_it_once(world: World) -> None:
    """Exactly one yes is taken, exactly one worker writes, and everybody is there once."""
    rows = "".join(f"p{number}@acme.test\n" for number in range(60))
    found = upload(world, f"email\n{rows}")
    assert sorted(at_once([lambda: _ask(world, found)] * 4)) == [202, 409, 409, 409]
    assert sum(at_once([lambda: work(world)] * 3)) == 1
    assert _state(world, found) == ("applied", None)
    assert len(people(world)) == 60
    assert sum(event["type"] == "people.imported" for event in events_of(world)) == 1


def test_a_worker_killed_in_the_middle_leaves_nothing_and_another_does_all(world: World, tmp_path: Path) -> None:
    """kill -9 between two writes of the transaction: nobody was added, and whoever comes after the lease adds everybody."""
    found = upload(world, "email\nada@acme.test\nben@acme.test\n")
    _ask(world, found)
    url = world.app.extensions["vestibule_settings"].database_url
    worker = start([sys.executable, "-c", CHILD, url], log=tmp_path / "worker.log", folder=Path.cwd())
    try:
        worker.wait_until(lambda: "in the middle" in worker.log_tail(), seconds=120)
    finally:
        worker.kill()
    assert people(world) == {}
    assert (work(world), _state(world, found)) == (0, ("applying", None))
    with world.app.app_context():
        assert run_due_imports(utc_now() + LEASE_OVER) == 1
    assert people(world).keys() == {"ada@acme.test", "ben@acme.test"}
    assert _state(world, found) == ("applied", None)


def test_what_nobody_applies_within_a_day_ends_with_its_personal_data(world: World) -> None:
    """A preview, a file that nobody compared, and one that no worker gets through; a month later not even their names stay."""
    stuck, ready = (upload(world, f"email\np{number}@acme.test\n") for number in (1, 2))
    waiting = upload(world, "email\np3@acme.test\n", run=False)
    _ask(world, stuck)
    with world.app.app_context():
        purge_imports(utc_now() + dt.timedelta(hours=23))
        assert _state(world, ready) == ("ready", None)
        purge_imports(utc_now() + dt.timedelta(hours=25))
        for found in (stuck, ready, waiting):
            assert _state(world, found) == ("refused", "import_expired")
        kept = sa.select(PeopleImport.file, PeopleImport.claim).where(PeopleImport.tenant_id == 1)
        assert set(read(kept)) == {(None, None)}
        assert read(sa.select(PeopleImportLine.line).where(PeopleImportLine.tenant_id == 1)).all() == []
        assert (work(world), people(world)) == (0, {})
        purge_imports(utc_now() + dt.timedelta(days=31))
        assert read(kept).all() == []


def test_a_worker_that_has_it_is_not_disturbed_by_the_purge(world: World) -> None:
    """While somebody applies an old import, it is theirs."""
    found = upload(world, "email\nada@acme.test\n")
    _ask(world, found)
    later = utc_now() + dt.timedelta(hours=25)
    with world.app.app_context():
        with db.engine.connect() as connection:
            held = sa.update(PeopleImport.__table__).where(PeopleImport.tenant_id == 1)
            connection.execute(held.values(claimed_until=later + LEASE_OVER))
            connection.commit()
        purge_imports(later)
    assert _state(world, found) == ("applying", None)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_large_import_waits_for_nobody_elses_statistics(world: World) -> None:
    """Another import, or the database itself, is counting the same table: that must not make this one fail."""
    rows = "".join(f"p{number}@acme.test\n" for number in range(1_001))
    found = upload(world, f"email\n{rows}")
    _ask(world, found)
    with world.app.app_context(), db.engine.connect() as other:
        other.exec_driver_sql("BEGIN")
        other.exec_driver_sql("LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE")
        assert run_due_imports(utc_now()) == 1
        other.exec_driver_sql("ROLLBACK")
    assert _state(world, found) == ("applied", None)
