"""Records of what staff did that belongs to no tenant. Rows are only added; triggers in the database refuse anything else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from admin_ui.models import StaffEvent
from config.database import new_id, read, write


class StaffEventType(StrEnum):
    """Stable words; more may come, none is renamed."""

    INVITED = "staff.invited"
    INVITATION_FOLLOWED = "staff.invitation_followed"
    RESET = "staff.reset"
    ROLE_CHANGED = "staff.role_changed"
    RENAMED = "staff.renamed"
    DEACTIVATED = "staff.deactivated"
    ACTIVATED = "staff.activated"
    SIGNED_IN = "staff.signed_in"
    SIGNED_OUT = "staff.signed_out"
    SESSIONS_ENDED = "staff.sessions_ended"
    PASSWORD_CHANGED = "staff.password_changed"  # noqa: S105 a word
    TOTP_CHANGED = "staff.totp_changed"
    PASSKEY_ADDED = "staff.passkey_added"
    PASSKEY_REMOVED = "staff.passkey_removed"
    RECOVERY_CODES_MADE = "staff.recovery_codes_made"
    RECOVERY_CODE_USED = "staff.recovery_code_used"
    LOG_LEVEL_SET = "log_level.set"
    LOG_LEVEL_RESET = "log_level.reset"
    PROPERTY_CHANGED = "property.changed"


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


def record_staff(event: StaffEventType, *, at: dt.datetime, actor: str, staff_id: str | None = None, **detail: Any) -> None:
    """Add one event, in the transaction of what it tells. `detail` is JSON and holds no secrets."""
    row = {"id": new_id(), "type": event.value, "at": at, "actor": actor, "staff_id": staff_id, "detail": detail}
    write(sa.insert(StaffEvent).values(**row))


def staff_events(before: str | None, limit: int, *, staff_id: str | None = None) -> list[StaffEventView]:
    """Events, newest first, from behind `before` on: all of them, or those about one account."""
    statement = sa.select(*_VIEW)
    if staff_id is not None:
        statement = statement.where(StaffEvent.staff_id == staff_id)
    if before is not None:
        statement = statement.where(StaffEvent.id < before)
    return [StaffEventView(**row._mapping) for row in read(statement.order_by(StaffEvent.id.desc()).limit(limit))]
