"""Downloads of lists: CSV for spreadsheets, JSONL for programs; streamed, so that a hundred thousand rows need no memory."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import Response, stream_with_context

from admin_ui.asked import Asked
from identity.response_headers import security_headers
from tenants import web
from tenants.audit import EventType
from tenants.csv_text import csv_row
from tenants.errors import AddressInvalid
from tenants.exporting import begin_export

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets take UTF-8 for something else."""


def download(form: str, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """Rows as a file. `form` is csv or jsonl; `name` has no extension.

    Raises:
        AddressInvalid: there is no such form.
    """
    if form not in MEDIA_TYPES:
        raise AddressInvalid(f"no form {form[:40]!r}")
    lines = _csv(columns, rows) if form == "csv" else _jsonl(columns, rows)
    return attachment(lines, MEDIA_TYPES[form], f"{name}.{form}")


def recorded(asked: Asked, event: EventType, lines: Iterator[str], *, form: str, media_type: str, name: str) -> Response:
    """What somebody takes of a tenant as a file; that it was taken is on record before its first line.

    Raises:
        RateLimited
    """
    limited = web.settings().rate_limits
    begin_export(asked.tenant.id, event, form, actor=asked.actor, now=asked.now, limited=limited)
    return attachment(lines, media_type, f"{asked.tenant.slug}-{name}")


def attachment(lines: Iterator[str], media_type: str, name: str) -> Response:
    """Lines as a file, sent as they are made."""
    response = Response(stream_with_context(lines), content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return security_headers(response)


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + csv_row(columns)
    for row in rows:
        yield csv_row(_text(row[name]) for name in columns)


def _jsonl(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps({name: row[name] for name in columns}, default=_plain, ensure_ascii=False) + "\n"


def _text(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return _plain(value) if isinstance(value, dt.datetime) else value


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
