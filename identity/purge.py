"""Records that are kept for a time only, and the job that removes them when it is over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import orm

from config.database import Base
from config.purging import BATCH, remove_old
from identity.attempts import RECEIPT_LIFETIME
from identity.count_models import ServiceSignInHour, SignInCount, SignInHour
from identity.import_purge import purge_imports
from identity.logout_models import LogoutExchangeRow, UsedLogout
from identity.models import Attempt, ExchangeRow, SessionRow, UsedAssertion
from identity.native_models import NativeCode
from identity.trial_models import TrialRow
from tenants.models import APIToken
from tenants.rates import purge_visitors
from tenants.setup_models import SetupLink

SESSION_MEMORY = dt.timedelta(days=30)
"""How long an ended session can still be looked up."""
CODE_MEMORY = dt.timedelta(days=1)
"""How long a native client's code is known as used: whoever shows it again ends the session that it opened."""
COUNT_LIFETIME = dt.timedelta(days=100)
"""How long statistics go back: a quarter, and what it takes to compare it with the days before."""
HOUR_LIFETIME = dt.timedelta(days=3)
SECRET_MEMORY = dt.timedelta(days=365)
"""How long tokens and set-up links that have expired are listed: whoever asks who had access last year gets an answer."""
NONE = dt.timedelta(0)


@dataclass(frozen=True, slots=True)
class Kept:
    """A table, the column that says when its rows are over, and how long they stay after that."""

    row: type[Base]
    column: orm.InstrumentedAttribute[dt.datetime]
    memory: dt.timedelta


KEPT: Sequence[Kept] = (
    Kept(ExchangeRow, ExchangeRow.expires_at, NONE),
    Kept(UsedAssertion, UsedAssertion.expires_at, NONE),
    Kept(LogoutExchangeRow, LogoutExchangeRow.expires_at, NONE),
    Kept(UsedLogout, UsedLogout.expires_at, NONE),
    Kept(NativeCode, NativeCode.expires_at, CODE_MEMORY),
    Kept(SessionRow, SessionRow.expires_at, SESSION_MEMORY),
    Kept(Attempt, Attempt.at, RECEIPT_LIFETIME),
    Kept(TrialRow, TrialRow.prepared_at, RECEIPT_LIFETIME),
    Kept(SignInCount, SignInCount.day, COUNT_LIFETIME),
    Kept(SignInHour, SignInHour.hour, HOUR_LIFETIME),
    Kept(ServiceSignInHour, ServiceSignInHour.hour, COUNT_LIFETIME),
    Kept(APIToken, APIToken.expires_at, SECRET_MEMORY),
    Kept(SetupLink, SetupLink.expires_at, SECRET_MEMORY),
)


def purge_expired(now: dt.datetime | None = None) -> int:
    """Remove what was kept long enough, of every tenant, and tell how many rows that were."""
    now = now or dt.datetime.now(dt.UTC)
    others = purge_imports(now) + purge_visitors(now)
    return others + sum(remove_old(kept.row, kept.column, now - kept.memory, BATCH) for kept in KEPT)
