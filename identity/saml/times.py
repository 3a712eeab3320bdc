"""Times on the wire: xs:dateTime, which SAML wants in UTC (SAML Core 1.3.3)."""

from __future__ import annotations

import datetime as dt
import functools
import re

from identity.errors import TimeInvalid

TIME_ATTRIBUTES = frozenset({"IssueInstant", "NotBefore", "NotOnOrAfter", "AuthnInstant", "SessionNotOnOrAfter"})

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)


REMEMBERED_TIMES = 64
"""Of times that were read or shown last: in one message the same few stand again and again."""
LONGEST_REMEMBERED = 64
"""Characters. A fraction may have as many digits as a message has room for, and nobody's message stays in memory."""


def read_time(text: str) -> dt.datetime:
    """Read an instant.

    Fractions of any length are cut to microseconds; an offset is converted; without a zone it is UTC, as SAML says.
    A leap second, hour 24 and years outside of 1–9999 have no datetime and are refused: no sign-in depends on them.

    Raises:
        TimeInvalid
    """
    return _read(text) if len(text) <= LONGEST_REMEMBERED else _read.__wrapped__(text)


@functools.lru_cache(maxsize=REMEMBERED_TIMES)
def _read(text: str) -> dt.datetime:
    try:
        if not _DATE_TIME.fullmatch(text):
            raise ValueError
        instant = dt.datetime.fromisoformat(text)
        return instant.astimezone(dt.UTC) if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise TimeInvalid(f"{text[:40]!r} is no time") from None


@functools.lru_cache(maxsize=REMEMBERED_TIMES)
def shown(instant: dt.datetime | None) -> str:
    """For receipts: UTC to the second."""
    return "none" if instant is None else instant.isoformat(timespec="seconds")
