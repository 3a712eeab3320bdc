"""Whether a `vestibule worker` lives, for a process that would take up its work: told by what changes, not by its clock.

A worker that was killed leaves its row behind. On the same machine its process is missed at once; on another one its row
stands still for LEASE_SECONDS of our own clock, whatever the clock says that wrote it.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import threading
import time
from collections.abc import Callable

from config.clocks.records import Worker, workers_of_late

LEASE_SECONDS = 10.0
"""Two beats. Whoever is wrongly taken for dead loses nothing: what two do, is claimed by one of them."""
HOST = platform.node()[:255]


class Watch:
    """What one process has seen of workers."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, *, host: str = HOST) -> None:
        self._monotonic, self._host = monotonic, host
        self._seen: dict[str, tuple[dt.datetime, float]] = {}
        self._lock = threading.Lock()

    def worker_lives(self, now: dt.datetime) -> bool:
        """Look at all workers, and tell whether one of them lives; to be asked every few seconds."""
        workers = workers_of_late(now)
        with self._lock:
            at = self._monotonic()
            former, self._seen = self._seen, {}
            for worker in workers:
                beat_at, since = former.get(worker.id, (None, at))
                self._seen[worker.id] = (worker.beat_at, since if beat_at == worker.beat_at else at)
            return any(at - self._seen[worker.id][1] < LEASE_SECONDS and not self._is_missed(worker) for worker in workers)

    def _is_missed(self, worker: Worker) -> bool:
        """Whether it ran on this machine and is not there any more. Two containers of one name are wrong at worst both ways."""
        if worker.host != self._host:
            return False
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # somebody else's, and there
            return False
        return False
