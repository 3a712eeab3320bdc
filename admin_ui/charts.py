"""Charts as numbers for the template that draws them: bars of one width, stacked, on a scale that ends at a round number.

The picture is an SVG of 100 units in height that stretches to its place; words stand beside it in HTML, so that they keep
their size. Whoever cannot see it reads the list of values in it, or the table below.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from identity.statistics import Bar

SLOT, BAR_WIDTH, HEIGHT = 10.0, 7.0, 100.0
LEAST = 1.5
"""Units of height that one refusal among thousands of sign-ins still gets: it must be seen."""
MARKS = 5


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """One bar: where its two parts are, and what they mean in words."""

    x: float
    accepted_y: float
    accepted_height: float
    refused_y: float
    refused_height: float
    label: str
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart. `scale`: from top to bottom. `marks`: words below the bars, evenly spread."""

    bars: Sequence[DrawnBar]
    scale: tuple[int, int, int]
    marks: Sequence[str]
    accepted: int
    refused: int

    @property
    def width(self) -> float:
        """Units from left to right."""
        return SLOT * len(self.bars)


def day_chart(bars: Sequence[Bar]) -> Chart:
    """A bar for each day."""
    return _chart(bars, [f"{bar.at.day} {bar.at:%B}" for bar in bars], [f"{bar.at.day} {bar.at:%b}" for bar in bars])


def hour_chart(bars: Sequence[Bar]) -> Chart:
    """A bar for each hour of a day in UTC."""
    return _chart(
        bars, [f"{bar.at:%H:%M} to {bar.at + dt.timedelta(hours=1):%H:%M}" for bar in bars], [f"{bar.at:%H}" for bar in bars]
    )


def round_above(number: int) -> int:
    """The first of 2, 4, 6, 8, 10, 20, 40 … that is not below a number: half of it is a round number too."""
    power = 1
    while True:
        for step in (2, 4, 6, 8, 10):
            if step * power >= number:
                return step * power
        power *= 10


def _chart(bars: Sequence[Bar], labels: Sequence[str], short: Sequence[str]) -> Chart:
    top = round_above(max((bar.total for bar in bars), default=0))
    last = len(bars) - 1
    return Chart(
        bars=[_drawn(place, bar, label, top) for place, (bar, label) in enumerate(zip(bars, labels, strict=True))],
        scale=(top, top // 2, 0),
        marks=[short[round(number * last / (MARKS - 1))] for number in range(MARKS)] if bars else [],
        accepted=sum(bar.accepted for bar in bars),
        refused=sum(bar.refused for bar in bars),
    )


def _drawn(place: int, bar: Bar, label: str, top: int) -> DrawnBar:
    accepted, refused = (_height(count, top) for count in (bar.accepted, bar.refused))
    accepted = min(accepted, HEIGHT - refused)
    return DrawnBar(
        x=place * SLOT + (SLOT - BAR_WIDTH) / 2,
        accepted_y=round(HEIGHT - accepted, 2),
        accepted_height=round(accepted, 2),
        refused_y=round(HEIGHT - accepted - refused, 2),
        refused_height=round(refused, 2),
        label=label,
        accepted=bar.accepted,
        refused=bar.refused,
    )


def _height(count: int, top: int) -> float:
    return max(count / top * HEIGHT, LEAST) if count else 0.0
