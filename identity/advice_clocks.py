"""Whose clock is off, and by how much, from the facts of a receipt (D3)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOTICEABLE = 5
"""Seconds that a network and two rounded times may account for."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True)
class Clock:
    """The identity provider's clock beside ours. `seconds`: at least so many."""

    ahead: bool
    seconds: int

    @property
    def words(self) -> str:
        """For example "The identity provider's clock is at least 3 minutes (183 seconds) ahead of ours."."""
        where = "ahead of" if self.ahead else "behind"
        return f"The identity provider's clock is at least {span_words(self.seconds)} {where} ours."


def clock_of(facts: Mapping[str, Any]) -> Clock | None:
    """What can be known: an honest message is issued after we asked and before it comes.

    A message that is dated later than it came is from a clock ahead of ours; one that is dated before we asked for it, from
    a clock behind. Within these bounds nothing can be told apart from a person who took their time.
    """
    age, asked = facts.get("issued_seconds_ago"), facts.get("asked_seconds_ago")
    if not isinstance(age, int):
        return None
    if age < -NOTICEABLE:
        return Clock(ahead=True, seconds=-age)
    if isinstance(asked, int) and age - asked > NOTICEABLE:
        return Clock(ahead=False, seconds=age - asked)
    return None


def seconds_between(later: str, earlier: str) -> int | None:
    """From the instant that one text names to that of another; None where either names none, or it is the other way round."""
    found = [_INSTANT.search(text) for text in (later, earlier)]
    if found[0] is None or found[1] is None:
        return None
    try:
        last, first = (dt.datetime.fromisoformat(match[0]) for match in found if match)
    except ValueError:
        return None
    seconds = round((last - first).total_seconds())
    return seconds if seconds >= 0 else None


def span_words(seconds: int) -> str:
    """For example "45 seconds", "3 minutes (183 seconds)", "2 days (172800 seconds)"."""
    for size, unit in _UNITS:
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'' if count == 1 else 's'} ({seconds} seconds)"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
