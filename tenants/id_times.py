"""Row ids sort by the time of their making, so a period bounds the ids that are worth reading (RFC 9562 section 5.7)."""

from __future__ import annotations

import datetime as dt

ID_MARGIN = dt.timedelta(minutes=5)
"""How far a row's own time and that of its id may be apart: a request takes a part of a second, clocks of nodes differ more."""
_LAST_MILLISECOND = 2**48 - 1


def lowest_id_since(moment: dt.datetime) -> str:
    """No row of this moment or later has an id below this one."""
    return _first_id_at(moment, -ID_MARGIN)


def highest_id_until(moment: dt.datetime) -> str:
    """No row from before this moment has this id or one above it."""
    return _first_id_at(moment, ID_MARGIN)


def _first_id_at(moment: dt.datetime, margin: dt.timedelta) -> str:
    milliseconds = int((moment.timestamp() + margin.total_seconds()) * 1000)
    text = f"{min(max(milliseconds, 0), _LAST_MILLISECOND):012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-000000000000"
