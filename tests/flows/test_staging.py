"""Rows that wait for a transaction: moved whole or not at all, and nothing of them is left on the connection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from config.database import new_id, present_connection, transaction
from config.staging import staged
from config.statements import Prepared
from tenants.models import OwnPublicKey
from tests.support.world import World

ADD = Prepared(sa.insert(OwnPublicKey.__table__))
COUNT = 2_500


def rows_of(tenant_id: int) -> list[dict[str, object]]:
    """More than go to PostgreSQL at a time."""
    return [{"sha256": new_id(), "tenant_id": tenant_id} for _ in range(COUNT)]


def test_they_are_there_with_their_transaction_or_not_at_all(world: World) -> None:
    """Written in steps that add up; a transaction that fails takes all of them back; the next one finds no trace."""
    before = world.count("own_public_key")
    with world.app.app_context():
        rows = ADD.bound(rows_of(1))
        with pytest.raises(ZeroDivisionError), staged(ADD, rows) as write, transaction():
            sum(write()) / 0
        assert world.count("own_public_key") == before
        with staged(ADD, rows) as write, transaction():
            assert sum(write()) == COUNT
        assert world.count("own_public_key") == before + COUNT
        with pytest.raises(sa.exc.IntegrityError), staged(ADD, rows) as write, transaction():
            list(write())
        if present_connection().dialect.name == "sqlite":
            assert present_connection().execute(sa.text("SELECT count(*) FROM sqlite_temp_master")).scalar_one() == 0


def test_waiting_keeps_no_other_writer_waiting(world: World) -> None:
    """What is made ready holds no lock: somebody else writes meanwhile."""
    tenant = {"slug": "initech", "name": "Initech", "email_domains": ["initech.test"]}
    with ThreadPoolExecutor(1) as other, world.app.app_context(), staged(ADD, ADD.bound(rows_of(1))):
        assert other.submit(world.api, "POST", "/tenants", json=tenant).result().status_code == 201
