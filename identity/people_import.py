"""Flow: a CSV file of people is read and compared, shown, and applied whole or not at all (P7).

Reading and comparing is a job's work, in short transactions; applying is one transaction that holds what was previewed and
only that. A worker that dies leaves a claim that runs out, and another one begins again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from config.database import transaction
from config.isolation import every_tenant
from config.logs import jobs_log
from identity.deactivation import deactivate
from identity.email_addresses import let_roles_follow
from identity.import_models import APPLIED, OUTCOMES, READY, REFUSED, WAITING
from identity.import_records import (
    ImportRow,
    ImportWork,
    add_import,
    add_lines,
    ask_to_apply,
    claim_import,
    count_open,
    file_of,
    find_import,
    finish,
    forget_lines,
    hold,
    imports_due,
    known_of,
    put_back,
    remove_import,
)
from identity.import_writes import hold_places, made_ready, notice_growth, write_all, writes_of
from identity.organisations.members import end_where_moved
from identity.people_csv import CSVPeople, read_people_csv
from identity.people_errors import (
    ImportHasRefusals,
    ImportNotReady,
    ImportOutdated,
    ImportRefused,
    ImportTooLarge,
    TooManyImports,
)
from identity.people_plan import PlannedLine, Seen, clean_row, plan_rows
from tenants.audit import EventType, record
from tenants.email_domains import domain_of
from tenants.errors import ConflictingState, NotFound
from tenants.organisations.paths import OrganisationPaths, paths_of
from tenants.organisations.records import organisations_of
from tenants.records import proven_domains

MAX_OPEN = 5
"""Files of one tenant that wait at a time."""
MAX_IMPORTS_PER_RUN = 4
READ_BATCH = 500
MAX_FILE_NAME = 200
MOVED = "moved"
"""In the counts of a preview: how many of those who change would belong to another organisation."""


def start_import(tenant_id: int, file: bytes, file_name: str, *, actor: str, now: dt.datetime) -> ImportRow:
    """Take a file whose form can be read, and queue it to be compared.

    Raises:
        ImportTooLarge, ImportRefused, TooManyImports.
    """
    people = read_people_csv(file)
    if count_open(tenant_id) >= MAX_OPEN:
        raise TooManyImports(f"{MAX_OPEN} are open")
    printable = "".join(char if char.isprintable() else "_" for char in file_name)
    import_id = add_import(
        tenant_id,
        {
            "file": file,
            "file_name": printable[:MAX_FILE_NAME],
            "file_sha256": hashlib.sha256(file).hexdigest(),
            "file_size": len(file),
            "warnings": list(people.warnings),
            "total": people.lines,
            "created_by": actor,
            "created_at": now,
            "work_requested_at": now,
        },
    )
    return require_import(tenant_id, import_id)


def request_apply(
    tenant_id: int, import_id: str, *, fingerprint: str, leave_out_refused: bool, actor: str, now: dt.datetime
) -> ImportRow:
    """Say yes to a preview, named by its fingerprint.

    Raises:
        NotFound, ImportNotReady, ImportOutdated, ImportHasRefusals.
    """
    found = require_import(tenant_id, import_id)
    if found.state != READY:
        raise ImportNotReady(found.state)
    if found.fingerprint != fingerprint:
        raise ImportOutdated("another preview")
    if found.counts.get("refused") and not leave_out_refused:
        raise ImportHasRefusals("refused lines", refused=found.counts["refused"])
    if not ask_to_apply(tenant_id, import_id, fingerprint, actor, now):
        raise ImportNotReady("another was faster")
    return require_import(tenant_id, import_id)


def drop_import(tenant_id: int, import_id: str) -> None:
    """Remove an import that is not being applied. Whom it added stays."""
    require_import(tenant_id, import_id)
    if not remove_import(tenant_id, import_id):
        raise ConflictingState("it is being applied")


def require_import(tenant_id: int, import_id: str) -> ImportRow:
    """One of the tenant's imports, or NotFound."""
    found = find_import(tenant_id, import_id)
    if found is None:
        raise NotFound("no such import")
    return found


def run_due_imports(now: dt.datetime) -> int:
    """Do what waits in the queue, and tell how many that was; cheap when nothing waits."""
    with every_tenant():
        waiting = imports_due(now, MAX_IMPORTS_PER_RUN)
    return sum(run_import(tenant_id, import_id, now) for tenant_id, import_id in waiting)


def run_import(tenant_id: int, import_id: str, now: dt.datetime) -> bool:
    """Compare or apply one that waits; False where another worker has it."""
    with transaction():
        work = claim_import(tenant_id, import_id, now)
    if work is None:
        return False
    found = find_import(tenant_id, import_id)
    if found is not None and found.state == WAITING:
        _compare(work, found)
    elif found is not None:
        _apply(work, found, now)
    return True


def _compare(work: ImportWork, found: ImportRow) -> None:
    """Make the preview, a batch of lines in a transaction."""
    with transaction():
        forget_lines(work.tenant_id, work.id)
    try:
        people = read_people_csv(file_of(work) or b"")
        proven, places = proven_domains(work.tenant_id), paths_of(organisations_of(work.tenant_id))
        domains, counts = set[str](), dict.fromkeys((*OUTCOMES, MOVED), 0)
        fingerprint, done = hashlib.sha256(found.file_sha256.encode()), 0
        for lines in _planned(work, people, proven, places):
            for line in lines:
                fingerprint.update(line.octets)
                counts[line.outcome] += 1
                counts[MOVED] += line.moves
                domains |= _domains_in(line)
            done += len(lines)
            with transaction():
                if not hold(work, dt.datetime.now(dt.UTC), done=done, total=max(done, people.lines)):
                    return
                add_lines(work, lines)
    except (ImportRefused, ImportTooLarge) as refusal:
        with transaction():
            if finish(work, state=REFUSED, code=refusal.code, cause=refusal.cause, file=None):
                forget_lines(work.tenant_id, work.id)
        return
    outcome = {"counts": counts, "domains": sorted(domains), "done": done, "total": done}
    with transaction():
        finish(work, state=READY, fingerprint=fingerprint.hexdigest(), **outcome)
    jobs_log.info("people_compared", tenant_id=work.tenant_id, **counts)


def _planned(
    work: ImportWork, people: CSVPeople, proven: frozenset[str], places: OrganisationPaths
) -> Iterator[list[PlannedLine]]:
    rows, seen = (clean_row(row, places) for row in people.rows), Seen()
    while batch := list(islice(rows, READ_BATCH)):
        known = known_of(
            work.tenant_id,
            [row.user_id for row in batch if row.user_id],
            [row.values["email"] for row in batch if "email" in row.values],
            [row.values["username"] for row in batch if "username" in row.values],
        )
        yield plan_rows(batch, known, proven, seen)


def _domains_in(line: PlannedLine) -> set[str]:
    """The domains that a line's new address counts on."""
    document = line.document
    email = document.get("values", {}).get("email") or document.get("changes", {}).get("email", [None, None])[1]
    return {domain_of(email)} if email else set()


def _apply(work: ImportWork, found: ImportRow, now: dt.datetime) -> None:
    """Write all of a preview or nothing. Where something moved under it, it is compared anew and waits to be looked at."""
    try:
        writes = writes_of(found, now)
        with made_ready(writes) as ready, transaction():
            if not hold(work, dt.datetime.now(dt.UTC)):
                return
            if not proven_domains(work.tenant_id) >= set(found.domains):
                raise ImportOutdated("an e-mail domain is no longer proven")
            tree = hold_places(work.tenant_id, writes)
            write_all(writes, ready)
            actor = found.applied_by or found.created_by
            let_roles_follow(work.tenant_id, writes.readdressed, actor=actor, now=now)
            ended = end_where_moved(work.tenant_id, tree, writes.moved, now, actor=actor)
            deactivate(work.tenant_id, sorted(writes.switched_off), actor=actor, now=now, import_id=found.id)
            detail: dict[str, Any] = {"import_id": found.id, "file_sha256": found.file_sha256, **found.counts}
            detail |= {"sessions_ended": ended} if writes.moved else {}
            record(work.tenant_id, EventType.PEOPLE_IMPORTED, at=now, actor=actor, **detail)
            if not finish(work, state=APPLIED, applied_at=now, file=None):
                raise ImportOutdated("another worker has it")
    except ImportOutdated as refusal:
        with transaction():
            again = {"state": WAITING, "fingerprint": None, "applied_by": None, "done": 0}
            put_back(work, now, code=refusal.code, cause=refusal.cause, **again)
        return
    with transaction():
        notice_growth(found.counts.get("added", 0))
    jobs_log.info("people_imported", tenant_id=work.tenant_id, **found.counts)
