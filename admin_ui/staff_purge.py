"""Records: what of staff's signing in has run out is removed."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from admin_ui.attempt_records import FORGOTTEN_AFTER
from admin_ui.console_sessions import KNOWN_FOR
from admin_ui.models import ConsoleSession, StaffAttempt, StaffSignIn
from config.database import transaction, write


def purge_staff() -> None:
    """Remove sign-ins that were not finished, sessions that ended long ago, and counters of those who failed long ago."""
    now = dt.datetime.now(dt.UTC)
    with transaction():
        write(sa.delete(StaffSignIn).where(StaffSignIn.expires_at < now))
        write(sa.delete(ConsoleSession).where(ConsoleSession.expires_at < now - KNOWN_FOR))
        write(sa.delete(StaffAttempt).where(StaffAttempt.last_at < now - FORGOTTEN_AFTER))
