"""Jobs: every worker runs the same clock (APScheduler), and a due row is claimed in the database by one of them alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from config.database import DATABASE_ERRORS, db
from config.logs import jobs_log

JOB_THREADS = 2
MISFIRE_GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done every so often. `run` opens its own transactions and must stand being run by many at once."""

    name: str
    seconds: float
    run: Callable[[], object]


def start_scheduler(app: Flask, jobs: Sequence[Job]) -> BackgroundScheduler:
    """Start this worker's clock; call it after the fork, once per worker."""
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(JOB_THREADS)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_SECONDS},
        timezone="UTC",
    )
    for job in jobs:
        scheduler.add_job(_run_in, "interval", seconds=job.seconds, id=job.name, args=[app, job], jitter=job.seconds / 10)
    scheduler.start()
    return scheduler


def _run_in(app: Flask, job: Job) -> None:
    """Run one job; what it raises ends this run and not the clock."""
    with app.app_context():
        try:
            job.run()
        except DATABASE_ERRORS as error:
            jobs_log.warning("job_postponed", job=job.name, error=type(error).__name__)
        except Exception as error:
            jobs_log.error("job_failed", job=job.name, error=type(error).__name__, exc_info=True)
        finally:
            db.session.remove()
