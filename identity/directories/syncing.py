"""Flow: a directory's people are kept as the directory has them: who is gone or off there is switched off here (G2, P8).

The directory is read to its end before anything is done, so that one that breaks off costs nobody their account. Who is back
there is not switched on again: that is an administrator's to do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from config.database import transaction
from config.isolation import every_tenant
from config.sealing import KeyRing
from identity.directories.applying import apply_plan, keep_what_was_read
from identity.directories.outcomes import FAILED, HELD, OK, Outcome, finish
from identity.directories.reading import read_everybody
from identity.directories.sync_plan import KnownPerson, SeenPerson, plan_of
from identity.directories.sync_records import people_of_directory
from identity.directories.trusts import DirectoryTrust, trust_of
from tenants.directories.claims import ClaimedDirectorySync, claim_sync, syncs_due
from tenants.directories.door import is_supported
from tenants.directories.errors import DirectoryFault, Stage
from tenants.directories.records import ManagedDirectory, find_directory_by_id
from tenants.notices.telling import NoticeMeans
from tenants.organisations.records import organisations_of
from tenants.records import proven_domains

READ_AT_ONCE = 4
"""Directories that one process reads side by side; one of a tenant, so that slow ones of one tenant hold nobody else up."""
WAIT_SECONDS = 1.0
Found = tuple[dict[str, SeenPerson], int]
"""Those who are known here, by subject, and how many entries there are."""


@dataclass(frozen=True, slots=True)
class _Sync:
    """A sync that this process has claimed, with what reading it takes."""

    claimed: ClaimedDirectorySync
    directory: ManagedDirectory
    trust: DirectoryTrust
    known: list[KnownPerson]


def run_due_directory_syncs(means: NoticeMeans, clock: Callable[[], dt.datetime], *, ended: Callable[[], bool]) -> int:
    """Synchronise what is due, and tell how many that was. Each is claimed by one worker.

    Directories are read side by side, each in a thread without the database; claims and results go through this one.
    """
    if not is_supported():
        return 0
    count, flying, broken = 0, dict[Future[Found], _Sync](), list[Exception]()

    def read(sync: _Sync) -> Found:
        return read_everybody(sync.trust, {person.subject for person in sync.known}, means.settings, ended)

    with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="directory-sync") as threads:
        while True:
            while len(flying) < READ_AT_ONCE and not ended():
                begun = _begin({sync.directory.tenant_id for sync in flying.values()}, means.keys, clock, broken)
                if begun is None:
                    break
                flying[threads.submit(read, begun)] = begun
            if not flying:
                break
            for future in wait(flying, WAIT_SECONDS, FIRST_COMPLETED).done:
                sync, count = flying.pop(future), count + 1
                with _apart(broken):
                    finish(sync.claimed, sync.directory, _outcome_of(sync, future, clock), means, clock())
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
