"""Comma-separated values for people who open them in a spreadsheet: no cell is ever a formula (CWE-1236)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula, their full-width forms among them."""
TEXT_MARK = "'"
"""Put in front, it makes spreadsheets take a cell for text."""
_BEGINNING = r"(^|[;\r\n])"
"""Of a cell. Where the semicolon separates, as in much of Europe, spreadsheets take our quotes for text, and a cell may begin
behind each semicolon and line end of a value."""
_FORMULA = f"(?=[ {TEXT_MARK}]*[{re.escape(''.join(FORMULA_STARTS))}])"
"""Also where marks stand in front already, so that they can be told from ours. Blanks in front do not hide a formula."""
_UNMARKED = re.compile(_BEGINNING + _FORMULA)
_MARKED = re.compile(_BEGINNING + TEXT_MARK + _FORMULA)


def csv_row(values: Iterable[object]) -> str:
    """One line with its end (RFC 4180). None is an empty cell."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([csv_cell(value) for value in values])
    return written.getvalue()


def csv_cell(value: object) -> str:
    """A value as the text of a cell; what would be a formula is marked as text. NUL is left out, which no spreadsheet reads."""
    text = "" if value is None else str(value).replace("\x00", "")
    return _UNMARKED.sub(rf"\1{TEXT_MARK}", text)


def unmarked(cell: str) -> str:
    """What csv_cell was given: takes away the marks that it puts in front, and no other apostrophe."""
    return _MARKED.sub(r"\1", cell)
