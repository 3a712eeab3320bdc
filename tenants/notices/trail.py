"""Where changes of notices are recorded: in the tenant's audit or in the service's, each sealed in a chain of its own."""

from __future__ import annotations

import datetime as dt

from tenants.audit import EventType, record
from tenants.notices.owners import Owner
from tenants.staff_audit import StaffEventType, record_staff


def record_change(owner: Owner, event: EventType, *, at: dt.datetime, actor: str, **detail: str) -> None:
    """Add one event, in the transaction of what it tells; both kinds have the same words."""
    if owner is None:
        record_staff(StaffEventType(event.value), at=at, actor=actor, **detail)
    else:
        record(owner, event, at=at, actor=actor, **detail)
