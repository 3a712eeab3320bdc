"""How times, sizes and counts read in the console; the machine's form stands beside them in the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from identity.moments import relative_words, utc_machine, utc_words
from identity.user_agents import browser_words


def time_tag(moment: dt.datetime | None, empty: str = "never") -> Markup:
    """A moment as people read it, with its exact time for machines and on hovering."""
    if moment is None:
        return Markup('<span class="quiet">{}</span>').format(empty)
    words = relative_words(moment, dt.datetime.now(dt.UTC))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc_machine(moment), utc_words(moment), words)


def exact_time(moment: dt.datetime) -> Markup:
    """A moment to the minute, in UTC."""
    return Markup('<time datetime="{}">{}</time>').format(utc_machine(moment), utc_words(moment))


def thousands(number: int) -> str:
    """1,234,567."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 tenant, 2 tenants."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "ago": time_tag,
    "exact": exact_time,
    "moment": utc_words,
    "thousands": thousands,
    "counted": counted,
    "browser": browser_words,
}
