"""Records of audit events for those who read them; newest first, by keyset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from tenants.models import AuditEvent


@dataclass(frozen=True, slots=True)
class EventRow:
    """One audit event as it is shown."""

    id: str
    type: str
    reason: str | None
    at: dt.datetime
    actor: str
    detail: Mapping[str, Any]


_COLUMNS = tuple(getattr(AuditEvent, name) for name in EventRow.__dataclass_fields__)


def page_of_events(tenant_id: int, before: str | None, limit: int) -> list[EventRow]:
    """A tenant's events, newest first, from behind the event `before` on. Ids sort by the time of their making."""
    statement = sa.select(*_COLUMNS).where(AuditEvent.tenant_id == tenant_id)
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    return [EventRow(**row._mapping) for row in read(statement.order_by(AuditEvent.id.desc()).limit(limit))]
