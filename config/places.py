"""A bound on how many threads of this process may wait for something slow, and how many of them for one key."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """So many places in all and for each key; who finds none is told so at once, and nobody queues. Safe under threads."""

    def __init__(self, *, in_all: int, for_each: int) -> None:
        self._in_all = in_all
        self._for_each = for_each
        self._taken: Counter[int] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, key: int) -> Iterator[bool]:
        """A place for the length of the block; False where there is none, and the block must not wait."""
        with self._lock:
            free = self._taken.total() < self._in_all and self._taken[key] < self._for_each
            if free:
                self._taken[key] += 1
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._taken[key] -= 1
                    self._taken += Counter()  # forgets keys that nobody waits for
