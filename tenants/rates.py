"""Records: how often a tenant does what is costly, counted in the database: the bound holds for all workers together.

A bucket that fills again with time, as `config.throttle` has it in one process, told by one number: when it is full again
(the generic cell rate algorithm). One statement looks and takes, so that many at once gain nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.statements import Prepared
from tenants.errors import RateLimited
from tenants.setup_models import TenantRate


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a minute in the long run. `what` is at most 40 characters."""

    what: str
    per_minute: float
    burst: int

    @property
    def seconds(self) -> float:
        """How long one takes to come back."""
        return 60 / self.per_minute


_BEGIN = Prepared(
    {
        "postgresql": postgresql.insert(TenantRate.__table__).on_conflict_do_nothing(),
        "sqlite": sqlite.insert(TenantRate.__table__).on_conflict_do_nothing(),
    }
)
_TAKE = Prepared(
    sa.update(TenantRate.__table__)
    .where(
        TenantRate.tenant_id == sa.bindparam("of_tenant"),
        TenantRate.what == sa.bindparam("of_what"),
        TenantRate.full_at <= sa.bindparam("latest", type_=sa.Float),
    )
    .values(
        full_at=sa.case(
            (TenantRate.full_at > sa.bindparam("now", type_=sa.Float), TenantRate.full_at),
            else_=sa.bindparam("now", type_=sa.Float),
        )
        + sa.bindparam("seconds", type_=sa.Float)
    )
)


def require_rate(tenant_id: int, rate: Rate, now: dt.datetime) -> None:
    """Count one more, inside a transaction of its own, or refuse it uncounted.

    Raises:
        RateLimited
    """
    moment = now.timestamp()
    if _BEGIN.write({"tenant_id": tenant_id, "what": rate.what, "full_at": moment + rate.seconds}):
        return
    latest = moment + (rate.burst - 1) * rate.seconds
    taken = {"of_tenant": tenant_id, "of_what": rate.what, "now": moment, "latest": latest, "seconds": rate.seconds}
    if not _TAKE.write(taken):
        raise RateLimited(rate.what, retry_after=max(1, round(rate.seconds)))
