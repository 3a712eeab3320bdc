"""What is kept for a time only: removed when it is over, all of it, by however many workers at once, by indexes."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from admin_ui import staff_purge
from admin_ui.models import StaffAttempt
from config import purging
from config.database import Base, db, new_id
from config.ending import ending
from config.isolation import every_tenant
from config.metrics import ROWS_REMOVED
from config.pacing import in_batches
from identity import purge
from identity.local_sign_in import keeping
from identity.models import ExchangeRow
from identity.purge import KEPT
from tenants.models import APIToken
from tenants.setup_models import SetupLink
from tests.support.at_once import at_once
from tests.support.world import World, utc_now

OVER, LIVE = 300, 7
ENDS_OTHERWISE = {"log_level"}
"""Tables whose rows run out and are removed by something else than these jobs."""


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
    removed = ROWS_REMOVED.labels("exchange")._value.get()

    def one() -> int:
        with world.app.app_context():
            return purge.purge_expired()

    assert sum(at_once([one] * 4)) == OVER
    assert world.count("exchange") == LIVE
    assert ROWS_REMOVED.labels("exchange")._value.get() - removed == OVER


def test_one_worker_keeps_up_with_strangers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends when nothing is left, not after a few steps."""
    monkeypatch.setattr(purge, "BATCH", 1)
    _add_exchanges(world)
    with world.app.app_context():
        assert purge.purge_expired() == OVER


def test_secrets_that_expired_long_ago_are_forgotten(world: World) -> None:
    """Tokens and set-up links a year after their end; those that ended lately are still told."""
    now = utc_now()
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        for days in (366, 364, -1):
            expires = now - dt.timedelta(days=days)
            token = {"token_hash": new_id(), "public_id": new_id()[-12:], "role": "staff", "created_at": now}
            connection.execute(sa.insert(APIToken).values(**token, expires_at=expires))
            link = {"tenant_id": 1, "id": new_id(), "token_hash": new_id(), "email": "a@acme.test", "created_by": "test"}
            connection.execute(sa.insert(SetupLink).values(**link, created_at=now, expires_at=expires))
        before = world.count("api_token")
        assert purge.purge_expired(now) == 2
    assert (world.count("api_token"), world.count("setup_link")) == (before - 1, 2)


def test_what_strangers_leave_at_staffs_door_goes_in_small_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter for each address that somebody failed from: there can be any number of them."""
    monkeypatch.setattr(purging, "BATCH", 4)
    long_ago = utc_now() - dt.timedelta(days=2)
    with world.app.app_context(), db.engine.connect() as connection:
        rows = [{"key": f"address:{number}", "failures": 1, "last_at": long_ago} for number in range(30)]
        connection.execute(sa.insert(StaffAttempt), [*rows, {"key": "now", "failures": 1, "last_at": utc_now()}])
        staff_purge.purge_staff()
    assert world.count("staff_attempt") == 1


def test_a_purge_reads_by_index(world: World) -> None:
    """However large a table is, a batch reads the rows that it removes and no others."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            # A table of ten rows is read whole, and should be.
            connection.execute(sa.text("SET enable_seqscan = off"))
            connection.execute(sa.text("SET enable_sort = off"))
        for kept in (*KEPT, *staff_purge.KEPT, *keeping.KEPT):
            statement = purging.old_rows(kept.row, kept.column, utc_now(), 500)
            compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
            rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{compiled}")
            plan = "\n".join(str(row[-1]) for row in rows)
            assert f"SCAN {kept.row.__tablename__}" not in plan, plan
            assert "Seq Scan" not in plan, plan
            assert kept.column.key in plan, plan
            # In the index's own order: without it PostgreSQL, where it has no statistics, reads a table that holds nothing old.
            assert f"ORDER BY {kept.row.__tablename__}.{kept.column.key}" in str(compiled), str(compiled)
            assert "Sort" not in plan, plan
            assert "B-TREE FOR ORDER BY" not in plan, plan
        if not is_sqlite:
            connection.execute(sa.text("RESET enable_seqscan"))
            connection.execute(sa.text("RESET enable_sort"))


def test_what_runs_out_is_removed() -> None:
    """A table whose rows have an end of their own is purged, or it grows for ever."""
    purged = {kept.row.__tablename__ for kept in (*KEPT, *staff_purge.KEPT, *keeping.KEPT)}
    running_out = {name for name, table in Base.metadata.tables.items() if "expires_at" in table.columns}
    assert running_out - ENDS_OTHERWISE <= purged


def test_a_process_that_is_to_end_begins_no_more_batches() -> None:
    """And what is left is another one's."""
    ending.set()
    try:
        assert in_batches(lambda: 5, 5) == 5
    finally:
        ending.clear()
