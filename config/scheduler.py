"""Jobs: processes run the same clock (APScheduler), and a due row is claimed in the database by one of them alone.

There are two kinds of process with a clock: each worker of `vestibule serve`, and `vestibule worker`, which does nothing else.
A job that takes much memory or time says `where="worker"`, and is never run beside requests. What a process needs for itself,
such as its log levels, says `where="everywhere"`: it runs in workers of `vestibule serve --no-jobs`, too. Jobs that work off
queues are looked for together (config.looks), and run where one of theirs has anything due.

Where a `vestibule worker` lives, processes that answer requests leave the queues to it, and take them up again when the last
one has died (config.clocks.watch): whoever signs in shares no interpreter with a refresh of metadata.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from config.clocks.records import BEAT_SECONDS, Clock, beat, stop_beating
from config.clocks.rows import SERVE
from config.clocks.watch import HOST, Watch
from config.database import DATABASE_ERRORS, db, new_id, transaction
from config.ending import ending
from config.logs import jobs_log
from config.looks import LOOK_SECONDS, Look, Looks
from config.metrics import JOB_FAILURES, JOB_SECONDS

JOB_THREADS = 5
"""More than there are jobs that take minutes, so that none of the short ones waits for them."""
MISFIRE_GRACE_SECONDS = 30
HEARTBEAT = "heartbeat"
LOOK = "look"
EVERYWHERE = "everywhere"

Where = Literal["anywhere", "worker", "everywhere"]


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done every so often. `run` opens its own transactions and must stand being run by many at once.

    Args:
        seconds: between two runs of one process; a tenth more or less, so that processes do not march in step.
        where: `anywhere`, or `worker` for what runs in `vestibule worker` alone (config.clocks.records.worker_is_alive
            tells whether there is one), or `everywhere` for what takes milliseconds and concerns the process itself: it has
            a thread of its own, and never waits for a job that fetches or removes.
        look: whether there is anything to do; without, it runs each time. All are looked for together, so `seconds` is
            LOOK_SECONDS for each of them.
    """

    name: str
    seconds: float
    run: Callable[[], object]
    where: Where = "anywhere"
    look: Look | None = None

    def __post_init__(self) -> None:
        if self.look is not None and self.seconds != LOOK_SECONDS:
            raise ValueError(f"{self.name} is looked for every {LOOK_SECONDS} seconds, as all others are")


@dataclass(frozen=True, slots=True)
class RunningClock:
    """The clock of this process."""

    app: Flask
    scheduler: BackgroundScheduler
    id: str

    def stop(self) -> None:
        """End it: what runs is told, and waited for."""
        ending.set()
        self.scheduler.shutdown(wait=True)
        ending.clear()
        with self.app.app_context(), contextlib.suppress(*DATABASE_ERRORS), transaction():
            stop_beating(self.id)


def start_clock(
    app: Flask, jobs: Sequence[Job], *, kind: Literal["serve", "worker"] = SERVE, shared: bool = True
) -> RunningClock:
    """Start this process's clock with the jobs that it may run; call it after the fork, once per process.

    Args:
        shared: whether it takes its part of the work that processes share; without, it looks after itself alone.
    """
    ending.clear()
    now = dt.datetime.now(dt.UTC)
    clock = Clock(new_id(), kind, HOST, os.getpid(), now, now)
    heartbeat = Job(HEARTBEAT, BEAT_SECONDS[kind], lambda: _beat(clock))
    scheduler = BackgroundScheduler(
        # The heartbeat has a thread of its own: jobs that take long must not let a living process pass for dead.
        executors={
            "default": ThreadPoolExecutor(JOB_THREADS),
            HEARTBEAT: ThreadPoolExecutor(1),
            LOOK: ThreadPoolExecutor(1),
            EVERYWHERE: ThreadPoolExecutor(1),
        },
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_SECONDS},
        timezone="UTC",
    )
    mine = [job for job in jobs if shared and job.where in ("anywhere", kind)]
    for job in jobs:
        if job.where == EVERYWHERE:
            _add(scheduler, app, job, executor=EVERYWHERE, next_run_time=now)
    for job in mine:
        if job.look is None:
            _add(scheduler, app, job)
    if queues := {job.name: job for job in mine if job.look is not None}:
        looking = _looking_job(scheduler, app, queues)
        _add(scheduler, app, _left_to_workers(looking) if kind == SERVE else looking, executor=LOOK)
    if shared:
        _add(scheduler, app, heartbeat, executor=HEARTBEAT, next_run_time=now)
    scheduler.start()
    return RunningClock(app, scheduler, clock.id)


def _add(scheduler: BackgroundScheduler, app: Flask, job: Job, **options: object) -> None:
    every = {"seconds": job.seconds, "jitter": job.seconds / 10}
    scheduler.add_job(_run_in, "interval", id=job.name, args=[app, job], **every, **options)


def _left_to_workers(job: Job) -> Job:
    """The same, run only while no `vestibule worker` lives."""
    watch = Watch()

    def run() -> None:
        if not watch.worker_lives(dt.datetime.now(dt.UTC)):
            job.run()

    return dataclasses.replace(job, run=run)


def _looking_job(scheduler: BackgroundScheduler, app: Flask, queues: Mapping[str, Job]) -> Job:
    """The job that looks for all queues, and begins those that have anything due and are not under way in this process."""
    looks = Looks({name: job.look for name, job in queues.items() if job.look is not None})
    running: set[str] = set()

    def work_off(job: Job) -> None:
        try:
            _run_in(app, job)
        finally:
            running.discard(job.name)

    def look() -> None:
        for name in looks.due(dt.datetime.now(dt.UTC)):
            if name not in running:
                running.add(name)
                scheduler.add_job(work_off, args=[queues[name]], misfire_grace_time=None)

    return Job(LOOK, LOOK_SECONDS, look)


def _beat(clock: Clock) -> None:
    with transaction():
        beat(dataclasses.replace(clock, beat_at=dt.datetime.now(dt.UTC)))


def _run_in(app: Flask, job: Job) -> None:
    """Run one job; what it raises ends this run and not the clock."""
    began = time.monotonic()
    with app.app_context():
        try:
            job.run()
            jobs_log.debug("job_done", job=job.name, ms=round((time.monotonic() - began) * 1000, 1))
        except DATABASE_ERRORS as error:
            JOB_FAILURES.labels(job.name).inc()
            jobs_log.warning("job_postponed", job=job.name, error=type(error).__name__)
        except Exception as error:
            JOB_FAILURES.labels(job.name).inc()
            jobs_log.error("job_failed", job=job.name, error=type(error).__name__, exc_info=True)
        finally:
            JOB_SECONDS.labels(job.name).observe(time.monotonic() - began)
            db.session.remove()
