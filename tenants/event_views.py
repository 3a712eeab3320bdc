"""Audit events as API, console and command line show and export them, and what they were asked for as a filter."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from typing import Any

from tenants.csv_text import csv_row
from tenants.event_records import ALL, EventFilter, EventRow, batches_of_events
from tenants.sealing.finding import seals_of
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.records import empty_seals
from tenants.sealing.refusal_records import seals_of_refusals

COLUMNS = ("id", "at", "type", "reason", "actor", "detail")
BYTE_ORDER_MARK = "\ufeff"
"""So that spreadsheets take the file for UTF-8."""
JSONL = "application/jsonl"
EXPORT_TYPES: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": JSONL, "sealed": JSONL}
EXPORT_NAMES: Mapping[str, str] = {"csv": "events.csv", "jsonl": "events.jsonl", "sealed": "events-sealed.jsonl"}


def event_document(event: EventRow) -> dict[str, Any]:
    """An audit event as it is shown."""
    return asdict(event)


def event_filter(asked: Mapping[str, Any]) -> EventFilter:
    """The filter that a query of the API, the console or the command line means."""
    return EventFilter(
        type=asked.get("type"), actor=asked.get("actor"), since=asked.get("since"), until=asked.get("until")
    )  # fmt: skip


def sealed_lines(tenant_id: int, filters: EventFilter) -> Iterator[str]:
    """An export that can be verified by itself: JSONL in which each seal stands before the first event that it holds."""
    ledger, told = tenant_ledger(tenant_id), set[int]()
    for batch in batches_of_events(tenant_id, filters):
        seals = seals_of(ledger, [event.id for event in batch])
        for event in batch:
            seal = seals.get(event.id)
            if seal is not None and seal.number not in told:
                told.add(seal.number)
                yield json.dumps({"seal": seal.whole_document()}) + "\n"
            yield _json_line(event, chain=tenant_id, seal=seal.number if seal else None)
    if filters == ALL:
        for seal in chain(empty_seals(ledger), seals_of_refusals(ledger, dt.datetime.now(dt.UTC))):
            if seal.number not in told:  # of those that hold events, the ones whose events are all removed
                yield json.dumps({"seal": seal.whole_document()}) + "\n"


def export_lines(tenant_id: int, form: str, filters: EventFilter) -> Iterator[str]:
    """An export as text, a batch of events at a time. `form`: csv, jsonl, or sealed, which is JSONL with seals."""
    if form == "sealed":
        yield from sealed_lines(tenant_id, filters)
        return
    if form == "csv":
        yield BYTE_ORDER_MARK + csv_row(COLUMNS)
    for batch in batches_of_events(tenant_id, filters):
        lines = (csv_row(_cells(event)) if form == "csv" else _json_line(event) for event in batch)
        yield "".join(lines)


def _json_line(event: EventRow, **more: int | None) -> str:
    return json.dumps(event_document(event) | {"at": event.at.isoformat()} | more, ensure_ascii=False) + "\n"


def _cells(event: EventRow) -> tuple[object, ...]:
    detail = json.dumps(event.detail, ensure_ascii=False, sort_keys=True)
    return (event.id, event.at.isoformat(), event.type, event.reason, event.actor, detail)
