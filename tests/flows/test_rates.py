"""How often a tenant may do what is costly: one bound for all workers, at once or one after the other."""

from __future__ import annotations

import datetime as dt

from config.database import transaction
from tenants.errors import RateLimited
from tenants.rates import Rate, require_rate
from tests.support.at_once import another_worker, at_once
from tests.support.world import World, utc_now

RATE = Rate("test", per_minute=30, burst=4)
NOW = utc_now()


def _may(app: object, now: dt.datetime = NOW, tenant_id: int = 1) -> bool:
    with app.app_context():  # type: ignore[attr-defined]
        try:
            with transaction():
                require_rate(tenant_id, RATE, now)
        except RateLimited:
            return False
        return True


def test_one_bound_for_all_workers(world: World) -> None:
    """A burst from two workers gets no more than one from one; what was refused is not counted; time gives it back."""
    with another_worker(world.app) as other:
        results = at_once([lambda app=app: _may(app) for app in (world.app, other) * 5])  # type: ignore[misc]
        assert sum(results) == RATE.burst
        assert not _may(other, NOW + dt.timedelta(seconds=1))
        assert _may(other, NOW + dt.timedelta(seconds=2))
        assert not _may(world.app, NOW + dt.timedelta(seconds=2))
        assert _may(world.app, tenant_id=2)
        later = NOW + dt.timedelta(hours=1)
        assert [_may(world.app, later) for _ in range(RATE.burst + 1)] == [True] * RATE.burst + [False]
