"""Times on the wire."""

from __future__ import annotations

import datetime as dt

import pytest

from identity.errors import TimeInvalid
from identity.saml import times
from identity.saml.times import read_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2031-05-05T12:00:00Z", dt.datetime(2031, 5, 5, 12, tzinfo=dt.UTC)),
        ("2031-05-05T12:00:00", dt.datetime(2031, 5, 5, 12, tzinfo=dt.UTC)),
        ("2031-05-05T12:00:00.1Z", dt.datetime(2031, 5, 5, 12, 0, 0, 100_000, tzinfo=dt.UTC)),
        ("2031-05-05T12:00:00.123456789012345Z", dt.datetime(2031, 5, 5, 12, 0, 0, 123_456, tzinfo=dt.UTC)),
        ("2031-05-05T14:00:00+02:00", dt.datetime(2031, 5, 5, 12, tzinfo=dt.UTC)),
        ("2031-05-05T11:30:00.5-00:30", dt.datetime(2031, 5, 5, 12, 0, 0, 500_000, tzinfo=dt.UTC)),
        ("0001-01-01T00:00:00Z", dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
        ("9999-12-31T23:59:59Z", dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
    ],
)
def test_instants_are_read_as_utc(text: str, expected: dt.datetime) -> None:
    """Any fraction, any offset, and no zone as UTC (SAML Core 1.3.3)."""
    assert read_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2031-05-05",
        "2031-05-05 12:00:00Z",
        "20310505T120000Z",
        "2031-W19-1T12:00:00Z",
        "2031-05-05T12:00Z",
        "2031-05-05T12:00:00.Z",
        "2031-05-05T12:00:00z",
        "2031-05-05T12:00:00+0200",
        "2031-05-05T12:00:00+24:00",
        "2031-05-05T12:00:60Z",
        "2031-05-05T24:00:00Z",
        "2031-02-29T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-2031-05-05T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2031-05-05T12:00:00Z\n",
        "٢٠٣١-05-05T12:00:00Z",
        "9" * 10_000,
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Leap seconds, hour 24, years without a datetime and other spellings of ISO 8601 end in a refusal, not in a crash."""
    with pytest.raises(TimeInvalid):
        read_time(text)


def test_a_long_fraction_is_read_and_not_remembered() -> None:
    """Strangers choose what stands in a message: what is kept of it between two is short."""
    before = times._read.cache_info().currsize
    text = f"2026-11-24T12:00:00.{'1' * 5_000}Z"
    assert times.read_time(text).microsecond == 111_111
    assert times._read.cache_info().currsize == before
    assert times.read_time("2026-11-24T12:00:00Z") is times.read_time("2026-11-24T12:00:00Z")
