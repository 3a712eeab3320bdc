"""Records of CSV imports: the file, the lines of its preview, the queue, and the one transaction that applies it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from config.looks import Look, any_row
from identity.email_addresses import who_gets_links
from identity.import_models import APPLYING, READY, WAITING, PeopleImport, PeopleImportLine
from identity.models import EmailAddress, User
from identity.people_plan import COMPARED, Known, PlannedLine
from tenants.paging import is_row_id

LEASE = dt.timedelta(seconds=120)
"""How long a worker may be silent over an import before another one takes it up."""
OPEN = (WAITING, READY, APPLYING)
READ_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ImportRow:
    """An import without its file."""

    tenant_id: int
    id: str
    state: str
    file_name: str
    file_sha256: str
    file_size: int
    fingerprint: str | None
    code: str | None
    cause: str
    warnings: Sequence[str]
    domains: Sequence[str]
    counts: Mapping[str, int]
    done: int
    total: int
    created_by: str
    created_at: dt.datetime
    applied_by: str | None
    applied_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ImportWork:
    """An import that this worker holds; only with `claim` may it go on."""

    tenant_id: int
    id: str
    claim: str


_COLUMNS = tuple(getattr(PeopleImport, name) for name in ImportRow.__dataclass_fields__)


_REQUESTED = PeopleImport.work_requested_at.is_not(None)


def _free(now: Any) -> sa.ColumnElement[bool]:
    return sa.or_(PeopleImport.claimed_until.is_(None), PeopleImport.claimed_until < now)


IMPORTS_LOOK = Look(any_row(PeopleImport, _REQUESTED, _free(sa.bindparam("now"))))


def _one(tenant_id: int, import_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (PeopleImport.tenant_id == tenant_id, PeopleImport.id == import_id)


def add_import(tenant_id: int, values: Mapping[str, Any]) -> str:
    """Put a file into the queue."""
    import_id = new_id()
    empty = {"warnings": [], "domains": [], "counts": {}, "done": 0, "total": 0, "cause": "", "state": WAITING}
    write(sa.insert(PeopleImport.__table__).values(tenant_id=tenant_id, id=import_id, **(empty | dict(values))))
    return import_id


def find_import(tenant_id: int, import_id: str) -> ImportRow | None:
    """One of a tenant's imports."""
    row = read(sa.select(*_COLUMNS).where(*_one(tenant_id, import_id))).one_or_none()
    return ImportRow(**row._mapping) if row else None


def list_imports(tenant_id: int, limit: int) -> list[ImportRow]:
    """A tenant's imports, newest first."""
    statement = sa.select(*_COLUMNS).where(PeopleImport.tenant_id == tenant_id)
    return [ImportRow(**row._mapping) for row in read(statement.order_by(PeopleImport.id.desc()).limit(limit))]


def count_open(tenant_id: int) -> int:
    """How many imports of a tenant are not over."""
    statement = sa.select(sa.func.count()).select_from(PeopleImport)
    return int(read(statement.where(PeopleImport.tenant_id == tenant_id, PeopleImport.state.in_(OPEN))).scalar_one())


def file_of(work: ImportWork) -> bytes | None:
    """The file of an import that is being worked on."""
    found: bytes | None = read(sa.select(PeopleImport.file).where(*_one(work.tenant_id, work.id))).scalar_one_or_none()
    return found


def imports_due(now: dt.datetime, limit: int) -> list[tuple[int, str]]:
    """(tenant, import) of those that wait, the oldest first; across tenants."""
    statement = sa.select(PeopleImport.tenant_id, PeopleImport.id).where(_REQUESTED, _free(now))
    rows = read(statement.order_by(PeopleImport.work_requested_at).limit(limit))
    return [(row.tenant_id, row.id) for row in rows]


def claim_import(tenant_id: int, import_id: str, now: dt.datetime) -> ImportWork | None:
    """Take an import up, or None where another worker was faster (a compare-and-set)."""
    work = ImportWork(tenant_id, import_id, new_id())
    statement = sa.update(PeopleImport).where(*_one(tenant_id, import_id), _REQUESTED, _free(now))
    claimed = write(statement.values(claim=work.claim, claimed_until=now + LEASE)).rowcount == 1
    return work if claimed else None


def hold(work: ImportWork, now: dt.datetime, **values: Any) -> bool:
    """Go on with an import that is still ours, and keep it for another while; False where it has passed to another worker."""
    statement = sa.update(PeopleImport).where(*_one(work.tenant_id, work.id), PeopleImport.claim == work.claim)
    return write(statement.values(claimed_until=now + LEASE, **values)).rowcount == 1


def finish(work: ImportWork, **values: Any) -> bool:
    """Give an import back, in the transaction of what came of it."""
    statement = sa.update(PeopleImport).where(*_one(work.tenant_id, work.id), PeopleImport.claim == work.claim)
    over = {"work_requested_at": None, "claim": None, "claimed_until": None}
    return write(statement.values(**over, **values)).rowcount == 1


def put_back(work: ImportWork, now: dt.datetime, **values: Any) -> bool:
    """Put an import into the queue again, for whoever comes first."""
    statement = sa.update(PeopleImport).where(*_one(work.tenant_id, work.id), PeopleImport.claim == work.claim)
    return write(statement.values(work_requested_at=now, claim=None, claimed_until=None, **values)).rowcount == 1


def ask_to_apply(tenant_id: int, import_id: str, fingerprint: str, actor: str, now: dt.datetime) -> bool:
    """Put a preview into the queue to be applied; False where it is another one by now, or was asked for already."""
    statement = sa.update(PeopleImport).where(
        *_one(tenant_id, import_id), PeopleImport.state == READY, PeopleImport.fingerprint == fingerprint
    )
    return write(statement.values(state=APPLYING, applied_by=actor, work_requested_at=now)).rowcount == 1


def remove_import(tenant_id: int, import_id: str) -> bool:
    """Remove an import with its lines; False while it is being applied."""
    statement = sa.delete(PeopleImport).where(*_one(tenant_id, import_id), PeopleImport.state != APPLYING)
    return write(statement).rowcount == 1


def add_lines(work: ImportWork, lines: Iterable[PlannedLine]) -> None:
    """Keep a part of a preview."""
    rows = [
        {
            "tenant_id": work.tenant_id,
            "import_id": work.id,
            "line": item.line,
            "outcome": item.outcome,
            "user_id": item.user_id,
            "before": item.before,
            "document": dict(item.document),
        }
        for item in lines
    ]
    if rows:
        write(sa.insert(PeopleImportLine.__table__), rows)


def forget_lines(tenant_id: int, import_id: str) -> None:
    """Remove a preview: another one is made, or it is over."""
    write(sa.delete(PeopleImportLine).where(PeopleImportLine.tenant_id == tenant_id, PeopleImportLine.import_id == import_id))


def page_of_lines(tenant_id: int, import_id: str, outcome: str, after: int, limit: int) -> list[PlannedLine]:
    """Lines of a preview with one outcome, from behind a line on."""
    table = PeopleImportLine
    statement = sa.select(table.line, table.outcome, table.user_id, table.before, table.document).where(
        table.tenant_id == tenant_id, table.import_id == import_id, table.outcome == outcome, table.line > after
    )
    return [PlannedLine(**row._mapping) for row in read(statement.order_by(table.line).limit(limit))]


def every_line(tenant_id: int, import_id: str, outcome: str) -> Iterator[list[PlannedLine]]:
    """All lines with one outcome, in batches."""
    after = -1
    while found := page_of_lines(tenant_id, import_id, outcome, after, READ_BATCH):
        yield found
        after = found[-1].line


def known_of(tenant_id: int, ids: Iterable[str], emails: Sequence[str], usernames: Sequence[str]) -> Known:
    """What the database says about a batch of rows."""
    owners = read(
        sa.select(EmailAddress.email, EmailAddress.tenant_id, EmailAddress.user_id).where(EmailAddress.email.in_(emails))
    ).all()
    here = {row.email: row.user_id for row in owners if row.tenant_id == tenant_id}
    people = people_of(tenant_id, {*(text for text in ids if is_row_id(text)), *here.values()})
    named = read(
        sa.select(User.username, User.id).where(User.tenant_id == tenant_id, User.username.in_(usernames)).order_by(User.id)
    )
    return Known(
        by_id=people,
        by_email={email: people[user_id] for email, user_id in here.items() if user_id in people},
        elsewhere=frozenset(row.email for row in owners if row.tenant_id != tenant_id),
        by_username={row.username: row.id for row in named},
        with_password=who_gets_links(tenant_id, people),
    )


def people_of(tenant_id: int, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """People by id, with the fields that are compared."""
    columns = (User.id, *(getattr(User, name) for name in COMPARED))
    statement = sa.select(*columns).where(User.tenant_id == tenant_id, User.id.in_(sorted(ids))).order_by(User.id)
    return {row.id: dict(row._mapping) for row in read(statement)}
