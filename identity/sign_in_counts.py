"""Records of statistics: attempts are counted by a job, each exactly once, and read together with those not counted yet.

An attempt says itself whether it was counted, and the job marks it in the transaction that counts it. So it does not matter
who runs the job, how many do, when one is killed, whose clock is behind, or how late a row comes. What a sign-in pays is
one entry in a small index. Test sign-ins are marked as they are written, and never counted.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import transaction, write, writing_connection
from config.isolation import every_tenant
from config.pacing import in_batches
from identity.count_models import ACCEPTED, NO_PROVIDER, ServiceSignInHour, SignInCount, SignInHour
from identity.models import Attempt

BATCH = 500
"""Attempts per transaction: the writer is held for some ten milliseconds at most."""
NOT_COUNTED = sa.text("NOT counted")


_FRESH = (
    sa.select(Attempt.tenant_id, Attempt.id)
    .where(NOT_COUNTED)
    # As their index has them: PostgreSQL without statistics takes every second attempt for one of them, and reads them all.
    .order_by(Attempt.tenant_id, Attempt.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
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


