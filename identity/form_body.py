"""The body of a form as browsers send it (application/x-www-form-urlencoded, WHATWG URL 5.1), each field as often as it came.

A response is a few thousand characters of base64, in which three characters are escaped again and again; these are replaced
all at once, where general parsers go from escape to escape.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from identity.errors import RequestInvalid

MAX_FIELDS = 20
_BASE64_ESCAPES = ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"="), (b"%2b", b"+"), (b"%2f", b"/"), (b"%3d", b"="))
"""What they stand for is no part of another escape, so the order of replacing makes no difference."""


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Names and values in order.

    Raises:
        RequestInvalid: more than MAX_FIELDS, or not UTF-8.
    """
    pairs = body.split(b"&") if body else []
    if len(pairs) > MAX_FIELDS:
        raise RequestInvalid(f"a form of {len(pairs)} fields")
    return [(_decoded(name), _decoded(value)) for name, _, value in (pair.partition(b"=") for pair in pairs)]


def _decoded(octets: bytes) -> str:
    octets = octets.replace(b"+", b" ")
    if b"%" in octets:
        for escape, character in _BASE64_ESCAPES:
            octets = octets.replace(escape, character)
        if b"%" in octets:
            octets = unquote_to_bytes(octets)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestInvalid("a form that is not UTF-8") from None
