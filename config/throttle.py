"""A bound on how often something is done for one key, in this process: a bucket that fills again with time."""

from __future__ import annotations

import threading
from collections import OrderedDict


class Throttle:
    """Lets `burst` calls through at once and `per_minute` in the long run, for each key; safe under threads.

    At most `keys` buckets are kept. One that is forgotten is full again, so keys must not be a stranger's to choose.
    """

    def __init__(self, *, per_minute: float, burst: int, keys: int = 10_000) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._keys = keys
        self._buckets: OrderedDict[int | str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def lets_through(self, key: int | str, at: float) -> bool:
        """Whether one more may happen now.

        Args:
            at: seconds of a clock that never goes back.
        """
        with self._lock:
            left, since = self._buckets.pop(key, (float(self._burst), at))
            left = min(self._burst, left + (at - since) * self._per_second)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, at)
            while len(self._buckets) > self._keys:
                self._buckets.popitem(last=False)
            return allowed
