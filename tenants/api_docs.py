"""The API's document as a page: rendered here, with its style inside, loading nothing and running nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name("templates")
METHODS = ("get", "put", "post", "patch", "delete")

_ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_STYLE = (TEMPLATES / "api_docs.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it. Bodies and answers are names of schemas."""

    method: str
    path: str
    summary: str
    is_open: bool
    parameters: tuple[Mapping[str, Any], ...]
    body: str | None
    answers: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema as the page shows it."""

    name: str
    kind: str
    required: bool
    note: str


def docs_page(document: Mapping[str, Any]) -> Response:
    """The whole document on one page."""
    schemas = document["components"]["schemas"]
    page = _ENVIRONMENT.get_template("api_docs.html").render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        description=document["info"]["description"],
        style=_STYLE,
        tags=[(tag["description"], list(_operations_of(document, tag["name"]))) for tag in document["tags"]],
        schemas=[(name, schema.get("description", ""), list(_fields_of(schema))) for name, schema in schemas.items()],
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _operations_of(document: Mapping[str, Any], tag: str) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None or tag not in operation["tags"]:
                continue
            yield Operation(
                method=method.upper(),
                path=path,
                summary=operation.get("summary", ""),
                is_open=operation.get("security") == [],
                parameters=(*item.get("parameters", ()), *operation.get("parameters", ())),
                body=_schema_in(operation.get("requestBody")),
                answers=tuple(_answers_of(document, operation)),
            )


def _answers_of(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    shared = document["components"]["responses"]
    for status, given in sorted(operation["responses"].items()):
        answer = shared[_name_of(given["$ref"])] if "$ref" in given else given
        yield status, answer["description"], _schema_in(answer)


def _schema_in(holder: Mapping[str, Any] | None) -> str | None:
    for content in (holder or {}).get("content", {}).values():
        reference = content.get("schema", {}).get("$ref")
        if reference:
            return _name_of(reference)
    return None


def _fields_of(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, field in schema.get("properties", {}).items():
        bounds = [f"{word} {field[key]}" for key, word in _BOUNDS if key in field]
        choices = ["one of " + ", ".join(str(choice) or '""' for choice in field["enum"])] if "enum" in field else []
        note = "; ".join([*([field["description"]] if "description" in field else []), *choices, *bounds])
        yield Field(name, _kind_of(field), name in schema.get("required", ()), note)


_BOUNDS = (("minLength", "at least"), ("maxLength", "at most"), ("minimum", "from"), ("maximum", "to"), ("pattern", "form"))


def _kind_of(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return _name_of(field["$ref"])
    for key in ("oneOf", "anyOf", "allOf"):
        if key in field:
            return " or ".join(_kind_of(part) for part in field[key])
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_kind_of(field.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _name_of(reference: str) -> str:
    return reference.rpartition("/")[2]
