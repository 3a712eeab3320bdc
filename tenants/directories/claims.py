"""Records of synchronising: which directory is due, who has claimed it, and how it went.

A claim is a lease with a fencing token, as that of metadata (tenants.refresh.records): whoever comes back after it has
passed to somebody else finds another token in the row, and changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from config.looks import Look, any_row
from tenants.directories.models import Directory
from tenants.models import DELETED, SUSPENDED, Tenant

ASK_INTERVAL = dt.timedelta(seconds=60)
"""One directory is synchronised at most once in this time because somebody asked."""
LEASE = dt.timedelta(minutes=30)
"""How long a sync may take before another worker begins it anew; one that lasts this long has failed."""
CANDIDATES = 16
CLAIM_VOID: Mapping[str, None] = {"sync_claim": None, "sync_claimed_until": None}
"""Columns by which whoever changes a directory takes the claim from a sync under way."""
# Not IN: its list is written at each execution, and the look at all queues is compiled once (config.looks).
_LIVING = sa.exists().where(Tenant.id == Directory.tenant_id, Tenant.state != DELETED, Tenant.state != SUSPENDED)


def _due(now: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Directory.deleted_at.is_(None),
        Directory.enabled.is_(True),
        sa.or_(Directory.sync_requested_at.is_not(None), Directory.sync_due_at <= now),
        sa.or_(Directory.sync_claimed_until.is_(None), Directory.sync_claimed_until < now),
        _LIVING,
    )


DIRECTORIES_LOOK = Look(any_row(Directory, *_due(sa.bindparam("now"))))


@dataclass(frozen=True, slots=True)
class ClaimedDirectorySync:
    """A sync that this worker holds. `asked`: somebody wanted it now."""

    tenant_id: int
    directory_id: str
    claim: str
    asked: bool


def request_sync(tenant_id: int, directory_id: str, now: dt.datetime) -> bool:
    """Put a sync into the queue; False within the minute of the last one (a compare-and-set: two at once get one)."""
    lately = sa.or_(Directory.sync_asked_at.is_(None), Directory.sync_asked_at <= now - ASK_INTERVAL)
    statement = sa.update(Directory).where(Directory.tenant_id == tenant_id, Directory.id == directory_id, lately)
    return write(statement.values(sync_asked_at=now, sync_requested_at=now)).rowcount == 1


def syncs_due(now: dt.datetime, *, but: Collection[int] = ()) -> list[tuple[int, str]]:
    """Directories that are due, of all tenants but some; those that somebody asked for first."""
    statement = (
        sa.select(Directory.tenant_id, Directory.id)
        .where(*_due(now), Directory.tenant_id.not_in(but))
        .order_by(Directory.sync_requested_at.is_(None), Directory.sync_due_at)
        .limit(CANDIDATES)
    )
    return [(row.tenant_id, row.id) for row in read(statement)]


def claim_sync(tenant_id: int, directory_id: str, now: dt.datetime) -> ClaimedDirectorySync | None:
    """Take one up, inside a transaction; None where somebody else has, or it is not due any more."""
    claim = new_id()
    statement = (
        sa.update(Directory)
        .where(Directory.tenant_id == tenant_id, Directory.id == directory_id, *_due(now))
        .values(sync_claim=claim, sync_claimed_until=now + LEASE)
        .returning(Directory.sync_requested_at)
    )
    row = write(statement).one_or_none()
    return ClaimedDirectorySync(tenant_id, directory_id, claim, row.sync_requested_at is not None) if row else None


def holds(sync: ClaimedDirectorySync) -> bool:
    """Whether the claim is still this worker's; inside a transaction that nobody else can take it in meanwhile."""
    statement = sa.update(Directory).where(*_own(sync)).values(sync_claim=sync.claim)
    return write(statement).rowcount == 1


def finish_sync(sync: ClaimedDirectorySync, values: Mapping[str, Any]) -> bool:
    """Give the claim back and keep how it went; False where it has passed on."""
    freed = {"sync_claim": None, "sync_claimed_until": None, "sync_requested_at": None}
    return write(sa.update(Directory).where(*_own(sync)).values(**freed, **values)).rowcount == 1


def _own(sync: ClaimedDirectorySync) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Directory.tenant_id == sync.tenant_id,
        Directory.id == sync.directory_id,
        Directory.sync_claim == sync.claim,
        Directory.deleted_at.is_(None),
    )
