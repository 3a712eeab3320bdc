"""Records of statistics: attempts are counted by a job, each exactly once, and read together with those not counted yet.

An attempt says itself whether it was counted, and the job marks it in the transaction that counts it. So it does not matter
who runs the job, how many do, when one is killed, whose clock is behind, or how late a row comes. What a sign-in pays is
one entry in a small index. Test sign-ins are marked as they are written, and never counted.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import RowId, read, transaction, write, writing_connection
from config.isolation import every_tenant
from config.pacing import in_batches
from identity.count_models import ACCEPTED, NO_PROVIDER, REFUSED, ServiceSignInHour, SignInCount, SignInHour
from identity.models import Attempt
from tenants.models import DELETED, Tenant

BATCH = 500
"""Attempts per transaction: the writer is held for some ten milliseconds at most."""
MAX_FRESH = 20_000
"""Attempts not counted yet that a page looks at; while the job runs there are those of a minute."""
LOOKED_AT = 50
"""Highest counts of a day among which the tenants that fail most are sought."""
NOT_COUNTED = sa.text("NOT counted")


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


_FRESH = sa.select(Attempt.tenant_id, Attempt.id).where(NOT_COUNTED).limit(BATCH).with_for_update(skip_locked=True)
_CLAIM = (
    sa.update(Attempt)
    .where(sa.tuple_(Attempt.tenant_id, Attempt.id).in_(_FRESH))
    .values(counted=True)
    .returning(Attempt.tenant_id, Attempt.at, Attempt.idp_id, Attempt.code)
)


def _adding(row: type, *counts: str) -> Mapping[str, Any]:
    """Add to the row of a key, or make it: one statement for each database."""
    table: sa.Table = sa.inspect(row).local_table
    key = [column.name for column in table.primary_key]

    def statement(insert: Any) -> Any:
        inserted = insert(table)
        added = {name: table.c[name] + inserted.excluded[name] for name in counts}
        return inserted.on_conflict_do_update(index_elements=key, set_=added)

    return {"sqlite": statement(sqlite.insert), "postgresql": statement(postgresql.insert)}


_ADD_DAY = _adding(SignInCount, "count")
_ADD_HOUR = _adding(SignInHour, "accepted", "refused")
_ADD_SERVICE_HOUR = _adding(ServiceSignInHour, "count")


def count_sign_ins() -> int:
    """Count the attempts that nobody has counted; the job of that name.

    Returns:
        How many there were.
    """

    def step() -> int:
        with every_tenant(), transaction():
            rows = write(_CLAIM).all()
            _add(rows)
        return len(rows)

    return in_batches(step, BATCH)


def _add(rows: Sequence[sa.Row[Any]]) -> None:
    """In the order of the keys: two workers that count the same tenant wait for each other and never both."""
    days: Counter[tuple[int, dt.datetime, str, str]] = Counter()
    hours: Counter[tuple[int, dt.datetime, bool]] = Counter()
    service: Counter[tuple[dt.datetime, str]] = Counter()
    for row in rows:
        hour = row.at.replace(minute=0, second=0, microsecond=0)
        days[row.tenant_id, hour.replace(hour=0), row.idp_id or NO_PROVIDER, row.code or ACCEPTED] += 1
        hours[row.tenant_id, hour, row.code is None] += 1
        service[hour, row.code or ACCEPTED] += 1
    _write_all(
        _ADD_DAY,
        [dict(zip(("tenant_id", "day", "idp_id", "code"), key, strict=True), count=days[key]) for key in sorted(days)],
    )
    _write_all(
        _ADD_HOUR,
        [
            {
                "tenant_id": tenant_id,
                "hour": hour,
                "accepted": hours[tenant_id, hour, True],
                "refused": hours[tenant_id, hour, False],
            }
            for tenant_id, hour in sorted({key[:2] for key in hours})
        ],
    )
    _write_all(
        _ADD_SERVICE_HOUR, [{"hour": hour, "code": code, "count": service[hour, code]} for hour, code in sorted(service)]
    )


def _write_all(statements: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection = writing_connection()
        connection.execute(statements[connection.dialect.name], rows)


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
    statement = sa.select(
        Attempt.at.label("at"),
        sa.func.coalesce(Attempt.idp_id, sa.literal(NO_PROVIDER, RowId), type_=RowId).label("idp_id"),
        sa.func.coalesce(Attempt.code, ACCEPTED).label("code"),
        sa.literal(1).label("count"),
    ).where(NOT_COUNTED, Attempt.at >= since)
    if tenant_id is not None:
        statement = statement.where(Attempt.tenant_id == tenant_id)
    return sa.select(statement.limit(MAX_FRESH).subquery())


def _nobody() -> sa.Label[Any]:
    return sa.literal(NO_PROVIDER, RowId).label("idp_id")


def _tallies(*parts: Any) -> list[Tally]:
    return [Tally(row[0], row[1], row[2], int(row[3])) for row in read(sa.union_all(*parts))]


def _day(value: dt.date | str) -> dt.datetime:
    """The day as PostgreSQL's `date` gives it, or as SQLite's does."""
    return dt.datetime.fromisoformat(str(value)).replace(tzinfo=dt.UTC)
