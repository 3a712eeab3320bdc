"""The pace of jobs: small steps with rests between, and a part of one core in all, so that what people wait for comes first.

What counts is the CPU time of the threads that do background work, as the kernel measures it: a step that waits for a
server or a disk costs nothing, whatever it takes. Looking for work, and what somebody waits for (a file of people, a
federation's list that was asked for), is not counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config.ending import ending

CPU_SHARE = 0.1
"""Of one core, for the background work of a process: refresh of metadata, purges, seals, counts."""
CPU_BURST_SECONDS = 0.05
"""What may be taken at once after a quiet time: the few milliseconds that most runs take are not spread over seconds."""
MAX_REST_SECONDS = 0.5
RUN_SECONDS = 240.0
"""How long one run goes on at most; what is left is the next one's."""


class Budget:
    """A part of one core, shared by the threads of a process: what was taken is paid back by rests, at that rate."""

    def __init__(self, share: float = CPU_SHARE, burst: float = CPU_BURST_SECONDS) -> None:
        self._share = share
        self._burst = burst
        self._lock = threading.Lock()
        self._taken = 0.0
        self._at = time.monotonic()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what this thread does inside."""
        began = time.thread_time()
        try:
            yield
        finally:
            self._count(time.thread_time() - began)

    def rest_seconds(self) -> float:
        """How long to begin nothing new; 0 where something may begin."""
        with self._lock:
            self._pay_back()
            return max(0.0, self._taken - self._burst) / self._share

    def _count(self, seconds: float) -> None:
        with self._lock:
            self._pay_back()
            self._taken += seconds

    def _pay_back(self) -> None:
        now = time.monotonic()
        self._taken = max(0.0, self._taken - (now - self._at) * self._share)
        self._at = now


BACKGROUND = Budget()
"""That of this process."""


def in_batches(step: Callable[[], int], full: int, *, seconds: float = RUN_SECONDS, budget: Budget | None = BACKGROUND) -> int:
    """Repeat a step while it finds a whole batch, and tell how much it did in all.

    After each it rests for as long as it worked, and before each for as long as the budget says: on SQLite, where one
    transaction writes at a time, and within a process, where one thread runs at a time, most of the time is somebody else's.
    A process that is to end begins no more.

    Args:
        step: one transaction; gives how many rows it had.
        full: rows of a whole batch; one with fewer is the last.
        budget: None for what somebody waits for.
    """
    end, total = time.monotonic() + seconds, 0
    while True:
        if budget is not None and (rest := budget.rest_seconds()) and ending.wait(rest):
            return total
        began = time.monotonic()
        done = _counted_by(budget, step)
        total += done
        if done < full or time.monotonic() > end or ending.wait(min(time.monotonic() - began, MAX_REST_SECONDS)):
            return total


def _counted_by(budget: Budget | None, step: Callable[[], int]) -> int:
    if budget is None:
        return step()
    with budget.counted():
        return step()
