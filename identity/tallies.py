"""Records of statistics as they are read: what is counted, together with what no job has counted yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import RowId, read
from config.isolation import every_tenant
from identity.count_models import ACCEPTED, NO_PROVIDER, REFUSED, ServiceSignInHour, SignInCount, SignInHour
from identity.models import Attempt
from identity.sign_in_counts import NOT_COUNTED
from tenants.models import DELETED, Tenant

MAX_FRESH = 20_000
"""Attempts not counted yet that a page looks at; while the job runs there are those of a minute."""
LOOKED_AT = 50
"""Highest counts of a day among which the tenants that fail most are sought."""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many attempts with one outcome. `at` is the beginning of the day or hour, or the moment of a single attempt."""

    at: dt.datetime
    idp_id: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class FailingTenant:
    """A tenant whose people are refused."""

    slug: str
    name: str
    accepted: int
    refused: int


def tallies_of(tenant_id: int, since: dt.datetime) -> list[Tally]:
    """A tenant's attempts since the beginning of a day, by day, identity provider and outcome: one look at both tables."""
    counted = sa.select(SignInCount.day.label("at"), SignInCount.idp_id, SignInCount.code, SignInCount.count).where(
        SignInCount.tenant_id == tenant_id, SignInCount.day >= since
    )
    return _tallies(counted, _fresh_of(tenant_id, since))


def hours_of(tenant_id: int, since: dt.datetime) -> list[Tally]:
    """A tenant's attempts since the beginning of an hour, by hour and whether they were refused."""
    accepted, refused = (
        sa.select(SignInHour.hour.label("at"), _nobody(), sa.literal(code).label("code"), count.label("count")).where(
            SignInHour.tenant_id == tenant_id, SignInHour.hour >= since
        )
        for code, count in ((ACCEPTED, SignInHour.accepted), ("refused", SignInHour.refused))
    )
    return _tallies(accepted, refused, _fresh_of(tenant_id, since))


def service_days(since: dt.datetime) -> list[Tally]:
    """All tenants' attempts since the beginning of a day, by day and outcome."""
    day = sa.func.date(ServiceSignInHour.hour)
    statement = (
        sa.select(day.label("day"), ServiceSignInHour.code, sa.func.sum(ServiceSignInHour.count).label("count"))
        .where(ServiceSignInHour.hour >= since)
        .group_by(day, ServiceSignInHour.code)
    )
    fresh = _fresh_of(None, since).subquery()
    fresh_day = sa.func.date(fresh.c.at)
    waiting = sa.select(fresh_day, fresh.c.code, sa.func.count()).group_by(fresh_day, fresh.c.code)
    with every_tenant():
        rows = read(statement.union_all(waiting)).all()
    return [Tally(_day(row[0]), NO_PROVIDER, row[1], int(row[2])) for row in rows]


def service_hours(since: dt.datetime) -> list[Tally]:
    """All tenants' attempts since the beginning of an hour, by hour and outcome."""
    counted = sa.select(ServiceSignInHour.hour.label("at"), _nobody(), ServiceSignInHour.code, ServiceSignInHour.count).where(
        ServiceSignInHour.hour >= since
    )
    with every_tenant():
        return _tallies(counted, _fresh_of(None, since))


def failing_tenants(days: Sequence[dt.datetime], limit: int) -> list[FailingTenant]:
    """Tenants with the most refusals on some days, each named by its beginning; for staff.

    Those are looked at that have one of a day's highest counts (of one identity provider and one code), so it costs the same
    however many tenants and counts there are. Whoever fails in so many ways that none of them is among these is left out.
    """
    looked_at = sa.union(*(sa.select(_highest(day).c.tenant_id) for day in days)).subquery()
    # Looked up tenant by tenant: joined, PostgreSQL without statistics would read the whole table.
    accepted, refused = (
        sa.select(sa.func.coalesce(sa.func.sum(SignInCount.count), 0))
        .where(SignInCount.tenant_id == looked_at.c.tenant_id, SignInCount.day >= min(days), outcome)
        .scalar_subquery()
        for outcome in (SignInCount.code == ACCEPTED, SignInCount.code != ACCEPTED)
    )
    statement = (
        sa.select(Tenant.slug, Tenant.name, accepted.label("accepted"), refused.label("refused"))
        .join(looked_at, looked_at.c.tenant_id == Tenant.id)
        .where(Tenant.state != DELETED)
        .order_by(sa.desc("refused"), Tenant.slug)
        .limit(limit)
    )
    with every_tenant():
        return [FailingTenant(row.slug, row.name, int(row.accepted), int(row.refused)) for row in read(statement)]


def _highest(day: dt.datetime) -> sa.Subquery:
    """A day's highest counts of refusals: the end of a small index."""
    highest = sa.select(SignInCount.tenant_id).where(SignInCount.day == day, REFUSED)
    return highest.order_by(SignInCount.count.desc()).limit(LOOKED_AT).subquery()


def _fresh_of(tenant_id: int | None, since: dt.datetime) -> sa.Select[Any]:
    """In the order of the one index of what is not counted: nothing else is read, also where PostgreSQL has no statistics.

    It would take every second attempt for one of them, and read all attempts, or all of the days, by the time's own index.
    """
    statement = sa.select(
        Attempt.at.label("at"),
        sa.func.coalesce(Attempt.idp_id, sa.literal(NO_PROVIDER, RowId), type_=RowId).label("idp_id"),
        sa.func.coalesce(Attempt.code, ACCEPTED).label("code"),
        sa.literal(1).label("count"),
    ).where(NOT_COUNTED)
    if tenant_id is not None:
        statement = statement.where(Attempt.tenant_id == tenant_id)
    newest = statement.order_by(Attempt.tenant_id.desc(), Attempt.id.desc()).limit(MAX_FRESH).subquery()
    return sa.select(newest).where(newest.c.at >= since)


def _nobody() -> sa.Label[Any]:
    return sa.literal(NO_PROVIDER, RowId).label("idp_id")


def _tallies(*parts: Any) -> list[Tally]:
    return [Tally(row[0], row[1], row[2], int(row[3])) for row in read(sa.union_all(*parts))]


def _day(value: dt.date | str) -> dt.datetime:
    """The day as PostgreSQL's `date` gives it, or as SQLite's does."""
    return dt.datetime.fromisoformat(str(value)).replace(tzinfo=dt.UTC)
