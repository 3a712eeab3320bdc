"""Records of processes that run jobs: each says every few seconds that it lives, so that whoever asks can be told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.clocks.rows import WORKER, JobClock
from config.database import read, write
from config.statements import Prepared

BEAT_SECONDS = 10.0
ALIVE_FOR = dt.timedelta(seconds=35)
"""Three beats may be missed: a database that is busy, a machine that sleeps for a moment."""
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


_LIVING = (
    sa.select(*(getattr(JobClock, name) for name in Clock.__dataclass_fields__))
    .where(JobClock.beat_at > sa.bindparam("since"))
    .order_by(JobClock.started_at, JobClock.id)
)
_BEAT = Prepared(sa.update(JobClock).where(JobClock.id == sa.bindparam("clock")).values(beat_at=sa.bindparam("now")))
_WORKERS = Prepared(
    sa.select(JobClock.id)
    .where(JobClock.beat_at > sa.bindparam("since"), JobClock.kind == sa.literal_column(f"'{WORKER}'"))
    .limit(sa.literal_column("1"))
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
    """Whether a `vestibule worker` lives: it does what `Job(where="worker")` says, and what others then leave to it."""
    return bool(_WORKERS.all({"since": now - ALIVE_FOR}))
