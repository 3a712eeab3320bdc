"""Bodies and queries of the management API: strict JSON, bounded in size and depth, of text that a database can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request
from webargs.flaskparser import FlaskParser

from tenants.management_errors import BodyMalformed, FieldsInvalid, MediaTypeUnsupported

MAX_BODY = 6 * 1024 * 1024
"""Bytes: metadata of 5 MiB as a JSON string, with room for escapes."""
MAX_DEPTH = 16
MEDIA_TYPES = ("application/json", "application/merge-patch+json")
UNUSABLE_TEXT = "It contains a character that cannot be stored (NUL, or half of a surrogate pair)."


class StrictParser(FlaskParser):
    """What is not understood is refused: unknown fields and query parameters, other media types, doubtful JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": ma.RAISE, "query": ma.RAISE}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:  # noqa: ARG002 the parser's form
        """The body as JSON."""
        return read_json_body(req)

    def handle_error(self, error: ma.ValidationError, *_request: Any, **_options: Any) -> NoReturn:
        """Fields that do not fit, as our own refusal."""
        raise FieldsInvalid("validation", errors=_by_field(error.messages))


def read_json_body(request: Request) -> Any:
    """The body of a request as JSON.

    Raises:
        MediaTypeUnsupported, BodyMalformed, FieldsInvalid.
    """
    if request.mimetype not in MEDIA_TYPES:
        raise MediaTypeUnsupported(request.mimetype[:80])
    return read_json(request.get_data(cache=True))


def read_json(body: bytes) -> Any:
    """One JSON document in UTF-8, without what parsers read differently: a key given twice, NaN, Infinity.

    Raises:
        BodyMalformed: it is not such a document. FieldsInvalid: a text in it cannot be stored.
    """
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise BodyMalformed(type(error).__name__) from None
    _require_storable(document)
    return document


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold a text."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _require_storable(document: Any) -> None:
    waiting: list[tuple[Any, int, str]] = [(document, 0, "body")]
    while waiting:
        value, depth, field = waiting.pop()
        if depth > MAX_DEPTH:
            raise BodyMalformed("nested too deeply")
        if isinstance(value, str):
            if not is_storable(value):
                raise FieldsInvalid("text", errors={field: [UNUSABLE_TEXT]})
        elif isinstance(value, dict):
            for name, item in value.items():
                if not is_storable(name):
                    raise FieldsInvalid("name", errors={field: [UNUSABLE_TEXT]})
                waiting.append((item, depth + 1, name if depth == 0 else field))
        elif isinstance(value, list):
            waiting += [(item, depth + 1, field) for item in value]


def _by_field(messages: Any) -> dict[str, Any]:
    """Marshmallow's messages without the level that names the location; whole-document ones stand under `body`."""
    fields: dict[str, Any] = {}
    for located in messages.values() if isinstance(messages, Mapping) else ():
        if isinstance(located, Mapping):
            fields |= {("body" if name == "_schema" else str(name)): value for name, value in located.items()}
        else:
            fields["body"] = located
    return fields
