"""What is kept for a time only: removed when it is over, all of it, by however many workers at once."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from config.database import db, new_id
from config.isolation import every_tenant
from identity import purge
from identity.models import ExchangeRow
from tests.support.at_once import at_once
from tests.support.world import World, utc_now

OVER, LIVE = 300, 7


def _add_exchanges(world: World) -> None:
    """As many sign-ins that somebody began and never ended, and a few that are under way."""
    world.browser().start()
    now = utc_now()
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        row = dict(connection.execute(sa.select(ExchangeRow.__table__)).mappings().one())
        rows = [
            row | {"request_id": "_" + new_id(), "expires_at": now + dt.timedelta(minutes=5 if number < LIVE - 1 else -1)}
            for number in range(OVER + LIVE - 1)
        ]
        connection.execute(sa.insert(ExchangeRow.__table__), rows)
    assert world.count("exchange") == OVER + LIVE


def test_however_many_there_are_and_however_many_remove_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four workers at once in small steps: none fails, nothing that is over stays, and nothing else goes."""
    monkeypatch.setattr(purge, "BATCH", 3)
    _add_exchanges(world)

    def one() -> int:
        with world.app.app_context():
            return purge.purge_expired()

    assert sum(at_once([one] * 4)) == OVER
    assert world.count("exchange") == LIVE


def test_one_worker_keeps_up_with_strangers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends when nothing is left, not after a few steps."""
    monkeypatch.setattr(purge, "BATCH", 1)
    _add_exchanges(world)
    with world.app.app_context():
        assert purge.purge_expired() == OVER
