"""When an identity provider's metadata is to be fetched again: arithmetic without a clock, dice or a database (M2, M3).

Two dates say it. `fresh_from` is when the copy in force was known to be good, a little earlier by chance; the service's
interval counts from there, and is added when somebody asks what is due: a changed one holds at once. `due_at` is what
belongs to one identity provider: its own interval, what its metadata says of itself, or the next try after a failure.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.properties.definitions import Property

SYNC_HOURS = Property(
    "saml.metadata_sync_hours", 1, 168, 6, "hours", "How often the metadata of identity providers is fetched again."
)
JITTER = 0.1
"""Up to this part of an interval earlier: identity providers that were saved together drift apart."""
FIRST_RETRY = dt.timedelta(minutes=1)
LAST_RETRY = dt.timedelta(hours=6)
EXPIRED_RETRY = dt.timedelta(minutes=10)
"""While the copy at hand has expired nobody can sign in: it is tried at least this often."""
SHORTEST = dt.timedelta(minutes=5)
"""However short metadata says that it lives, it is not fetched more often on its word."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What sets the pace of one identity provider.

    Args:
        service_hours: the service's interval.
        own_hours: this identity provider's, where it has one.
        cache_seconds: cacheDuration, within bounds.
        valid_until: when the copy in force ends.
    """

    service_hours: int
    own_hours: int | None
    cache_seconds: int | None
    valid_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """The two dates."""

    fresh_from: dt.datetime
    due_at: dt.datetime | None


def due_after_success(pace: Pace, now: dt.datetime, draw: float) -> Due:
    """When to come again after a good fetch. `draw`: from 0 to 1, by chance."""
    fresh_from = now - JITTER * draw * dt.timedelta(hours=pace.own_hours or pace.service_hours)
    return Due(fresh_from, due_at_of(pace, fresh_from, now))


def due_at_of(pace: Pace, fresh_from: dt.datetime, fetched_at: dt.datetime) -> dt.datetime | None:
    """What one identity provider's own pace makes of when it was last fetched.

    cacheDuration shortens the interval and never lengthens it. Half of what was left until validUntil is the latest that is
    waited, so that there is time for many tries before people cannot sign in.
    """
    dates = []
    if pace.own_hours is not None:
        dates.append(fresh_from + dt.timedelta(hours=pace.own_hours))
    if pace.cache_seconds is not None:
        dates.append(fresh_from + dt.timedelta(seconds=pace.cache_seconds))
    if pace.valid_until is not None:
        dates.append(fetched_at + (pace.valid_until - fetched_at) / 2)
    return max(min(dates), fetched_at + SHORTEST) if dates else None


def retry_after(failures: int, draw: float, *, expired: bool) -> dt.timedelta:
    """How long to wait after so many failures in a row: a minute, doubled up to six hours, a quarter less by chance."""
    doubled = FIRST_RETRY * (1 << min(max(failures, 1) - 1, 20))
    longest = EXPIRED_RETRY if expired else LAST_RETRY
    return max(min(doubled, longest) * (1 - draw / 4), FIRST_RETRY)


def next_fetch_of(due: Due, service_hours: int, own_hours: int | None, failures: int) -> dt.datetime:
    """When metadata will be fetched if nothing changes; in the past: it is due."""
    by_service = due.fresh_from + dt.timedelta(hours=service_hours)
    if due.due_at is None:
        return by_service
    return due.due_at if failures or own_hours is not None else min(due.due_at, by_service)
