"""Statistics: each attempt is counted once, whoever counts, and a page shows those of this minute too."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import Base, db, new_id, transaction, write
from config.isolation import every_tenant
from identity import sign_in_counts
from identity.attempts import keep_receipt
from identity.checks import Receipt
from identity.models import Attempt
from identity.purge import purge_expired
from identity.sign_in_counts import count_sign_ins
from identity.statistics import SignInStatistics, day_of, service_statistics, tenant_statistics
from identity.tallies import failing_tenants, hours_of, service_days, service_hours, tallies_of
from tests.support.at_once import at_once
from tests.support.world import World, utc_now

pytestmark = pytest.mark.usefixtures("clock_stands")  # neither this hour nor today ends meanwhile
COUNTS = ("sign_in_count", "sign_in_hour", "service_sign_in_hour")


def _tenant(world: World, slug: str = "acme") -> int:
    with world.app.app_context():
        return int(db.session.execute(sa.text("SELECT id FROM tenant WHERE slug = :slug"), {"slug": slug}).scalar_one())


def _add_attempts(world: World, number: int, *, slug: str = "acme", **values: Any) -> None:
    """Rows as sign-ins leave them, without the work of signing in."""
    plain = {"at": utc_now(), "reference": "r", "code": None, "cause": "", "idp_id": None, "user_id": None, "trial_id": None}
    tenant_id = _tenant(world, slug)
    rows = [
        plain | {"tenant_id": tenant_id, "id": new_id(), "receipt": {}, "xml": "", "counted": False} | values
        for _ in range(number)
    ]
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        connection.execute(sa.insert(Attempt.__table__), rows)


def _count(world: World) -> int:
    with world.app.app_context():
        return count_sign_ins()


def _of(world: World, slug: str = "acme") -> SignInStatistics:
    with world.app.app_context():
        return tenant_statistics(_tenant(world, slug), utc_now())


def _whole(world: World) -> SignInStatistics:
    with world.app.app_context():
        return service_statistics(utc_now())


def _stored(world: World) -> dict[str, int]:
    """What each table of counts adds up to."""
    sums = {"sign_in_count": "count", "sign_in_hour": "accepted + refused", "service_sign_in_hour": "count"}
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return {
            table: int(connection.execute(sa.text(f"SELECT coalesce(sum({what}), 0) FROM {table}")).scalar_one())
            for table, what in sums.items()
        }


def test_real_sign_ins_are_seen_at_once_and_stay_the_same_when_counted(world: World) -> None:
    """Before and after the job a page says the same; by outcome, identity provider, day and hour."""
    world.sign_in(world.browser())
    world.sign_in(world.browser())
    refused = world.sign_in(world.browser(), audiences=[["https://elsewhere.test"]])
    assert refused.status_code == 403
    before, whole = _of(world), _whole(world)
    assert (before.today.accepted, before.today.refused) == (2, 1)
    assert before.codes_today == before.codes == [("audience_mismatch", 1)]
    ((idp_id, bar),) = before.providers
    assert (bar.accepted, bar.refused) == (2, 1)
    assert idp_id != "00000000-0000-0000-0000-000000000000"
    assert sum(hour.total for hour in before.hours) == 3
    assert len(before.days) == 30
    assert len(before.hours) == 24
    assert _count(world) == 3
    assert _of(world) == before
    assert _whole(world) == whole
    assert (whole.today.accepted, whole.today.refused) == (2, 1)
    assert _of(world, "globex").days[-1].total == 0


def test_counting_again_counts_nothing(world: World) -> None:
    """The job may run as often as it likes."""
    _add_attempts(world, 3)
    assert _count(world) == 3
    assert _count(world) == 0
    assert set(_stored(world).values()) == {3}


def test_many_workers_count_each_attempt_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four at a time in small steps, over both tenants and several codes: the sums are right in every table."""
    monkeypatch.setattr(sign_in_counts, "_CLAIM", _claim_of(4))
    monkeypatch.setattr(sign_in_counts, "BATCH", 4)
    for code in (None, "expired", "replayed"):
        _add_attempts(world, 20, code=code)
        _add_attempts(world, 20, code=code, slug="globex")
    assert sum(at_once([lambda: _count(world)] * 4)) + _count(world) == 120
    assert set(_stored(world).values()) == {120}
    assert (_of(world).accepted, _of(world).refused) == (20, 40)
    assert (_whole(world).accepted, _whole(world).refused) == (40, 80)


def _claim_of(number: int) -> Any:
    some = sa.select(Attempt.tenant_id, Attempt.id).where(sign_in_counts.NOT_COUNTED).limit(number)
    return (
        sa.update(Attempt)
        .where(sa.tuple_(Attempt.tenant_id, Attempt.id).in_(some.with_for_update(skip_locked=True)))
        .values(counted=True)
        .returning(Attempt.tenant_id, Attempt.at, Attempt.idp_id, Attempt.code)
    )


@pytest.mark.parametrize("table", COUNTS)
def test_a_job_that_ends_in_the_middle_has_counted_nothing(world: World, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Marks and counts are one transaction: what fails after any of them leaves both as they were."""
    _add_attempts(world, 5)
    write_all = sign_in_counts._write_all
    name = {"sign_in_count": "_ADD_DAY", "sign_in_hour": "_ADD_HOUR", "service_sign_in_hour": "_ADD_SERVICE_HOUR"}[table]

    def dies(statements: Any, rows: Any) -> None:
        if statements is getattr(sign_in_counts, name):
            raise SystemExit
        write_all(statements, rows)

    with monkeypatch.context() as killed:
        killed.setattr(sign_in_counts, "_write_all", dies)
        with pytest.raises(SystemExit):
            _count(world)
    assert set(_stored(world).values()) == {0}
    assert _of(world).today.accepted == 5
    assert _count(world) == 5
    assert set(_stored(world).values()) == {5}


def test_rows_that_come_late_are_counted_for_their_own_day(world: World) -> None:
    """A worker with a slow transaction, or a clock that is behind: nothing is missed, however late."""
    _add_attempts(world, 2)
    _count(world)
    yesterday = utc_now() - dt.timedelta(days=1)
    _add_attempts(world, 4, at=yesterday, code="expired")
    assert _count(world) == 4
    statistics = _of(world)
    assert statistics.days[-1].accepted == 2
    assert statistics.days[-2].refused == 4
    assert _whole(world).days[-2].refused == 4
    assert statistics.codes_today == []


def test_a_day_begins_at_midnight_in_utc(world: World) -> None:
    """The last microsecond before it is the day before, on both databases, counted or not."""
    midnight = day_of(utc_now())
    _add_attempts(world, 1, at=midnight)
    _add_attempts(world, 1, at=midnight - dt.timedelta(microseconds=1))
    for _ in range(2):
        for statistics in (_of(world), _whole(world)):
            assert [bar.total for bar in statistics.days[-2:]] == [1, 1]
            assert statistics.hours[0].total == 1
        _count(world)


def test_test_sign_ins_are_never_counted(world: World) -> None:
    """What an admin tries out is no sign-in; its row is marked as it is written."""
    tenant_id = _tenant(world)
    with world.app.app_context(), transaction():
        kept = {"reference": "r", "now": utc_now(), "masked_xml": "", "trial_id": new_id()}
        for code in (None, "expired"):
            keep_receipt(tenant_id, Receipt(), code=code, **kept)
    assert world.count("attempt") == 2
    assert _count(world) == 0
    assert _of(world).today.total == 0


def test_counts_stay_when_receipts_go(world: World) -> None:
    """Receipts are kept for 30 days; what was counted is not lost with them."""
    _add_attempts(world, 2)
    _count(world)
    with world.app.app_context(), every_tenant(), transaction() as connection:
        connection.execute(sa.delete(Attempt.__table__))
    assert _of(world).today.accepted == 2


def test_who_fails_most_stands_first(world: World) -> None:
    """Tenants without a refusal, and deleted ones, are not listed."""
    _add_attempts(world, 3, code="expired")
    _add_attempts(world, 1)
    _add_attempts(world, 5, code="replayed", slug="globex")
    _count(world)

    def listed() -> list[tuple[str, int, int]]:
        with world.app.app_context():
            found = failing_tenants([day_of(utc_now()), day_of(utc_now()) - dt.timedelta(days=1)], 10)
        return [(item.slug, item.accepted, item.refused) for item in found]

    assert listed() == [("globex", 0, 5), ("acme", 1, 3)]
    _add_attempts(world, 4, code="expired", at=utc_now() - dt.timedelta(days=1))
    _add_attempts(world, 9, code="expired", at=utc_now() - dt.timedelta(days=2))
    _count(world)
    assert listed() == [("acme", 1, 7), ("globex", 0, 5)]
    world.api("DELETE", "/tenants/globex")
    assert listed() == [("acme", 1, 7)]


def test_old_counts_are_removed(world: World) -> None:
    """Hours after days, days after a quarter."""
    _add_attempts(world, 1, at=utc_now() - dt.timedelta(days=4))
    _add_attempts(world, 1, at=utc_now() - dt.timedelta(days=101))
    _count(world)
    with world.app.app_context():
        purge_expired()
    assert _stored(world) == {"sign_in_count": 1, "sign_in_hour": 0, "service_sign_in_hour": 1}


def test_no_table_of_counts_names_anybody() -> None:
    """Statistics are about tenants and codes, never about people."""
    for table in COUNTS:
        assert not {"user_id", "email", "reference", "id"} & set(Base.metadata.tables[table].columns.keys())


def test_what_is_not_counted_is_read_by_its_own_index(world: World) -> None:
    """However many attempts there are: PostgreSQL without statistics takes half of them for not counted, and reads them all."""
    reads = [lambda: tallies_of(1, utc_now()), lambda: hours_of(1, utc_now()), lambda: service_days(utc_now())]
    reads += [lambda: service_hours(utc_now()), count_sign_ins]
    with world.app.app_context():
        on_sqlite, statements = db.engine.dialect.name == "sqlite", list[tuple[str, Any]]()

        def note(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
            if "NOT counted" in sql:
                statements.append((sql, values))

        sa.event.listen(db.engine, "before_cursor_execute", note)
        for look in reads:
            look()
        sa.event.remove(db.engine, "before_cursor_execute", note)
        assert len(statements) == len(reads)
        for sql, values in statements:
            assert "ORDER BY attempt.tenant_id" in sql, sql
            plan = _plan(sql, values, on_sqlite=on_sqlite)
            assert "ix_attempt_not_counted" in plan, plan
            for other in ("ix_attempt_at", "SCAN attempt\n", "Seq Scan on attempt", "Sort", "B-TREE FOR ORDER BY"):
                assert other not in plan, plan


def _plan(sql: str, values: Any, *, on_sqlite: bool) -> str:
    with every_tenant(), transaction() as connection:
        if not on_sqlite:
            for way in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):  # as for a table that is too large for them
                write(sa.text(f"SET LOCAL {way} = off"))
        rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if on_sqlite else ''}{sql}", values)
        return "".join(f"{row[-1]}\n" for row in rows)
