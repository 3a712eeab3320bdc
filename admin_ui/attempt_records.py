"""Records of staff's attempts to sign in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from admin_ui.models import StaffAttempt
from config.database import Base
from identity.credentials import attempts
from identity.credentials.patience import Counter

_LEDGER = attempts.Ledger(Base.metadata.tables[StaffAttempt.__tablename__])


def count_attempt(counters: Sequence[Counter], now: dt.datetime) -> dt.timedelta:
    """Count one more, inside a transaction of its own; how long to wait where it comes too soon, which is not counted."""
    return attempts.count_attempt(_LEDGER, counters, now)


def forget_attempts(counters: Sequence[Counter]) -> None:
    """After a sign-in, inside its transaction: what was counted for the account is forgotten; the address counts one less."""
    attempts.forget_attempts(_LEDGER, counters)
