"""Things that happen at the same moment: threads that wait for each other before each does its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from flask import Flask

from config.database import db
from wsgi import create_app

T = TypeVar("T")
WAIT_SECONDS = 120


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls in threads that start together; their results in order, or the first exception."""
    gate = threading.Barrier(len(calls), timeout=WAIT_SECONDS)

    def call(one: Callable[[], T]) -> T:
        gate.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


@contextmanager
def another_worker(app: Flask) -> Iterator[Flask]:
    """The same service once more on the same database, as another worker or after a restart has it: no cache in common."""
    other = create_app(app.extensions["vestibule_settings"])
    try:
        yield other
    finally:
        with other.app_context():
            db.engine.dispose()
