"""Audit of the service itself: what staff did that belongs to no tenant (L2). Rows are only added; triggers refuse the rest."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from config.database import new_id, write
from tenants.staff_event_models import StaffEvent


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
    NOTICE_TESTED = "notice.tested"
    NOTICE_CONTACT_ADDED = "notice_contact.added"
    NOTICE_CONTACT_REMOVED = "notice_contact.removed"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_REMOVED = "webhook.removed"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 a word
    SECRETS_RESEALED = "secrets.resealed"
    CHAIN_ADOPTED = "audit_chain.adopted"


def record_staff(event: StaffEventType, *, at: dt.datetime, actor: str, staff_id: str | None = None, **detail: Any) -> None:
    """Add one event, in the transaction of what it tells. `detail` is JSON and holds no secrets."""
    row = {"id": new_id(), "type": event.value, "at": at, "actor": actor, "staff_id": staff_id, "detail": detail}
    write(sa.insert(StaffEvent).values(**row))
