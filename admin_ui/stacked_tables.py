"""Tables that stand as cards in a narrow window: each cell carries its column's name, which the stylesheet shows beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

_HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_BEGINNING = re.compile(r"<(table|tr|td)\b")
_HIDDEN = re.compile(r'<span class="hidden-words">.*?</span>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def stacked(table: Markup) -> Markup:
    """A table of a template, its cells named after their columns.

    What came from outside cannot pass for a tag here: templates escape it, in attributes too.

    Args:
        table: one table with a head and a body, whose cells span one column each.
    """
    head, end, body = str(table).partition("</thead>")
    names = [_name_of(heading) for heading in _HEADING.findall(head)]
    return Markup(_BEGINNING.sub("<table data-stacked", head, count=1) + end + _with_names(body, names))  # noqa: S704 - was Markup


def _name_of(heading: str) -> str:
    """Its words, still escaped; "" for a column that only a screen reader is told the name of."""
    return _TAG.sub("", _HIDDEN.sub("", heading)).strip().replace('"', "&#34;")


def _with_names(body: str, names: Sequence[str]) -> str:
    column = 0

    def begun(found: re.Match[str]) -> str:
        nonlocal column
        if found[1] == "tr":
            column = 0
            return found[0]
        column += 1
        return f'{found[0]} data-column="{names[column - 1]}"'

    return _BEGINNING.sub(begun, body)
