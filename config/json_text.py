"""JSON as text, by encoders that are made once: `json.dumps` makes one for each call, longer work than most values are."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder as parts
from typing import Any


def json_writer(*, item_separator: str = ", ", key_separator: str = ": ") -> Callable[[Any], str]:
    """A function like `json.dumps` with these separators: ASCII alone, names of members in their own order.

    Values that hold themselves are not looked for: what is written here was read from a document, or is made for it.

    Raises:
        TypeError, by the function: a value that JSON has no form for.
    """
    usual = json.JSONEncoder(separators=(item_separator, key_separator))
    make = getattr(parts, "c_make_encoder", None)
    if make is None:  # a Python whose standard library has no C in it
        return usual.encode
    marks = (None, usual.default, parts.encode_basestring_ascii, None, key_separator, item_separator)
    pieces: Callable[[Any, int], tuple[str, ...]] = make(*marks, False, False, True)

    def write(value: Any) -> str:
        return "".join(pieces(value, 0))

    return write


compact_json = json_writer(item_separator=",", key_separator=":")
plain_json = json_writer()
