"""Records that are kept for a time only, and the job that removes them when it is over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from config.database import transaction, write
from config.isolation import every_tenant
from identity.attempts import RECEIPT_LIFETIME
from identity.count_models import ServiceSignInHour, SignInCount, SignInHour
from identity.import_purge import purge_imports
from identity.logout_models import LogoutExchangeRow, UsedLogout
from identity.models import Attempt, ExchangeRow, SessionRow, UsedAssertion
from identity.trial_models import TrialRow

BATCH = 500
"""Rows per transaction: a purge never holds a lock that a sign-in notices."""
MAX_BATCHES = 2_000
"""A million rows in one run: strangers begin sign-ins faster than forty batches every five minutes would remove."""
SESSION_MEMORY = dt.timedelta(days=30)
"""How long an ended session can still be looked up."""
COUNT_LIFETIME = dt.timedelta(days=100)
"""How long statistics go back: a quarter, and what it takes to compare it with the days before."""
HOUR_LIFETIME = dt.timedelta(days=3)


def purge_expired(now: dt.datetime | None = None) -> int:
    """Remove expired exchanges, assertions that cannot be replayed, old sessions, receipts, tests and counts; of every tenant.

    Returns:
        The number of rows removed.
    """
    now = now or dt.datetime.now(dt.UTC)
    return purge_imports(now) + sum(
        _purge(table, column, before)
        for table, column, before in (
            (ExchangeRow, ExchangeRow.expires_at, now),
            (UsedAssertion, UsedAssertion.expires_at, now),
            (LogoutExchangeRow, LogoutExchangeRow.expires_at, now),
            (UsedLogout, UsedLogout.expires_at, now),
            (SessionRow, SessionRow.expires_at, now - SESSION_MEMORY),
            (Attempt, Attempt.at, now - RECEIPT_LIFETIME),
            (TrialRow, TrialRow.prepared_at, now - RECEIPT_LIFETIME),
            (SignInCount, SignInCount.day, now - COUNT_LIFETIME),
            (SignInHour, SignInHour.hour, now - HOUR_LIFETIME),
            (ServiceSignInHour, ServiceSignInHour.hour, now - COUNT_LIFETIME),
        )
    )


def _purge(table: type, column: orm.InstrumentedAttribute[dt.datetime], before: dt.datetime) -> int:
    key: tuple[sa.ColumnElement[Any], ...] = sa.inspect(table).primary_key
    # Workers purge at the same time: each takes rows that no other one has locked, so they neither wait nor deadlock.
    old = sa.select(*key).where(column < before).limit(BATCH).with_for_update(skip_locked=True)
    statement = sa.delete(table).where(sa.tuple_(*key).in_(old))
    removed = 0
    for _ in range(MAX_BATCHES):
        with every_tenant(), transaction():
            count = write(statement).rowcount
        removed += count
        if count < BATCH:
            break
    return removed
