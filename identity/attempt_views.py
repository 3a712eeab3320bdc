"""Attempts and verdicts as API and command line show them, and what they were asked for as a filter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from identity.attempt_records import AttemptFilter, batches_of_attempts, emails_of, find_user_by_email
from identity.diagnosis import Explained, Verdict
from tenants.csv_text import csv_row
from tenants.email_domains import normalise_email

NOBODY = "00000000-0000-0000-0000-000000000000"
"""No person has it: what an unknown e-mail address stands for."""
EXPORT_COLUMNS = ("id", "at", "code", "cause", "email", "user_id", "idp", "test", "reference", "way", "directory")
EXPORT_TYPES: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
BYTE_ORDER_MARK = "\ufeff"
"""So that spreadsheets take the file for UTF-8."""


def attempt_filter(tenant_id: int, asked: Mapping[str, Any]) -> AttemptFilter:
    """The filter that a query of the API, the console or the command line means; an unknown address is nobody's."""
    user_id = asked.get("user_id")
    if asked.get("email"):
        address = normalise_email(asked["email"].strip())
        found = find_user_by_email(tenant_id, address) if address else None
        user_id = found if found is not None and user_id in (None, found) else NOBODY
    return AttemptFilter(
        code=asked.get("code"),
        result=asked.get("result"),
        reference=asked.get("reference"),
        user_id=user_id,
        test={"true": True, "false": False}.get(asked.get("test") or ""),
        since=asked.get("since"),
        until=asked.get("until"),
    )


def export_lines(tenant_id: int, form: str, filters: AttemptFilter) -> Iterator[str]:
    """An export as text, a batch of attempts at a time, without their receipts. `form`: csv or jsonl."""
    if form == "csv":
        yield BYTE_ORDER_MARK + csv_row(EXPORT_COLUMNS)
    for batch in batches_of_attempts(tenant_id, filters):
        emails = emails_of(tenant_id, {row.user_id for row in batch if row.user_id is not None})
        rows = (asdict(row) | {"at": row.at.isoformat(), "email": emails.get(row.user_id or "")} for row in batch)
        yield "".join(_export_line(form, {name: row[name] for name in EXPORT_COLUMNS}) for row in rows)


def _export_line(form: str, row: Mapping[str, Any]) -> str:
    if form == "jsonl":
        return json.dumps(row, ensure_ascii=False) + "\n"
    return csv_row(("no", "yes")[cell] if isinstance(cell, bool) else cell for cell in row.values())


def explained_document(explained: Explained) -> dict[str, Any]:
    """An attempt with its receipt and advice."""
    found, advice = explained.found, explained.advice
    return {
        **asdict(found.attempt),
        **found.receipt,
        "advice": advice.to_document() if advice else None,
        "xml": found.xml,
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """What would become of a pasted response."""
    return {
        "code": verdict.code,
        "cause": verdict.cause,
        "pasted_as": verdict.pasted_as,
        "idp": verdict.idp,
        "would": verdict.would,
        **verdict.receipt,
        "advice": [advice.to_document() for advice in verdict.advice],
        "xml": verdict.xml,
    }
