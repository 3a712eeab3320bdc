"""Records of audit events for those who read them; newest first, by keyset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from tenants.id_times import highest_id_until, lowest_id_since
from tenants.models import AuditEvent

EXPORT_BATCH = 1_000
"""Rows that an export holds at a time."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One audit event as it is shown."""

    id: str
    type: str
    reason: str | None
    at: dt.datetime
    actor: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; None is any. `since` is the first moment that counts, `until` the first that does not."""

    type: str | None = None
    actor: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


ALL = EventFilter()
_COLUMNS = tuple(getattr(AuditEvent, name) for name in EventRow.__dataclass_fields__)


def page_of_events(tenant_id: int, before: str | None, limit: int, filters: EventFilter = ALL) -> list[EventRow]:
    """A tenant's events, newest first, from behind the event `before` on. Ids sort by the time of their making."""
    statement = sa.select(*_COLUMNS).where(AuditEvent.tenant_id == tenant_id, *_conditions(filters))
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    return [EventRow(**row._mapping) for row in read(statement.order_by(AuditEvent.id.desc()).limit(limit))]


def find_event(tenant_id: int, event_id: str) -> EventRow | None:
    """One event."""
    row = read(sa.select(*_COLUMNS).where(AuditEvent.tenant_id == tenant_id, AuditEvent.id == event_id)).one_or_none()
    return EventRow(**row._mapping) if row else None


def batches_of_events(tenant_id: int, filters: EventFilter = ALL) -> Iterator[Sequence[EventRow]]:
    """All events that the filter lets through, newest first, a batch at a time: an export holds no more in memory.

    Events that come meanwhile stand before the first one, and stay out.
    """
    before: str | None = None
    while rows := page_of_events(tenant_id, before, EXPORT_BATCH, filters):
        yield rows
        before = rows[-1].id


def _conditions(filters: EventFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if filters.type is not None:
        # Of two filters the actor's index is the one: few do as much as happens of a type. SQLite has no statistics to see
        # that from, but takes no index for an expression; the type stands at the end of the actor's.
        kind = AuditEvent.type if filters.actor is None else AuditEvent.type.concat("")
        found.append(kind == filters.type)
    if filters.actor is not None:
        found.append(AuditEvent.actor == filters.actor)
    # Ids sort by time: they bound what is read, and the time itself decides.
    if filters.since is not None:
        found += [AuditEvent.id >= lowest_id_since(filters.since), AuditEvent.at >= filters.since]
    if filters.until is not None:
        found += [AuditEvent.id < highest_id_until(filters.until), AuditEvent.at < filters.until]
    return found
