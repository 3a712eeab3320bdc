"""CSV files of people on the wire: what is read, what is refused, and what it says."""

from __future__ import annotations

import pytest

from identity.people_csv import MAX_FILE, CSVPeople, read_people_csv
from identity.people_errors import ImportRefused, ImportTooLarge

TABLE = "email,first_name\nada@acme.test,Zoë\n"


def cells(file: bytes) -> list[dict[str, str]]:
    """All rows as columns and cells."""
    return [dict(row.cells) for row in read_people_csv(file).rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    """UTF-8 with and without its mark, UTF-16 with one, Windows-1252 with a warning."""
    people = read_people_csv(TABLE.encode(encoding))
    assert [dict(row.cells) for row in people.rows] == [{"email": "ada@acme.test", "first_name": "Zoë"}]
    assert bool(people.warnings) == (encoding == "cp1252")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_ends_of_lines(separator: str, end: str) -> None:
    """Found by the first line, whatever stands in the others."""
    lines = (f"E-Mail{separator}Given Name", f'ada@acme.test{separator}"a, b; c"')
    assert cells(end.join(lines).encode()) == [{"email": "ada@acme.test", "first_name": "a, b; c"}]


def test_a_spreadsheets_own_separator_line() -> None:
    """`sep=;` is no row, and line numbers count it."""
    people = read_people_csv(b"sep=;\r\nemail;phone\r\nada@acme.test;'+44\r\n")
    assert [(row.line, dict(row.cells)) for row in people.rows] == [(3, {"email": "ada@acme.test", "phone": "+44"})]


def test_quotes_lines_in_cells_and_blank_lines() -> None:
    """A row is told by the number of its first line."""
    file = b'email,first_name\n"a@acme.test","one\ntwo"\n\n , \nb@acme.test,"say ""hi"""\n'
    rows = [(row.line, row.cells["first_name"]) for row in read_people_csv(file).rows]
    assert rows == [(2, "one\ntwo"), (6, 'say "hi"')]


def test_unknown_columns_are_told_and_our_own_passed_over() -> None:
    """An export is read without a warning."""
    people = read_people_csv(b"id,email,identity_provider,name_id,created_at,last_login_at,shoe size\n")
    assert (people.columns, len(people.warnings)) == (("id", "email"), 1)
    assert "shoe size" in people.warnings[0]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "empty"),
        (b" \r\n \r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"a\x00b,email\n", "NUL"),
        ("email\nada@acme.test\n".encode("utf-16-le"), "NUL"),
        (b"email\n\x81\x8d\n", "encoding"),
        (b"\xff\xfee", "no column that is known"),
        (b"\x89PNG\r\n\x1a\n\x00", "NUL"),
        (b"name,street\nAda,1\n", "no column that is known"),
        (b"phone\n1\n", "email or id"),
        (b"email,mail\na,b\n", "stands twice"),
        (b'email,"first\n', "no column that is known"),
        (b"email," + b"x," * 10_000 + b"\n", "100 columns"),
        (b"email\n" + b'"' + b"x" * 5_000 + b'"\n', "4,096"),
        (b"email\n" + b'"' + b"x" * 200_000 + b'"\n', "field larger"),
        (b'email\n"x" y\n', "line 2"),
        (b"email\na@acme.test,b,c\n", "more cells"),
        (b"email\n" + b"a@acme.test\n" * 50_001, "50,000 rows"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(file: bytes, why: str) -> None:
    """At once, or when the row comes."""
    with pytest.raises(ImportRefused, match=why):
        list(_rows(read_people_csv(file)))


def test_a_file_has_a_size() -> None:
    """Nothing of a larger one is looked at."""
    with pytest.raises(ImportTooLarge):
        read_people_csv(b"email\n" + b" " * MAX_FILE)


def _rows(people: CSVPeople) -> list[object]:
    return list(people.rows)
