"""What is hashed has one form: names in the order of their UTF-16 code units, whichever way it is written."""

from __future__ import annotations

import pytest

from tenants.sealing.encoding import canonical


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": {"d": [], "c": None}}, b'{"a":{"c":null,"d":[]},"b":1}'),
        ({"Z": 1, "a": 2, "_": 3}, b'{"Z":1,"_":3,"a":2}'),
        ({"\uffee": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\uffee":1}'.encode()),
        ([{"\uffee": [{"b": 1, "a": 2}], "\U0001f600": 2}], '[{"\U0001f600":2,"\uffee":[{"a":2,"b":1}]}]'.encode()),
        ({"a": "\x7f\u00e9\ud83d"}, b'{"a":"\x7f\xc3\xa9\xed\xa0\xbd"}'),
    ],
)
def test_one_form(value: object, written: bytes) -> None:
    """In ASCII by the short way, in anything else by the long one; both as RFC 8785 has it (sections 3.2.2, 3.2.3)."""
    assert canonical(value) == written
