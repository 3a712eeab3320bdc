"""Record: how the refresh of all tenants together does, for the metrics."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import UTCDateTime, read
from tenants.models import IdentityProvider
from tenants.refresh.records import FETCHED, LIVING

OVERDUE_AFTER = dt.timedelta(minutes=15)
"""Whoever is due for so long waits for a process that does not come, or for one that has too much to do."""


@dataclass(frozen=True, slots=True)
class RefreshFigures:
    """How the refresh of all tenants together does. `oldest_success`: when the copy that is the oldest was last found good."""

    due: int
    overdue: int
    failing: int
    oldest_success: dt.datetime | None


def _due_at(moment: str, stale: str) -> Any:
    own = IdentityProvider.sync_due_at <= sa.bindparam(moment)
    by_service = sa.and_(
        IdentityProvider.sync_hours.is_(None),
        IdentityProvider.sync_failures == 0,
        IdentityProvider.fresh_from <= sa.bindparam(stale),
    )
    return sa.or_(IdentityProvider.sync_requested_at <= sa.bindparam(moment), own, by_service)


_FIGURES = sa.select(
    sa.func.count(sa.case((_due_at("now", "stale"), 1))).label("due"),
    sa.func.count(sa.case((_due_at("before", "stale_before"), 1))).label("overdue"),
    sa.func.count(sa.case((IdentityProvider.sync_failures > 0, 1))).label("failing"),
    sa.func.min(sa.func.coalesce(IdentityProvider.last_success_at, IdentityProvider.created_at), type_=UTCDateTime()).label(
        "oldest_success"
    ),
).where(IdentityProvider.deleted_at.is_(None), FETCHED, LIVING)


def refresh_figures(now: dt.datetime, service_hours: int) -> RefreshFigures:
    """For the metrics: one pass over all identity providers."""
    before, interval = now - OVERDUE_AFTER, dt.timedelta(hours=service_hours)
    times = {"now": now, "stale": now - interval, "before": before, "stale_before": before - interval}
    return RefreshFigures(**read(_FIGURES, times).one()._mapping)
