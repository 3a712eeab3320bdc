"""Cells of CSV: spreadsheets read text as text, and nothing of it is lost."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.csv_text import FORMULA_STARTS, csv_cell, csv_row, unmarked


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+41 44", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", '=cmd|" /C calc"!A0', "＝1", "＠x"],
)  # fmt: skip
def test_what_would_be_a_formula_is_marked_as_text(text: str) -> None:
    """The mark stands in front; the rest is as it was."""
    assert csv_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["Ada", "a=b", "", "1-1", "Ünïcode", "🙂", None, 7, True])
def test_everything_else_stays_as_it_is(value: object) -> None:
    """Plain text is not touched; None is empty."""
    assert csv_cell(value) == ("" if value is None else str(value))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=5))
def test_a_row_reads_back_and_holds_no_formula(values: list[str]) -> None:
    """Quotes, separators and line ends survive; no cell begins like a formula; NUL alone is left out."""
    (read,) = csv.reader(io.StringIO(csv_row(values), newline=""))
    assert [unmarked(cell) for cell in read] == [value.replace("\x00", "") for value in values]
    assert not any(cell.lstrip(" ").startswith(FORMULA_STARTS) for cell in read)


@pytest.mark.parametrize(
    "text", ["=1+1", "'=1+1", "''=1", "' =1", "+44 20", "O'Brien", "'tis", "'", "", " -x", "\t1", "＝1", "a=b"]
)
def test_a_mark_is_taken_away_again_and_nothing_else(text: str) -> None:
    """What is exported comes back as it was, apostrophes of its own included."""
    assert unmarked(csv_cell(text)) == text
