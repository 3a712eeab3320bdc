"""Comma-separated values for people who open them in a spreadsheet: no cell is ever a formula (CWE-1236)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula, their full-width forms among them."""
TEXT_MARK = "'"
"""Put in front, it makes spreadsheets take a cell for text."""


def csv_row(values: Iterable[object]) -> str:
    """One line with its end (RFC 4180). None is an empty cell."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([csv_cell(value) for value in values])
    return written.getvalue()


def csv_cell(value: object) -> str:
    """A value as the text of a cell; what would be a formula is marked as text.

    NUL is left out, which no spreadsheet reads. Blanks in front do not hide a formula.
    """
    text = "" if value is None else str(value).replace("\x00", "")
    return TEXT_MARK + text if _is_formula(text) else text


def unmarked(cell: str) -> str:
    """What csv_cell was given: takes away the mark that it puts in front, and no other apostrophe."""
    return cell[1:] if cell.startswith(TEXT_MARK) and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet might run it; also where marks stand in front already, so that they can be told from ours."""
    return text.lstrip(" " + TEXT_MARK).startswith(FORMULA_STARTS)
