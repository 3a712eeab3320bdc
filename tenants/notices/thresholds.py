"""When a warning of an end is due: 60, 30, 14, 7 and 1 days before it, the nearest one alone (K3)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

DAYS = (60, 30, 14, 7, 1)
"""Before an end, the farthest first."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends.

    Args:
        subject: one of tenants.notices.models.SUBJECTS.
        subject_id: of the identity provider, or of the key.
        label: what people call it.
        lasts_on: something of the same kind goes on after this end, so that nothing stops with it.
        renewed_since: it renews itself, and this copy came then: warnings that lay before that moment are none.
    """

    tenant_id: int
    subject: str
    subject_id: str
    label: str
    ends_at: dt.datetime
    lasts_on: bool = False
    renewed_since: dt.datetime | None = None

    def days_left(self, now: dt.datetime) -> int:
        """Whole days until the end; negative where it is over."""
        return (self.ends_at - now) // dt.timedelta(days=1)


def threshold_due(ending: Ending, now: dt.datetime) -> int | None:
    """The nearest of the thresholds that have been reached; None before the first one, and after the end."""
    if ending.ends_at <= now:
        return None
    reached = [days for days in DAYS if _moment(ending, days) <= now]
    if not reached or (ending.renewed_since is not None and _moment(ending, reached[-1]) <= ending.renewed_since):
        return None
    return reached[-1]


def next_look_at(endings: tuple[Ending, ...], now: dt.datetime) -> dt.datetime | None:
    """When the next threshold of any of these is reached; None where none will be."""
    moments = (_moment(ending, days) for ending in endings for days in DAYS)
    return min((moment for moment in moments if moment > now), default=None)


def _moment(ending: Ending, days: int) -> dt.datetime:
    return ending.ends_at - dt.timedelta(days=days)
