"""When metadata is due: whatever the interval, the metadata and the dice say, the dates stay within their bounds."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from tenants.refresh.schedule import (
    EXPIRED_RETRY,
    FIRST_RETRY,
    JITTER,
    LAST_RETRY,
    SHORTEST,
    SYNC_HOURS,
    Pace,
    due_after_success,
    next_fetch_of,
    retry_after,
)

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
HOURS = st.integers(SYNC_HOURS.lowest, SYNC_HOURS.highest)
DRAW = st.floats(0, 1, allow_nan=False)
PACES = st.builds(
    Pace,
    service_hours=HOURS,
    own_hours=st.none() | HOURS,
    cache_seconds=st.none() | st.integers(3600, 30 * 86_400),
    valid_until=st.none() | st.timedeltas(dt.timedelta(seconds=1), dt.timedelta(days=400)).map(lambda time: NOW + time),
)


@given(st.integers(1, 10_000), DRAW, st.booleans())
def test_back_off_stays_between_a_minute_and_six_hours(failures: int, draw: float, expired: bool) -> None:
    """It doubles, a quarter less by chance at most, and is never longer than ten minutes while nobody can sign in."""
    wait = retry_after(failures, draw, expired=expired)
    most = min(FIRST_RETRY * 2 ** min(failures - 1, 20), EXPIRED_RETRY if expired else LAST_RETRY)
    assert FIRST_RETRY <= wait <= most
    assert wait >= most * 0.75


@given(st.integers(1, 40), DRAW)
def test_back_off_never_shrinks_with_the_same_luck(failures: int, draw: float) -> None:
    """One more failure is never tried sooner."""
    assert retry_after(failures, draw, expired=False) <= retry_after(failures + 1, draw, expired=False)


@given(PACES, DRAW)
def test_a_good_copy_is_fetched_again_in_time(pace: Pace, draw: float) -> None:
    """Not before five minutes, by the interval at the latest, and half-way to validUntil where that leaves five minutes."""
    due = due_after_success(pace, NOW, draw)
    following = next_fetch_of(due, pace.service_hours, pace.own_hours, 0)
    interval = dt.timedelta(hours=pace.own_hours or pace.service_hours)
    assert NOW + SHORTEST <= following <= NOW + interval
    if pace.valid_until is not None:
        assert following <= max(NOW + (pace.valid_until - NOW) / 2, NOW + SHORTEST)
    if pace.cache_seconds is not None:
        assert following <= NOW + dt.timedelta(seconds=pace.cache_seconds)
    if pace.cache_seconds is None and pace.valid_until is None:
        assert following >= NOW + interval * (1 - JITTER) - dt.timedelta(seconds=1)


@given(PACES, DRAW, HOURS)
def test_a_changed_service_interval_holds_for_what_was_fetched_before(pace: Pace, draw: float, changed: int) -> None:
    """No stored date has to be rewritten; one with an interval of its own does not follow."""
    due = due_after_success(pace, NOW, draw)
    following = next_fetch_of(due, changed, pace.own_hours, 0)
    if pace.own_hours is None:
        assert following <= due.fresh_from + dt.timedelta(hours=changed)
    else:
        assert following == next_fetch_of(due, pace.service_hours, pace.own_hours, 0)
