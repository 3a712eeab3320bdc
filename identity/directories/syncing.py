"""Flow: a directory's people are kept as the directory has them: who is gone or off there is switched off here (G2, P8).

The directory is read to its end before anything is done, so that one that breaks off costs nobody their account. Who is back
there is not switched on again: that is an administrator's to do.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from config.database import savepoint, transaction
from config.isolation import every_tenant
from config.logs import jobs_log
from config.metrics import DIRECTORY_SYNCS
from config.sealing import KeyRing
from config.settings import Settings
from identity.directories.people_records import move_person
from identity.directories.sync_plan import KnownPerson, SeenPerson, SyncPlan, plan_of
from identity.directories.sync_records import people_of_directory, still_of_directory
from identity.directories.trusts import DirectoryTrust, trust_of
from identity.people import change_active
from identity.people_errors import EmailInUse
from identity.person_fields import PROFILE_FIELDS, FieldInvalid, clean_field, require_domain
from identity.person_records import change_profile
from tenants.audit import EventType, record
from tenants.directories.asking import asked_by_service, with_groups
from tenants.directories.claims import ClaimedDirectorySync, claim_sync, finish_sync, holds, syncs_due
from tenants.directories.door import OpenDirectory, is_supported
from tenants.directories.entries import Entry
from tenants.directories.errors import DirectoryFault, Stage
from tenants.directories.records import ManagedDirectory, find_directory_by_id
from tenants.organisations.records import organisations_of
from tenants.records import proven_domains

READ_SECONDS = 20 * 60
"""For reading a whole directory; less than the lease of a claim."""
BATCH = 100
"""People of one transaction."""
FIRST_RETRY, LAST_RETRY = dt.timedelta(minutes=5), dt.timedelta(hours=6)
MAX_CAUSE = 500
Item = TypeVar("Item")
OK, FAILED, HELD = "ok", "failed", "held"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sync went, as the row keeps it."""

    result: str
    code: str | None = None
    stage: str | None = None
    cause: str | None = None
    counts: Mapping[str, int] | None = None


def run_due_directory_syncs(
    settings: Settings, keys: KeyRing, clock: Callable[[], dt.datetime], *, ended: Callable[[], bool]
) -> int:
    """Synchronise what is due, one after the other, and tell how many that was. Each is claimed by one worker."""
    if not is_supported():
        return 0
    with every_tenant():
        due = syncs_due(clock())
    count = 0
    for tenant_id, directory_id in due:
        if ended():
            break
        with transaction():
            claimed = claim_sync(tenant_id, directory_id, clock())
        directory = find_directory_by_id(tenant_id, directory_id) if claimed else None
        if claimed and directory:
            _finish(claimed, directory, _outcome_of(claimed, directory, settings, keys, clock, ended), clock())
            count += 1
    return count


def _outcome_of(
    claimed: ClaimedDirectorySync,
    directory: ManagedDirectory,
    settings: Settings,
    keys: KeyRing,
    clock: Callable[[], dt.datetime],
    ended: Callable[[], bool],
) -> Outcome:
    # Before the directory is read: whoever comes for the first time meanwhile is not among those who could be missing.
    known = people_of_directory(directory.tenant_id, directory.id)
    trust = trust_of(directory, keys, proven_domains(directory.tenant_id), organisations_of(directory.tenant_id))
    try:
        seen, entries = _read(trust, {person.subject for person in known}, settings, ended)
    except DirectoryFault as fault:
        return Outcome(FAILED, fault.code, fault.stage.value, fault.words)
    plan = plan_of(
        known,
        seen,
        entries,
        max_percent=trust.settings.max_gone_percent,
        with_profiles=trust.settings.profile_update == "every_login",
    )
    counts = {"entries": entries, "known": len(known), "gone": len(plan.gone), "disabled": len(plan.disabled)}
    if plan.held:
        words = (
            f"{len(plan.leaving)} of {sum(person.active for person in known)} people would be switched off; nothing was done"
        )
        return Outcome(HELD, plan.held, Stage.SEARCH.value, words, counts | {"changed": 0, "moved": 0})
    changed = _apply(claimed, trust, plan, clock)
    if changed is None:
        return Outcome(FAILED, "overtaken", None, "another worker has taken this sync up", counts)
    return Outcome(OK, counts=counts | {"changed": changed, "moved": len(plan.moved)})


def _read(
    trust: DirectoryTrust, subjects: set[str], settings: Settings, ended: Callable[[], bool]
) -> tuple[dict[str, SeenPerson], int]:
    """Those of `subjects` whom the directory has now, and how many entries it has in all."""
    until, asked = time.monotonic() + READ_SECONDS, trust.settings.asked_attributes()
    found: dict[str, SeenPerson] = {}
    count = 0
    with asked_by_service(trust.account, settings) as directory:
        for entry in _entries(directory, trust.settings.everybody, asked, until, ended):
            count += 1
            subject = entry.first((trust.settings.subject_attribute,))
            if subject in subjects:
                grouped = with_groups(directory, trust.settings, entry) if trust.settings.placement else entry
                found[subject] = SeenPerson(_profile_of(trust, entry), placement=trust.placed(grouped))
        if trust.settings.disabled_filter:
            text = f"(&{trust.settings.everybody}{trust.settings.disabled_filter})"
            for entry in _entries(directory, text, [trust.settings.subject_attribute], until, ended):
                subject = entry.first((trust.settings.subject_attribute,))
                if subject in found:
                    found[subject] = replace(found[subject], enabled=False)
    return found, count


def _entries(
    directory: OpenDirectory, text: str, asked: Sequence[str], until: float, ended: Callable[[], bool]
) -> Iterator[Entry]:
    for page in directory.pages(text, asked):
        if ended():
            raise DirectoryFault(Stage.SEARCH, "interrupted", "the service ended meanwhile")
        if time.monotonic() > until:
            raise DirectoryFault(Stage.SEARCH, "timeout", f"reading everybody took more than {READ_SECONDS // 60} minutes")
        yield from page


def _profile_of(trust: DirectoryTrust, entry: Entry) -> dict[str, str | None]:
    """Fields as they may be stored; what may not be is as if it had not come."""
    profile: dict[str, str | None] = {}
    for name in PROFILE_FIELDS:
        value = entry.first(getattr(trust.settings.attribute_map, name))
        try:
            profile[name] = clean_field(name, value) if value else None
            if name == "email" and profile[name]:
                require_domain(profile[name] or "", trust.email_domains)
        except FieldInvalid:
            profile[name] = None
    return profile


def _apply(
    claimed: ClaimedDirectorySync, trust: DirectoryTrust, plan: SyncPlan, clock: Callable[[], dt.datetime]
) -> int | None:
    """Do what is planned, in small transactions; how many profiles were changed, or None where the claim has passed on."""
    actor, changed = f"directory:{trust.name}"[:200], 0
    for batch in _batches(plan.leaving):
        with transaction():
            if not holds(claimed):
                return None
            present = still_of_directory(trust.tenant_id, trust.directory_id, [person.id for person in batch])
            for person in batch:
                if person.id in present:
                    change_active(trust.tenant_id, person.id, False, actor=actor, now=clock())
    for some in _batches(plan.changed):
        with transaction():
            if not holds(claimed):
                return None
            present = still_of_directory(trust.tenant_id, trust.directory_id, [person.id for person, _ in some])
            for person, fields in some:
                changed += person.id in present and _change(trust.tenant_id, person, fields, actor, clock())
    for placed in _batches(plan.moved):
        with transaction():
            if not holds(claimed):
                return None
            present = still_of_directory(trust.tenant_id, trust.directory_id, [person.id for person, _ in placed])
            for person, placement in placed:
                if person.id in present:
                    to = placement.organisation_id
                    move_person(trust, person.id, person.organisation_id, to, placement, clock(), actor=actor)
    return changed


def _change(tenant_id: int, person: KnownPerson, fields: Mapping[str, str | None], actor: str, now: dt.datetime) -> bool:
    try:
        with savepoint():
            done = change_profile(tenant_id, person.id, fields)
    except EmailInUse:  # whose it is stays theirs (P3); the next sign-in says so
        return False
    if done:
        record(tenant_id, EventType.USER_UPDATED, at=now, actor=actor, user=person.id, fields=list(done))
    return bool(done)


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


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]
