"""Records: what of staff's signing in has run out is removed. Strangers begin sign-ins, so there can be many."""

from __future__ import annotations

import datetime as dt

from admin_ui.console_sessions import KNOWN_FOR
from admin_ui.models import ConsoleSession, StaffAttempt, StaffSignIn
from config.purging import remove_old
from identity.credentials.patience import FORGOTTEN_AFTER
from identity.purge import NONE, Kept

KEPT = (
    Kept(StaffSignIn, StaffSignIn.expires_at, NONE),
    Kept(ConsoleSession, ConsoleSession.expires_at, KNOWN_FOR),
    Kept(StaffAttempt, StaffAttempt.last_at, FORGOTTEN_AFTER),
)


def purge_staff() -> None:
    """Remove sign-ins that were not finished, sessions that ended long ago, and counters of those who failed long ago."""
    now = dt.datetime.now(dt.UTC)
    for kept in KEPT:
        remove_old(kept.row, kept.column, now - kept.memory)
