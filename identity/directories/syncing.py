"""Flow: a directory's people are kept as the directory has them: who is gone or off there is switched off here (G2, P8).

The directory is read to its end before anything is done, so that one that breaks off costs nobody their account. Who is back
there is not switched on again: that is an administrator's to do.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from config.database import transaction
from config.isolation import every_tenant
from config.logs import jobs_log
from config.metrics import DIRECTORY_SYNCS
from config.sealing import KeyRing
from config.settings import Settings
from identity.directories.applying import apply_plan, keep_what_was_read
from identity.directories.reading import read_everybody
from identity.directories.sync_plan import KnownPerson, SeenPerson, plan_of
from identity.directories.sync_records import people_of_directory
from identity.directories.trusts import DirectoryTrust, trust_of
from tenants.audit import EventType, record
from tenants.directories.claims import ClaimedDirectorySync, claim_sync, finish_sync, syncs_due
from tenants.directories.door import is_supported
from tenants.directories.errors import DirectoryFault, Stage
from tenants.directories.records import ManagedDirectory, find_directory_by_id
from tenants.organisations.records import organisations_of
from tenants.records import proven_domains

READ_AT_ONCE = 4
"""Directories that one process reads side by side; one of a tenant, so that slow ones of one tenant hold nobody else up."""
WAIT_SECONDS = 1.0
FIRST_RETRY, LAST_RETRY = dt.timedelta(minutes=5), dt.timedelta(hours=6)
MAX_CAUSE = 500
OK, FAILED, HELD = "ok", "failed", "held"
Found = tuple[dict[str, SeenPerson], int]
"""Those who are known here, by subject, and how many entries there are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sync went, as the row keeps it."""

    result: str
    code: str | None = None
    stage: str | None = None
    cause: str | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class _Sync:
    """A sync that this process has claimed, with what reading it takes."""

    claimed: ClaimedDirectorySync
    directory: ManagedDirectory
    trust: DirectoryTrust
    known: list[KnownPerson]


def run_due_directory_syncs(
    settings: Settings, keys: KeyRing, clock: Callable[[], dt.datetime], *, ended: Callable[[], bool]
) -> int:
    """Synchronise what is due, and tell how many that was. Each is claimed by one worker.

    Directories are read side by side, each in a thread without the database; claims and results go through this one.
    """
    if not is_supported():
        return 0
    count, flying, broken = 0, dict[Future[Found], _Sync](), list[Exception]()

    def read(sync: _Sync) -> Found:
        return read_everybody(sync.trust, {person.subject for person in sync.known}, settings, ended)

    with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="directory-sync") as threads:
        while True:
            while len(flying) < READ_AT_ONCE and not ended():
                begun = _begin({sync.directory.tenant_id for sync in flying.values()}, keys, clock, broken)
                if begun is None:
                    break
                flying[threads.submit(read, begun)] = begun
            if not flying:
                break
            for future in wait(flying, WAIT_SECONDS, FIRST_COMPLETED).done:
                sync, count = flying.pop(future), count + 1
                with _apart(broken):
                    _finish(sync.claimed, sync.directory, _outcome_of(sync, future, clock), clock())
    if broken:
        raise broken[0]
    return count


@contextmanager
def _apart(broken: list[Exception]) -> Iterator[None]:
    """What goes wrong with one directory is told when the others are done; its claim passes on when the lease has run out."""
    try:
        yield
    except Exception as error:
        broken.append(error)


def _begin(
    busy: set[int], keys: KeyRing, clock: Callable[[], dt.datetime], broken: list[Exception]
) -> _Sync | None:
    """Claim one that is due, of a tenant of which none is under way here; None where there is none."""
    with every_tenant():
        due = syncs_due(clock(), but=busy)
    for tenant_id, directory_id in due:
        with transaction():
            claimed = claim_sync(tenant_id, directory_id, clock())
        directory = find_directory_by_id(tenant_id, directory_id) if claimed else None
        if not claimed or not directory:
            continue
        with _apart(broken):
            # Before the directory is read: whoever comes for the first time meanwhile is not among those who could be missing.
            known = people_of_directory(tenant_id, directory_id)
            trust = trust_of(directory, keys, proven_domains(tenant_id), organisations_of(tenant_id))
            return _Sync(claimed, directory, trust, known)
    return None


def _outcome_of(sync: _Sync, reading: Future[Found], clock: Callable[[], dt.datetime]) -> Outcome:
    trust, known = sync.trust, sync.known
    try:
        seen, entries = reading.result()
    except DirectoryFault as fault:
        return Outcome(FAILED, fault.code, fault.stage.value, fault.words)
    plan = plan_of(
        known,
        seen,
        entries,
        max_percent=trust.settings.max_gone_percent,
        with_profiles=trust.settings.profile_update == "every_login",
        may_move_from=lambda one: trust.rules.follows and trust.may_move_from(one),
    )
    counts = {"entries": entries, "known": len(known), "gone": len(plan.gone), "disabled": len(plan.disabled)}
    if plan.held:
        words = (
            f"{len(plan.leaving)} of {sum(person.active for person in known)} people would be switched off; nothing was done"
        )
        return Outcome(HELD, plan.held, Stage.SEARCH.value, words, counts | {"changed": 0, "moved": 0})
    changed = apply_plan(sync.claimed, trust, plan, clock)
    if changed is None or not keep_what_was_read(sync.claimed, trust, known, seen):
        return Outcome(FAILED, "overtaken", None, "another worker has taken this sync up", counts)
    return Outcome(OK, counts=counts | {"changed": changed, "moved": len(plan.moved)})


def _finish(claimed: ClaimedDirectorySync, directory: ManagedDirectory, outcome: Outcome, now: dt.datetime) -> None:
    failed = outcome.result != OK
    failures = directory.sync_failures + 1 if failed else 0
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
    if not failed:
        values["last_success_at"] = now
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
    DIRECTORY_SYNCS.labels(outcome.result, outcome.code or "", outcome.stage or "").inc()
    jobs_log.info(
        "directory_sync",
        tenant_id=directory.tenant_id,
        directory=directory.name,
        result=outcome.result,
        code=outcome.code,
        stage=outcome.stage,
    )


def _next(directory: ManagedDirectory, failures: int, now: dt.datetime) -> dt.datetime | None:
    """When to come again: by its interval, a tenth less by chance; after a failure sooner, doubled each time."""
    hours = directory.settings.get("sync_hours")
    if not hours:
        return None
    interval = dt.timedelta(hours=hours)
    if not failures:
        return now + interval * (1 - random.random() / 10)  # noqa: S311 so that not all are due at once; no secret
    return now + min(FIRST_RETRY * (1 << min(failures - 1, 10)), LAST_RETRY, interval)
