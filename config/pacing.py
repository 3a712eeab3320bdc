"""The pace of jobs: small steps with rests between, so that what people wait for always comes in between."""

from __future__ import annotations

import time
from collections.abc import Callable

from config.scheduler import ending

MAX_REST_SECONDS = 0.5
RUN_SECONDS = 240.0
"""How long one run goes on at most; what is left is the next one's."""


def in_batches(step: Callable[[], int], full: int, *, seconds: float = RUN_SECONDS) -> int:
    """Repeat a step while it finds a whole batch, and tell how much it did in all.

    After each it rests for as long as it worked: on SQLite, where one transaction writes at a time, and within a process,
    where one thread runs at a time, at least half of the time is somebody else's. A process that is to end begins no more.

    Args:
        step: one transaction; gives how many rows it had.
        full: rows of a whole batch; one with fewer is the last.
    """
    end, total = time.monotonic() + seconds, 0
    while True:
        began = time.monotonic()
        done = step()
        total += done
        if done < full or time.monotonic() > end:
            return total
        if ending.wait(min(time.monotonic() - began, MAX_REST_SECONDS)):
            return total
