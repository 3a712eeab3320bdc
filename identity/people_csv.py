"""The wire of CSV files of people: bytes to rows, or a refusal that says where and why (P7). Believes nothing of them yet."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from identity.people_errors import ImportRefused, ImportTooLarge
from tenants.csv_text import unmarked
from tenants.folding import folded

MAX_FILE = 16 * 1024 * 1024
"""Bytes: 50,000 rows of 300 and more."""
MAX_ROWS = 50_000
MAX_COLUMNS = 100
MAX_CELL = 4_096
"""Characters of one cell; the longest field of a person has 320."""
SEPARATORS = (",", ";", "\t")
SAMPLE = 65_536
"""Characters in which the first row has to end."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "user id"),
    "email": ("email", "mail", "email address", "e mail", "e mail address"),
    "username": ("username", "user name", "user", "login", "uid"),
    "first_name": ("first name", "firstname", "given name", "givenname", "forename"),
    "last_name": ("last name", "lastname", "surname", "family name", "sn"),
    "phone": ("phone", "telephone", "phone number", "telephone number", "telephonenumber"),
    "active": ("active", "enabled", "status"),
    "organisation": ("organisation", "organization", "organisation path", "organization path"),
}
_COLUMNS = {name: column for column, names in _NAMES.items() for name in names}
PASSED_OVER = frozenset({"identity provider", "directory", "name id", "created at", "last login at"})
"""Columns of our own export that nobody can set."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CSVRow:
    """One row: the number of its first line, and its cells by column; columns that are not there are not in it."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CSVPeople:
    """A file that can be read. `rows` reads on as it goes."""

    columns: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: Iterator[CSVRow]
    lines: int
    """About how many there are, for a progress bar."""


def read_people_csv(file: bytes) -> CSVPeople:
    """Read a file's form and first row; the rest is read as `rows` is gone through.

    Raises:
        ImportTooLarge, ImportRefused: the latter also from `rows`.
    """
    if len(file) > MAX_FILE:
        raise ImportTooLarge(f"{len(file)} bytes")
    text, warnings = _text_of(file)
    if "\x00" in text:
        raise ImportRefused("it holds NUL characters: it is no text, or UTF-16 without its mark")
    if not text.strip():
        raise ImportRefused("it is empty")
    said = _SEPARATOR_LINE.match(text)
    start, skipped = (said.end(), 1) if said else (0, 0)
    separator, header = _header_of(text[start : start + SAMPLE], said[1] if said else None)
    columns, more = _columns_of(header)
    lines = text.count("\n") or text.count("\r")
    rows = _rows(text[start:], separator, columns, len(header), skipped)
    known = tuple(column for column in columns if column is not None)
    return CSVPeople(known, (*warnings, *more), rows, max(1, lines))


def _text_of(file: bytes) -> tuple[str, tuple[str, ...]]:
    """A file as text: UTF-16 by its mark, UTF-8 with or without one, else what Windows writes in the West, with a warning."""
    try:
        if file.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return file.decode("utf-16"), ()
        return file.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    try:
        text = file.decode("cp1252")
    except UnicodeDecodeError:
        raise ImportRefused("its encoding is none of UTF-8, UTF-16 with a mark, Windows-1252: save it as UTF-8") from None
    return text, ("It is not UTF-8 and was read as Windows-1252: look at names with accents before you apply it.",)


def _header_of(sample: str, said: str | None) -> tuple[str, list[str]]:
    """The separator under which the first row names most columns that we know, and that row."""
    candidates = [said] if said else SEPARATORS
    found: list[tuple[int, str, list[str]]] = []
    for separator in candidates:
        try:
            row = next(csv.reader(io.StringIO(sample, newline=""), delimiter=separator, strict=True), [])
        except (csv.Error, TypeError, ValueError):
            continue
        found.append((sum(_name(cell) in _COLUMNS for cell in row), separator, row))
    if not found:
        raise ImportRefused("line 1: its quotes do not close")
    known, separator, row = max(found, key=lambda item: item[0])
    if known == 0:
        raise ImportRefused("line 1: it names no column that is known; there has to be email or id at least")
    if len(row) > MAX_COLUMNS:
        raise ImportRefused(f"line 1: it has more than {MAX_COLUMNS} columns")
    return separator, row


def _columns_of(header: Sequence[str]) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    columns: list[str | None] = []
    unknown: list[str] = []
    for cell in header:
        column = _COLUMNS.get(_name(cell))
        if column is not None and column in columns:
            raise ImportRefused(f"line 1: the column {column} stands twice")
        if column is None and cell.strip() and _name(cell) not in PASSED_OVER:
            unknown.append(cell.strip()[:40])
        columns.append(column)
    if "email" not in columns and "id" not in columns:
        raise ImportRefused("line 1: there has to be a column email or id")
    left_out = f"Columns that are not known were left out: {', '.join(unknown)[:300]}." if unknown else ""
    return tuple(columns), (left_out,) if left_out else ()


def _name(cell: str) -> str:
    """A heading as it is compared: "E-Mail", "e_mail" and "e mail" are one."""
    return folded(re.sub(r"[_\-.]+", " ", cell[:80]))


def _rows(text: str, separator: str, columns: Sequence[str | None], width: int, skipped: int) -> Iterator[CSVRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    count, line = 0, skipped
    try:
        for number, row in enumerate(reader):
            first, line = line + 1, skipped + reader.line_num
            if number == 0 or not any(cell.strip() for cell in row):
                continue
            count += 1
            if count > MAX_ROWS:
                raise ImportRefused(f"line {first}: it has more than {MAX_ROWS:,} rows")
            if len(row) > width:
                raise ImportRefused(f"line {first}: it has more cells than the first line has columns")
            if any(len(cell) > MAX_CELL for cell in row):
                raise ImportRefused(f"line {first}: a cell has more than {MAX_CELL:,} characters; is a quote left open?")
            cells = {column: unmarked(cell) for column, cell in zip(columns, row, strict=False) if column is not None}
            yield CSVRow(first, cells)
    except csv.Error as error:
        raise ImportRefused(f"line {skipped + reader.line_num}: {error}") from None
