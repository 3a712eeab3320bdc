"""Flow: how a sync of a directory went is kept, put on record, and told where somebody has to look (G2)."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.database import transaction
from config.logs import jobs_log
from config.metrics import DIRECTORY_SYNCS
from tenants.audit import EventType, record
from tenants.directories.claims import ClaimedDirectorySync, finish_sync
from tenants.directories.records import ManagedDirectory
from tenants.errors import RateLimited
from tenants.notices.letters import Letter
from tenants.notices.telling import NoticeMeans, tell_everybody
from tenants.rates import Rate, require_rate
from tenants.tenant_records import find_managed_tenant_by_id

OK, FAILED, HELD = "ok", "failed", "held"
FIRST_RETRY, LAST_RETRY = dt.timedelta(minutes=5), dt.timedelta(hours=6)
MAX_CAUSE = 500
HELD_EVENT = "directory.sync_held"
TOLD = Rate("held_directory", per_minute=1 / 1440, burst=1)
"""Of one directory: whoever has to look is reminded, and not flooded by one that is held at each of its syncs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sync went, as the row keeps it."""

    result: str
    code: str | None = None
    stage: str | None = None
    cause: str | None = None
    counts: Mapping[str, int] | None = None


def finish(
    claimed: ClaimedDirectorySync, directory: ManagedDirectory, outcome: Outcome, means: NoticeMeans, now: dt.datetime
) -> None:
    """Give the claim back and keep how it went; whoever looks after the tenant is told of one that was held."""
    failed = outcome.result != OK
    values = _values_of(directory, outcome, now)
    facts: dict[str, Any] = {"directory": directory.name, "counts": dict(outcome.counts or {})}
    news = failed and (directory.sync_failures == 0 or directory.last_sync_code != outcome.code)
    done = outcome.counts and any(outcome.counts.get(name) for name in ("gone", "disabled", "changed", "moved"))
    with transaction():
        if not finish_sync(claimed, values):
            jobs_log.warning("directory_sync_overtaken", tenant_id=directory.tenant_id, directory=directory.name)
            return
        if failed and (news or claimed.asked):
            facts |= {"stage": outcome.stage, "cause": outcome.cause}
            event = EventType.DIRECTORY_SYNC_FAILED
            record(directory.tenant_id, event, at=now, actor="sync", reason=outcome.code, **facts)
        elif not failed and (done or claimed.asked or directory.sync_failures):
            record(directory.tenant_id, EventType.DIRECTORY_SYNCED, at=now, actor="sync", **facts)
        if outcome.result == HELD:
            _tell_of_held(directory, outcome, means, now)
    DIRECTORY_SYNCS.labels(outcome.result, outcome.code or "", outcome.stage or "").inc()
    jobs_log.info(
        "directory_sync",
        tenant_id=directory.tenant_id,
        directory=directory.name,
        result=outcome.result,
        code=outcome.code,
        stage=outcome.stage,
    )


def _values_of(directory: ManagedDirectory, outcome: Outcome, now: dt.datetime) -> dict[str, Any]:
    failures = directory.sync_failures + 1 if outcome.result != OK else 0
    values: dict[str, Any] = {
        "last_sync_at": now,
        "last_sync_result": outcome.result,
        "last_sync_code": outcome.code,
        "last_sync_stage": outcome.stage,
        "last_sync_cause": outcome.cause and outcome.cause[:MAX_CAUSE],
        "last_sync_counts": dict(outcome.counts) if outcome.counts is not None else None,
        "sync_failures": failures,
        "sync_due_at": _next(directory, failures, now),
    }
    return values | ({"last_success_at": now} if not failures else {})


def _next(directory: ManagedDirectory, failures: int, now: dt.datetime) -> dt.datetime | None:
    """When to come again: by its interval, a tenth less by chance; after a failure sooner, doubled each time."""
    hours = directory.settings.get("sync_hours")
    if not hours:
        return None
    interval = dt.timedelta(hours=hours)
    if not failures:
        return now + interval * (1 - random.random() / 10)  # noqa: S311 so that not all are due at once; no secret
    return now + min(FIRST_RETRY * (1 << min(failures - 1, 10)), LAST_RETRY, interval)


def _tell_of_held(directory: ManagedDirectory, outcome: Outcome, means: NoticeMeans, now: dt.datetime) -> None:
    """By mail and webhook, inside the transaction: until somebody has looked, whoever has left there may still come in here."""
    tenant = find_managed_tenant_by_id(directory.tenant_id)
    if tenant is None:
        return
    what = f"held:{directory.id.replace('-', '')}"
    try:
        require_rate(tenant.id, replace(TOLD, what=what), now)
    except RateLimited:
        return
    counts = dict(outcome.counts or {})
    document = {"directory": directory.name, "code": outcome.code, "cause": outcome.cause, "counts": counts}
    page = f"/directories/{directory.name}"
    tell_everybody(
        tenant, page, HELD_EVENT, lambda address: held_letter(tenant.name, directory, outcome, address), document, means, now
    )


def held_letter(tenant: str, directory: ManagedDirectory, outcome: Outcome, address: str) -> Letter:
    """Tells that a directory gave too few people to be believed."""
    return Letter(
        f"{tenant}: a comparison with {directory.display_name} was held back",
        (
            f"The last comparison of {tenant}'s people with {directory.display_name} was held back: {outcome.cause}.",
            "Nobody was switched off: whoever has left there keeps their open sessions here until somebody has looked.",
            "See whether its base and filter are right, and whether it answers whole.",
            "If these people have really left, raise the share for one comparison.",
            "This comes once a day as long as comparisons are held back.",
        ),
        ("See it in the console", address),
    )
