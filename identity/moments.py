"""Moments for people: a server does not know the reader's clock, so it says UTC and how far away that is."""

from __future__ import annotations

import datetime as dt

MINUTES_OF_HOUR, HOURS_OF_DAY = 60, 24


def utc_words(moment: dt.datetime) -> str:
    """For example "24 November 2026, 21:29 UTC"."""
    moment = moment.astimezone(dt.UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def utc_machine(moment: dt.datetime) -> str:
    """For the `datetime` attribute of HTML's `<time>`: RFC 3339 in seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def relative_words(moment: dt.datetime, now: dt.datetime) -> str:
    """For example "in 7 hours", "12 minutes ago", "just now"; rounded to the nearest minute, hour or day."""
    seconds = (moment - now).total_seconds()
    minutes = round(abs(seconds) / 60)
    hours = round(minutes / MINUTES_OF_HOUR)
    if minutes == 0:
        return "in less than a minute" if seconds > 0 else "just now"
    if minutes < MINUTES_OF_HOUR:
        words = _counted(minutes, "minute")
    elif hours < HOURS_OF_DAY:
        words = _counted(hours, "hour")
    else:
        words = _counted(round(hours / HOURS_OF_DAY), "day")
    return f"in {words}" if seconds > 0 else f"{words} ago"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
