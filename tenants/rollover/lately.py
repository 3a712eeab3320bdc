"""What this process has noted lately, so that it need not ask the database each time; lost at any time without harm."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

MAX_REMEMBERED = 10_000


class Lately:
    """What was noted of each of these, and when; the least recent ones are forgotten. Safe under threads."""

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._limit = limit
        self._noted: OrderedDict[Hashable, tuple[Hashable, dt.datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def is_due(self, key: Hashable, value: Hashable, now: dt.datetime, every: dt.timedelta) -> bool:
        """Whether it is to be noted: another value than the last time, or that is long ago. It then counts as noted."""
        with self._lock:
            noted = self._noted.get(key)
            if noted is not None and noted[0] == value and now - noted[1] < every:
                return False
            self._noted[key] = (value, now)
            self._noted.move_to_end(key)
            while len(self._noted) > self._limit:
                self._noted.popitem(last=False)
            return True

    def forget(self, key: Hashable) -> None:
        """It came to nothing: try again the next time."""
        with self._lock:
            self._noted.pop(key, None)


@dataclass(frozen=True, slots=True)
class Noted:
    """What one process remembers of readers and uses."""

    readers: Lately = field(default_factory=Lately)
    uses: Lately = field(default_factory=Lately)
