"""Flow: how often a tenant's lists may be taken as files: each reads all there is, for as long as the reader takes."""

from __future__ import annotations

import datetime as dt

from config.database import transaction
from tenants.audit import EventType, record
from tenants.rates import Rate, require_rate

EXPORTS = Rate("exports", per_minute=6, burst=20)
"""Of one tenant, by all of its people and programs together: people, attempts and events alike."""


def begin_export(tenant_id: int, event: EventType, form: str, *, actor: str, now: dt.datetime, limited: bool) -> None:
    """Count an export, and record that it was made, before its first line. Opens its own transactions.

    Args:
        limited: False only in test runs.

    Raises:
        RateLimited: nothing is recorded.
    """
    if limited:
        with transaction():
            require_rate(tenant_id, EXPORTS, now)
    with transaction():
        record(tenant_id, event, at=now, actor=actor, form=form)
