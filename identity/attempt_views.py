"""Attempts and verdicts as API and command line show them, and what they were asked for as a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from identity.attempt_records import AttemptFilter, find_user_by_email
from identity.diagnosis import Explained, Verdict
from tenants.email_domains import normalise_email

NOBODY = "00000000-0000-0000-0000-000000000000"
"""No person has it: what an unknown e-mail address stands for."""


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
