"""Records: what staff did that belongs to no tenant, looked at (tenants.staff_audit adds it)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from tenants.staff_event_models import StaffEvent


@dataclass(frozen=True, slots=True)
class StaffEventView:
    """One event."""

    id: str
    type: str
    at: dt.datetime
    actor: str
    staff_id: str | None
    detail: Mapping[str, Any]


_VIEW = tuple(getattr(StaffEvent, name) for name in StaffEventView.__dataclass_fields__)


def staff_events(before: str | None, limit: int, *, staff_id: str | None = None) -> list[StaffEventView]:
    """Events, newest first, from behind `before` on: all of them, or those about one account."""
    statement = sa.select(*_VIEW)
    if staff_id is not None:
        statement = statement.where(StaffEvent.staff_id == staff_id)
    if before is not None:
        statement = statement.where(StaffEvent.id < before)
    return [StaffEventView(**row._mapping) for row in read(statement.order_by(StaffEvent.id.desc()).limit(limit))]
