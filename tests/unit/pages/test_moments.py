"""Moments in words."""

from __future__ import annotations

import datetime as dt

import pytest

from identity.moments import relative_words, utc_machine, utc_words

NOW = dt.datetime(2026, 11, 24, 21, 29, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-20, "just now"),
        (20, "in less than a minute"),
        (60, "in 1 minute"),
        (-720, "12 minutes ago"),
        (3569, "in 59 minutes"),
        (3571, "in 1 hour"),
        (7 * 3600, "in 7 hours"),
        (23.4 * 3600, "in 23 hours"),
        (23.9 * 3600, "in 1 day"),
        (-10 * 86400, "10 days ago"),
    ],
)
def test_relative_words(seconds: float, words: str) -> None:
    """The nearest whole unit, never "60 minutes" or "24 hours"."""
    assert relative_words(NOW + dt.timedelta(seconds=seconds), NOW) == words


def test_the_moment_itself_is_said_in_utc() -> None:
    """Whatever zone the value came in."""
    moment = NOW.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    assert utc_words(moment) == "24 November 2026, 21:29 UTC"
    assert utc_machine(moment) == "2026-11-24T21:29:05Z"
