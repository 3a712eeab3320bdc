"""The body of a form, held against the standard library's reading."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import RequestInvalid
from identity.form_body import MAX_FIELDS, read_form


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=MAX_FIELDS))
def test_what_browsers_write_is_read(pairs: list[tuple[str, str]]) -> None:
    """Any names and values, in order, and each as often as it came."""
    pairs = [(_valid(name), _valid(value)) for name, value in pairs]
    assert read_form(urlencode(pairs).encode()) == pairs


@given(st.text(alphabet="%2BbFf3Dd+/=5aA&", max_size=40))
def test_broken_escapes_are_read_as_everybody_reads_them(body: str) -> None:
    """No chain of escapes gives anything else than the standard library's one pass."""
    try:
        expected = parse_qsl(body, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(RequestInvalid):
            read_form(body.encode())
        return
    assert [pair for pair in read_form(body.encode()) if pair != ("", "")] == [p for p in expected if p != ("", "")]


def test_a_form_is_bounded_and_utf8() -> None:
    """Too many fields, and octets that are no text, are refused."""
    with pytest.raises(RequestInvalid):
        read_form(b"&".join([b"a=b"] * (MAX_FIELDS + 1)))
    with pytest.raises(RequestInvalid):
        read_form(b"a=%ff")
    assert read_form(b"") == []


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
