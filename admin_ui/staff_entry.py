"""Flows: the way in that staff's sign-ins of every kind share: what a request brings, patience, a new session, and its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from admin_ui.attempt_records import count_attempt
from admin_ui.console_sessions import end_session_of_token, open_console_session
from admin_ui.staff_records import Staff, change_staff
from config.database import transaction
from identity.credentials.patience import Counter
from identity.sessions import BrowserFacts
from tenants.errors import RateLimited
from tenants.staff_audit import StaffEventType, record_staff


@dataclass(frozen=True, slots=True)
class Door:
    """What one request brings to the door.

    Args:
        former: the token of a session that this browser had; it ends with a new one.
        limited: False only in test runs.
    """

    browser: BrowserFacts
    now: dt.datetime
    former: str = ""
    limited: bool = True


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody is in: the token for the cookie, and where they were going."""

    token: str
    target: str

    def __repr__(self) -> str:
        return f"Entered(target={self.target!r})"


def enter(
    staff: Staff,
    how: str,
    door: Door,
    *,
    proved_at: dt.datetime | None = None,
    origin: tuple[int, str] | None = None,
) -> str:
    """Open a session, inside a transaction; always under a new token, and the browser's former session ends.

    Args:
        proved_at: when the person proved who they are to somebody else, which is no later than now; None where they did so
            here and now, or, with an `origin`, nowhere.
        origin: the staff tenant, and the session there that this one is entered through.
    """
    if door.former:
        end_session_of_token(door.former, door.now)
    proved = (min(proved_at, door.now) if proved_at else None) if origin else door.now
    token = open_console_session(staff.id, how, door.browser, door.now, authenticated_at=proved, origin=origin)
    change_staff(staff.id, {"last_sign_in_at": door.now})
    record_staff(StaffEventType.SIGNED_IN, at=door.now, actor=f"staff:{staff.id}", staff_id=staff.id, how=how)
    return token


def sign_out(token: str, now: dt.datetime) -> None:
    """End this browser's session, whosever it is."""
    with transaction():
        staff_id = end_session_of_token(token, now)
        if staff_id is not None:
            record_staff(StaffEventType.SIGNED_OUT, at=now, actor=f"staff:{staff_id}", staff_id=staff_id)


def require_patience(counters: Sequence[Counter], door: Door) -> None:
    """Count an attempt before anything is compared, in a transaction of its own.

    Raises:
        RateLimited: too many failed before.
    """
    if not door.limited:
        return
    with transaction():
        wait = count_attempt(counters, door.now)
        if wait:  # takes back what was written: addresses that are made up, one after the other, leave no rows
            raise RateLimited("signing in", retry_after=int(wait.total_seconds()) + 1)
