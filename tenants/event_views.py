"""Audit events as API, console and command line show and export them, and what they were asked for as a filter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tenants.csv_text import csv_row
from tenants.event_records import EventFilter, EventRow, batches_of_events

COLUMNS = ("id", "at", "type", "reason", "actor", "detail")
BYTE_ORDER_MARK = "\ufeff"
"""So that spreadsheets take the file for UTF-8."""
EXPORT_TYPES: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


def event_document(event: EventRow) -> dict[str, Any]:
    """An audit event as it is shown."""
    return asdict(event)


def event_filter(asked: Mapping[str, Any]) -> EventFilter:
    """The filter that a query of the API, the console or the command line means."""
    return EventFilter(
        type=asked.get("type"), actor=asked.get("actor"), since=asked.get("since"), until=asked.get("until")
    )  # fmt: skip


def export_lines(tenant_id: int, form: str, filters: EventFilter) -> Iterator[str]:
    """An export as text, a batch of events at a time. `form`: csv or jsonl."""
    if form == "csv":
        yield BYTE_ORDER_MARK + csv_row(COLUMNS)
    for batch in batches_of_events(tenant_id, filters):
        lines = (csv_row(_cells(event)) if form == "csv" else _json_line(event) for event in batch)
        yield "".join(lines)


def _json_line(event: EventRow) -> str:
    return json.dumps(event_document(event) | {"at": event.at.isoformat()}, ensure_ascii=False) + "\n"


def _cells(event: EventRow) -> tuple[object, ...]:
    detail = json.dumps(event.detail, ensure_ascii=False, sort_keys=True)
    return (event.id, event.at.isoformat(), event.type, event.reason, event.actor, detail)
