"""Records: how often somebody does what is costly, counted in the database: the bound holds for all workers together.

A bucket that fills again with time, as `config.throttle` has it in one process, told by one number: when it is full again
(the generic cell rate algorithm). One statement looks and takes, so that many at once gain nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import Base, write
from config.networks import network_of
from config.purging import BATCH, removed_in_batches
from config.statements import Prepared
from tenants.errors import RateLimited
from tenants.setup_models import TenantRate, VisitorRate


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a minute in the long run. `what` is at most 20 characters."""

    what: str
    per_minute: float
    burst: int

    @property
    def seconds(self) -> float:
        """How long one takes to come back."""
        return 60 / self.per_minute


class Buckets:
    """A table of buckets, each known by the values of `keys`; its `full_at` is Unix time."""

    def __init__(self, row: type[Base], *keys: str) -> None:
        self._keys = keys
        table = cast(sa.Table, row.__table__)
        full_at, now = table.c.full_at, sa.bindparam("now", type_=sa.Float)
        self._begin = Prepared(
            {
                "postgresql": postgresql.insert(table).on_conflict_do_nothing(),
                "sqlite": sqlite.insert(table).on_conflict_do_nothing(),
            }
        )
        self._take = Prepared(
            sa.update(table)
            .where(
                *(table.c[key] == sa.bindparam(f"of_{key}", type_=table.c[key].type) for key in keys),
                full_at <= sa.bindparam("latest", type_=sa.Float),
            )
            .values(full_at=sa.case((full_at > now, full_at), else_=now) + sa.bindparam("seconds", type_=sa.Float))
        )

    def take(self, key: Mapping[str, Any], rate: Rate, now: dt.datetime) -> None:
        """Count one more, inside a transaction of its own, or refuse it uncounted.

        Raises:
            RateLimited
        """
        moment = now.timestamp()
        if self._begin.write({**key, "full_at": moment + rate.seconds}):
            return
        latest = moment + (rate.burst - 1) * rate.seconds
        bucket = {f"of_{name}": key[name] for name in self._keys}
        if not self._take.write({**bucket, "now": moment, "latest": latest, "seconds": rate.seconds}):
            raise RateLimited(rate.what, retry_after=max(1, round(rate.seconds)))


_TENANTS = Buckets(TenantRate, "tenant_id", "what")
_VISITORS = Buckets(VisitorRate, "network", "what")


def require_rate(tenant_id: int, rate: Rate, now: dt.datetime) -> None:
    """Count one more of a tenant's, inside a transaction of its own, or refuse it uncounted.

    Raises:
        RateLimited
    """
    _TENANTS.take({"tenant_id": tenant_id, "what": rate.what}, rate, now)


def require_visitor_rate(address: str, rate: Rate, now: dt.datetime, *, tenant_id: int | None = None) -> None:
    """Count one more of whoever is at an address, of IPv6 of its network; otherwise as `require_rate`.

    Args:
        tenant_id: count what they do at this tenant by itself: one customer's rush costs no other customer's people anything.

    Raises:
        RateLimited
    """
    what = rate.what if tenant_id is None else f"{rate.what}:{tenant_id}"
    _VISITORS.take({"network": network_of(address), "what": what}, rate, now)


def purge_visitors(now: dt.datetime) -> int:
    """Forget networks that may do as much as anybody, and tell how many."""
    key = (VisitorRate.network, VisitorRate.what)
    over = sa.select(*key).where(VisitorRate.full_at < now.timestamp()).order_by(VisitorRate.full_at)
    full = over.limit(BATCH).with_for_update(skip_locked=True)
    statement = sa.delete(VisitorRate).where(sa.tuple_(*key).in_(full))
    return removed_in_batches(VisitorRate.__tablename__, lambda: write(statement).rowcount, BATCH)
