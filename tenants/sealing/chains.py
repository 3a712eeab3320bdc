"""Flow: what API and console ask of a tenant's chain: how it stands, and that a part of it be verified."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from config.database import transaction
from tenants.rates import Rate, require_rate
from tenants.sealing.errors import AnchorInvalid
from tenants.sealing.examination import examine
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.records import head_of, waiting_count, waiting_ids
from tenants.sealing.reports import Report
from tenants.sealing.sealer import age_of
from tenants.sealing.seals import Seal, read_anchor
from tenants.sealing.signing import SealKeys

SEALS_OF_A_PART = 40
"""Seals that one request has verified: 20,000 events, about a second. The answer says where the next one goes on."""
MOST_WAITING = 10_000
"""Waiting events are counted up to here."""
VERIFICATIONS = Rate("verify_seals", per_minute=12, burst=12)
"""For each tenant: a chain of a million events takes fifty parts, and whoever has so many has a shell."""


@dataclass(frozen=True, slots=True)
class ChainState:
    """How a chain stands. `waiting` is at most MOST_WAITING; `oldest_seconds` is the age of the one that waits longest."""

    head: Seal | None
    waiting: int
    oldest_seconds: int | None


def chain_state(tenant_id: int, now: dt.datetime) -> ChainState:
    """The newest seal of a tenant, and what is not sealed yet."""
    ledger = tenant_ledger(tenant_id)
    oldest = waiting_ids(ledger, 1)
    seconds = max(0, int(age_of(oldest[0], now))) if oldest else None
    return ChainState(head_of(ledger), waiting_count(ledger, MOST_WAITING), seconds)


def verify_part(tenant_id: int, keys: SealKeys, since: str | None, now: dt.datetime, *, limited: bool) -> Report:
    """Verify a part of a tenant's chain, from an anchor on or from its beginning.

    Raises:
        AnchorInvalid. RateLimited: too many were asked for.
    """
    anchor = read_anchor(since) if since else None
    if anchor is not None and anchor.chain != tenant_id:
        raise AnchorInvalid("an anchor of another chain")
    if limited:
        with transaction():
            require_rate(tenant_id, VERIFICATIONS, now)
    return examine(tenant_ledger(tenant_id), keys, since=anchor, most_seals=SEALS_OF_A_PART)


def report_document(report: Report) -> dict[str, Any]:
    """A report as the API answers it."""
    return {
        "intact": report.is_intact,
        "faults": report.faults,
        "findings": [
            {"fault": found.fault.value, "seal": found.seal, "event": found.event_id, "cause": found.cause}
            for found in report.findings
        ],
        "seals": report.seals,
        "events": report.events,
        "waiting": report.waiting,
        "removed": report.removed,
        "anchor": str(report.head) if report.head else None,
        "next": str(report.next) if report.next else None,
    }
