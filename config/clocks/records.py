"""Records of processes that run jobs: each says every few seconds that it lives, so that whoever asks can be told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.clocks.rows import SERVE, WORKER, JobClock
from config.database import read, write
from config.statements import Prepared

BEAT_SECONDS = {WORKER: 5.0, SERVE: 30.0}
"""Others wait for a worker, and nobody for a process that answers requests: its row is for people to read."""
ALIVE_FOR = dt.timedelta(seconds=95)
"""For whoever asks once and cannot watch (config.clocks.watch does): missed beats, and clocks that differ by a minute."""
LATELY = dt.timedelta(minutes=5)
FORGOTTEN_AFTER = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """A process that runs jobs. `kind`: `worker` for `vestibule worker`, `serve` for a worker of `vestibule serve`."""

    id: str
    kind: str
    host: str
    pid: int
    started_at: dt.datetime
    beat_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Worker:
    """A `vestibule worker`, and when it last said that it lives, by its own clock."""

    id: str
    host: str
    pid: int
    beat_at: dt.datetime


_LIVING = (
    sa.select(*(getattr(JobClock, name) for name in Clock.__dataclass_fields__))
    .where(JobClock.beat_at > sa.bindparam("since"))
    .order_by(JobClock.started_at, JobClock.id)
)
_BEAT = Prepared(sa.update(JobClock).where(JobClock.id == sa.bindparam("clock")).values(beat_at=sa.bindparam("now")))
_WORKERS = Prepared(
    sa.select(JobClock.id, JobClock.host, JobClock.pid, JobClock.beat_at).where(
        JobClock.beat_at > sa.bindparam("since"), JobClock.kind == sa.literal_column(f"'{WORKER}'")
    )
)


def beat(clock: Clock) -> None:
    """Say that this process lives, and forget those that have long been gone."""
    if _BEAT.write({"clock": clock.id, "now": clock.beat_at}) == 0:
        names = Clock.__dataclass_fields__
        write(sa.insert(JobClock).values({name: getattr(clock, name) for name in names}))
        write(sa.delete(JobClock).where(JobClock.beat_at < clock.beat_at - FORGOTTEN_AFTER))


def stop_beating(clock_id: str) -> None:
    """This process ends in order."""
    write(sa.delete(JobClock).where(JobClock.id == clock_id))


def living_clocks(now: dt.datetime) -> list[Clock]:
    """The processes that run jobs now, the oldest first."""
    return [Clock(**row._mapping) for row in read(_LIVING, {"since": now - ALIVE_FOR})]


def worker_is_alive(now: dt.datetime) -> bool:
    """Whether a `vestibule worker` has been heard of lately: it does what `Job(where="worker")` says."""
    return bool(_WORKERS.all({"since": now - ALIVE_FOR}))


def workers_of_late(now: dt.datetime) -> list[Worker]:
    """Each `vestibule worker` that may live; those that ended in order are gone."""
    return [Worker(row.id, row.host, row.pid, row.beat_at) for row in _WORKERS.all({"since": now - LATELY})]
