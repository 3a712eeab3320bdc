"""The body of a form as browsers send it (application/x-www-form-urlencoded, WHATWG URL 5.1), a field as often as it came."""

from __future__ import annotations

from urllib.parse import unquote, unquote_to_bytes

from identity.errors import RequestInvalid

MAX_FIELDS = 20


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Names and values in order.

    Raises:
        RequestInvalid: more than MAX_FIELDS, or not UTF-8.
    """
    pairs = body.split(b"&") if body else []
    if len(pairs) > MAX_FIELDS:
        raise RequestInvalid(f"a form of {len(pairs)} fields")
    return [(_decoded(name), _decoded(value)) for name, _, value in (pair.partition(b"=") for pair in pairs)]


def read_query(query: str) -> dict[str, str]:
    """An address's query, of each name the first value, as werkzeug reads it: what is no UTF-8 stays escaped."""
    fields: dict[str, str] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            fields.setdefault(_unescaped(name), _unescaped(value))
    return fields


def _unescaped(text: str) -> str:
    text = text.replace("+", " ")
    return unquote(text, errors="werkzeug.url_quote") if "%" in text else text


def _decoded(octets: bytes) -> str:
    octets = octets.replace(b"+", b" ")
    if b"%" in octets:  # of XML in base64, a few in a thousand characters: going from one to the next is the fastest
        octets = unquote_to_bytes(octets)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestInvalid("a form that is not UTF-8") from None
