"""Flow: how often one identity provider's metadata is fetched again, and when the next time is (M2)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.properties.definitions import PropertyInvalid
from config.properties.records import property_value
from tenants.audit import EventType, record
from tenants.idp_records import ManagedProvider, change_provider
from tenants.management_errors import FieldsInvalid
from tenants.providers import require_provider
from tenants.refresh.schedule import SYNC_HOURS, Due, due_at_of, next_fetch_of
from tenants.refresh.taking import pace_of
from tenants.tenant_records import ManagedTenant


def change_sync_hours(tenant: ManagedTenant, name: str, hours: int | None, *, actor: str, now: dt.datetime) -> ManagedProvider:
    """Give an identity provider an interval of its own, or None for the service's; what is due follows at once.

    Raises:
        NotFound: there is none of this name. FieldsInvalid: it cannot be so many hours.
    """
    present = require_provider(tenant.id, name)
    try:
        hours = None if hours is None else SYNC_HOURS.require(hours)
    except PropertyInvalid as fault:
        raise FieldsInvalid("sync_hours", errors={"sync_hours": [str(fault)]}) from None
    if hours == present.sync_hours:
        return present
    # A fetch under way would come back with the former interval's date: it is overtaken, and made again.
    values: dict[str, Any] = {"sync_hours": hours, "sync_claim": None, "sync_claimed_until": None}
    if not present.sync_failures:
        pace = pace_of(hours, present.metadata_document)
        values["sync_due_at"] = due_at_of(pace, present.fresh_from, present.last_success_at or present.fresh_from)
    change_provider(tenant.id, present.id, values)
    changes = {"sync_hours": {"from": present.sync_hours, "to": hours}}
    record(tenant.id, EventType.IDENTITY_PROVIDER_CHANGED, at=now, actor=actor, idp=name, changes=changes)
    return require_provider(tenant.id, name)


def next_sync_of(provider: ManagedProvider) -> dt.datetime | None:
    """When its metadata will be fetched again, in the past where it is due; None where there is nothing to fetch it from."""
    if provider.metadata_url is None and provider.metadata_path is None:
        return None
    if provider.sync_requested_at is not None:
        return provider.sync_requested_at
    due = Due(provider.fresh_from, provider.sync_due_at)
    return next_fetch_of(due, property_value(SYNC_HOURS), provider.sync_hours, provider.sync_failures)


def service_sync_hours() -> int:
    """The service's interval, which holds for those without their own."""
    return property_value(SYNC_HOURS)
