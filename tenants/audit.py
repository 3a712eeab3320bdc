"""Audit: what happened at a tenant, for ever (L2). Rows are only added; triggers in the database refuse anything else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from config.database import new_id
from config.logs import audit_log, says_debug
from config.statements import Prepared
from tenants.models import AuditEvent

MAX_DETAIL_TEXT = 500
SIGN_IN = "sign-in"

_INSERT = Prepared(sa.insert(AuditEvent.__table__))


class EventType(StrEnum):
    """Stable words; more may come, none is renamed."""

    TENANT_CREATED = "tenant.created"
    TENANT_CHANGED = "tenant.changed"
    TENANT_SUSPENDED = "tenant.suspended"
    TENANT_ACTIVATED = "tenant.activated"
    TENANT_DELETED = "tenant.deleted"
    TENANT_ERASED = "tenant.erased"
    LOGO_CHANGED = "logo.changed"
    LOGO_REMOVED = "logo.removed"
    EMAIL_DOMAINS_CHANGED = "email_domains.changed"
    EMAIL_DOMAIN_PROVEN = "email_domain.proven"
    SETUP_LINK_ISSUED = "setup_link.issued"
    SETUP_LINK_MAILED = "setup_link.mailed"
    SETUP_LINK_CLAIMED = "setup_link.claimed"
    SETUP_LINK_RELEASED = "setup_link.released"
    SETUP_LINK_REVOKED = "setup_link.revoked"
    SETUP_LINK_COMPLETED = "setup_link.completed"
    ONBOARDING_CHANGED = "onboarding.changed"
    IDENTITY_PROVIDER_CREATED = "identity_provider.created"
    IDENTITY_PROVIDER_CHANGED = "identity_provider.changed"
    IDENTITY_PROVIDER_DELETED = "identity_provider.deleted"
    PLACEMENT_CHANGED = "placement.changed"
    SAML_SETTINGS_CHANGED = "saml_settings.changed"
    SAML_SETTINGS_DRAFT_SAVED = "saml_settings.draft_saved"
    SAML_SETTINGS_DRAFT_DISCARDED = "saml_settings.draft_discarded"
    SAML_SETTINGS_TESTED = "saml_settings.tested"
    SAML_SETTINGS_PROMOTED = "saml_settings.promoted"
    SAML_SETTINGS_ROLLED_BACK = "saml_settings.rolled_back"
    METADATA_FETCHED = "metadata.fetched"
    METADATA_FAILED = "metadata.failed"
    METADATA_APPROVED = "metadata.approved"
    METADATA_REFUSED = "metadata.refused"
    METADATA_ROLLED_BACK = "metadata.rolled_back"
    KEY_ADDED = "key.added"
    KEY_PROMOTED = "key.promoted"
    KEY_RETIRED = "key.retired"
    KEY_ROLLED_BACK = "key.rolled_back"
    KEY_ERASED = "key.erased"
    TOKEN_CREATED = "token.created"  # noqa: S105 a word, not a token
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    ATTEMPTS_EXPORTED = "attempts.exported"
    EVENTS_EXPORTED = "events.exported"
    CHAIN_ADOPTED = "audit_chain.adopted"
    SESSION_OPENED = "session.opened"
    SESSION_ENDED = "session.ended"
    NATIVE_CODE_GRANTED = "native_code.granted"
    NATIVE_CODE_REFUSED = "native_code.refused"
    SIGN_IN_REFUSED = "sign_in.refused"
    LOGOUT_REFUSED = "logout.refused"
    USER_CREATED = "user.created"
    USER_JOINED = "user.joined"
    USER_UPDATED = "user.updated"
    USER_ACTIVATED = "user.activated"
    USER_LOOKED_UP = "user.looked_up"
    USER_DEACTIVATED = "user.deactivated"
    CONSOLE_ROLE_GRANTED = "console_role.granted"
    CONSOLE_ROLE_WITHDRAWN = "console_role.withdrawn"
    CONSOLE_ROLE_FOLLOWED = "console_role.followed"
    ROLE_RULE_MADE = "role_rule.made"
    ROLE_RULE_REMOVED = "role_rule.removed"
    USER_RELINKED = "user.relinked"
    USER_PLACED = "user.placed"
    USER_MOVED = "user.moved"
    ORGANISATION_CREATED = "organisation.created"
    ORGANISATION_RENAMED = "organisation.renamed"
    ORGANISATION_MOVED = "organisation.moved"
    ORGANISATION_REMOVED = "organisation.removed"
    ACCESS_CHANGED = "access.changed"
    SESSIONS_ENDED = "sessions.ended"
    NOTICE_GIVEN = "notice.given"
    NOTICE_TESTED = "notice.tested"
    NOTICE_CONTACT_ADDED = "notice_contact.added"
    NOTICE_CONTACT_REMOVED = "notice_contact.removed"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_REMOVED = "webhook.removed"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 a word
    DIRECTORY_CREATED = "directory.created"
    DIRECTORY_CHANGED = "directory.changed"
    DIRECTORY_REMOVED = "directory.removed"
    DIRECTORY_SYNC_ASKED = "directory.sync_asked"
    DIRECTORY_SYNCED = "directory.synced"
    DIRECTORY_SYNC_FAILED = "directory.sync_failed"
    LOCAL_ACCOUNT_CREATED = "local_account.created"
    LOCAL_ACCOUNT_REMOVED = "local_account.removed"
    LOCAL_LINK_ISSUED = "local_account.link_issued"
    LOCAL_LINK_FOLLOWED = "local_account.link_followed"
    LOCAL_PASSWORD_CHANGED = "local_account.password_changed"  # noqa: S105 a word
    LOCAL_FACTOR_CHANGED = "local_account.second_factor_changed"
    LOCAL_FACTORS_REMOVED = "local_account.second_factors_removed"
    LOCAL_RECOVERY_CODES_MADE = "local_account.recovery_codes_made"
    LOCAL_RECOVERY_CODE_USED = "local_account.recovery_code_used"
    BREAK_GLASS_NAMED = "break_glass.named"
    BREAK_GLASS_WITHDRAWN = "break_glass.withdrawn"
    BREAK_GLASS_USED = "break_glass.used"
    BREAK_GLASS_ACKNOWLEDGED = "break_glass.acknowledged"
    PEOPLE_EXPORTED = "people.exported"
    PEOPLE_IMPORTED = "people.imported"


REFUSALS = frozenset({EventType.SIGN_IN_REFUSED, EventType.LOGOUT_REFUSED, EventType.NATIVE_CODE_REFUSED})
"""What strangers can cause as often as they like: kept for a time, and not for ever (tenants.sealing.removal)."""


def record(
    tenant_id: int, event: EventType, *, at: dt.datetime, actor: str, reason: str | None = None, **detail: Any
) -> None:
    """Add one event, in the transaction of what it tells. `detail` is JSON and holds no secrets."""
    _INSERT.insert(event_values(tenant_id, event, at=at, actor=actor, reason=reason, **detail))
    if says_debug("audit"):  # no detail: it may be about people
        audit_log.debug("recorded", tenant_id=tenant_id, type=event.value, reason=reason)


def record_many(rows: Sequence[Mapping[str, Any]]) -> None:
    """Add events, each as `event_values` gives it, in one statement."""
    _INSERT.write_bound(_INSERT.bound(rows))


def event_values(
    tenant_id: int, event: EventType, *, at: dt.datetime, actor: str, reason: str | None = None, **detail: Any
) -> dict[str, Any]:
    """The row of one event, for whoever writes several rows in one statement."""
    bounded = {name: _stored(value) if isinstance(value, str) else value for name, value in detail.items()}
    return {
        "tenant_id": tenant_id,
        "id": new_id(),
        "type": event.value,
        "reason": reason,
        "at": at,
        "actor": actor,
        "detail": bounded,
    }


def _stored(text: str) -> str:
    """PostgreSQL's JSON has no place for NUL."""
    return text[:MAX_DETAIL_TEXT].replace("\x00", "")
