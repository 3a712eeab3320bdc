"""One look for all queues: what waits in any of them is found, what does not wait wakes nobody, and it stays one look."""

from __future__ import annotations

import datetime as dt
import subprocess
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from config import connections
from config.clocks.records import Clock, beat, stop_beating
from config.clocks.rows import WORKER
from config.clocks.watch import HOST, LEASE_SECONDS, Watch
from config.database import Base, new_id, transaction, write
from config.isolation import every_tenant
from config.looks import LOOK_SECONDS, Look, Looks
from config.scheduler import Job, _left_to_workers
from jobs import jobs_of
from tests.support.many_providers import add_providers, many_providers
from tests.support.world import World, utc_now

ACME = 1
HOUR = dt.timedelta(hours=1)
MANY = 1_000


def _looks(world: World) -> Looks:
    return Looks({job.name: job.look for job in jobs_of(world.app) if job.look is not None})


def _change(world: World, table: str, **values: Any) -> None:
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(Base.metadata.tables[table]).values(**values))


def _add(world: World, table: str, **values: Any) -> None:
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.insert(Base.metadata.tables[table]).values(id=new_id(), **values))


def test_each_queue_is_found_when_something_waits_in_it(world: World) -> None:
    """Nothing at first; then one after the other, also what has a claim that ran out; and nothing that somebody has claimed."""
    now, looks = utc_now(), _looks(world)

    def due(at: dt.datetime = now) -> set[str]:
        with world.app.app_context():
            return set(looks.due(at))

    assert due() == set()
    delivery = {"channel": "email", "event": "x", "sealed_body": "x", "created_at": now, "due_at": now}
    _add(world, "delivery", tenant_id=ACME, recipient="a@acme.test", **delivery)
    assert due(now - HOUR) == set()
    assert due() == {"deliveries"}
    _change(world, "delivery", claimed_until=now + HOUR)
    assert due() == set()
    assert due(now + 2 * HOUR) == {"deliveries"}
    _add(world, "service_delivery", recipient="a@acme.test", **delivery)
    assert due() == {"deliveries"}
    _change(world, "service_delivery", state="sent")
    reading = {"tenant_id": ACME, "name": "x", "request": {}, "detail": {}, "state": "waiting", "attempts": 0}
    _add(world, "metadata_reading", **reading, created_at=now, created_by="x")
    assert due() == {"metadata_readings"}
    _change(world, "metadata_reading", state="done")
    sent = world.api("POST", "/tenants/acme/people-imports", data=b"email\nada@acme.test\n", content_type="text/csv")
    assert sent.status_code == 202, sent.get_data(as_text=True)
    assert due(utc_now()) == {"people_imports"}
    _change(world, "people_import", work_requested_at=None)
    _change(world, "identity_provider", metadata_url="https://idp.test/metadata", fresh_from=now - 7 * HOUR)
    assert due() == {"metadata_sync"}
    _change(world, "identity_provider", allow_aggregate=True)
    assert due() == {"metadata_lists"}
    _change(world, "identity_provider", fresh_from=now, sync_requested_at=now)
    assert due() == {"metadata_lists"}
    _change(world, "identity_provider", sync_requested_at=None, sync_due_at=now)
    assert due() == {"metadata_lists"}
    _change(world, "identity_provider", sync_claimed_until=now + HOUR)
    assert due() == set()
    _change(world, "identity_provider", sync_claimed_until=None, deleted_at=now)
    assert due() == set()


def test_a_shorter_interval_is_seen_by_the_next_look(world: World) -> None:
    """What the service's interval makes due is found with the interval of now."""
    looks = _looks(world)
    _change(world, "identity_provider", metadata_url="https://idp.test/metadata", fresh_from=utc_now() - 3 * HOUR)
    with world.app.app_context():
        assert looks.due(utc_now()) == []
    done = world.app.test_cli_runner().invoke(args=["prop", "set", "saml.metadata_sync_hours", "2"])
    assert done.exit_code == 0, done.output
    with world.app.app_context():
        assert looks.due(utc_now()) == ["metadata_sync"]


def test_an_idle_look_is_two_small_statements(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval, and one question about all queues, answered from indices on a database that nobody has analysed."""
    now, looks, sent = utc_now(), _looks(world), list[tuple[str, Any]]()
    with world.app.app_context(), many_providers(world.acme.idp, kinds=False) as server:
        add_providers(server, MANY, now, fresh_from=now, known=True)
        driver_send = connections.send
        monkeypatch.setattr(
            "config.statements.send", lambda *args: sent.append((args[1], args[2])) or driver_send(*args)  # type: ignore[func-returns-value]
        )
        assert looks.due(now) == []
        assert len(sent) == 2
        connection = connections.present_connection()
        on_sqlite = connection.dialect.name == "sqlite"
        sql = f"EXPLAIN {'QUERY PLAN' if on_sqlite else ''} {sent[1][0]}"
        plan = "\n".join(str(row[-1]) for row in driver_send(connection, sql, sent[1][1]).fetchall())
    assert "identity_provider" in plan
    for whole in ("SCAN identity_provider", "Seq Scan on identity_provider"):
        assert whole not in plan
    if not on_sqlite:
        assert "ix_identity_provider_sync_requested_at" in plan


def test_a_queue_has_the_pace_of_all_queues() -> None:
    """There is one look: a job that wants to be looked for at another pace is a mistake."""
    with pytest.raises(ValueError, match="looked for every"):
        Job("x", LOOK_SECONDS + 1, lambda: None, look=Look(sa.true()))


def test_while_a_worker_lives_servers_leave_the_queues_to_it(world: World) -> None:
    """What waits is done by whoever is there: by a server alone; not by it beside a worker that lives."""
    done = list[str]()
    worker = Clock(new_id(), WORKER, "elsewhere", 1, utc_now(), utc_now())
    job = _left_to_workers(Job("x", LOOK_SECONDS, lambda: done.append("x"), look=Look(sa.true())))
    with world.app.app_context():
        job.run()
        with transaction():
            beat(worker)
        job.run()
        assert done == ["x"]
        with transaction():
            stop_beating(worker.id)
        job.run()
    assert done == ["x", "x"]


@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_a_worker_that_dies_is_missed_within_seconds_whatever_its_clock_says(world: World, minutes: int) -> None:
    """One of another machine whose row stands still, for ten seconds of our own clock; and it lives again when that moves."""
    theirs, ours = utc_now() + minutes * dt.timedelta(minutes=1), [100.0]
    worker = Clock(new_id(), WORKER, "elsewhere", 1, theirs, theirs)
    watch = Watch(lambda: ours[0])

    def lives(after: float) -> bool:
        ours[0] += after
        return watch.worker_lives(utc_now())

    with world.app.app_context():
        assert not lives(0)
        with transaction():
            beat(worker)
        assert lives(0)
        assert lives(LEASE_SECONDS - 1)
        with transaction():
            beat(replace(worker, beat_at=theirs + dt.timedelta(seconds=5)))
        assert lives(2)
        assert lives(LEASE_SECONDS - 1)
        assert not lives(1)
        with transaction():
            beat(replace(worker, beat_at=theirs + dt.timedelta(seconds=30)))
        assert lives(2)


def test_a_worker_of_this_machine_is_missed_at_once(world: World) -> None:
    """Its process is looked for; what is told of another machine says nothing about ours."""
    with subprocess.Popen(["sleep", "60"]) as process:
        worker = Clock(new_id(), WORKER, HOST, process.pid, utc_now(), utc_now())
        with world.app.app_context():
            with transaction():
                beat(worker)
            here, elsewhere = Watch(), Watch(host="another")
            assert here.worker_lives(utc_now())
            process.kill()
            process.wait()
            assert not here.worker_lives(utc_now())
            assert elsewhere.worker_lives(utc_now()), "until its row has stood still"

