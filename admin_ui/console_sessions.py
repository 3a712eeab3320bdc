"""Records of staff's console sessions: a signed-in browser holds a token, the database its SHA-256."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from admin_ui.models import ConsoleSession, StaffAccount
from config.database import new_id, read, transaction, write
from config.statements import Prepared
from identity.exchanges import hash_of
from identity.sessions import BrowserFacts, goes_on

BY_SSO = "sso"
"""How a session begins that the staff tenant's host vouches for."""
STAFF_COOKIE = "__Host-vestibule_staff"
TOKEN_BYTES = 32
MAX_TOKEN_LENGTH = 64
IDLE = dt.timedelta(minutes=30)
ABSOLUTE = dt.timedelta(hours=12)
TOUCH_EVERY = dt.timedelta(seconds=60)
KNOWN_FOR = dt.timedelta(days=90)
"""How long ended sessions are kept; as long, an address that an account signed in from is known."""


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A live session, and whose it is."""

    id: str
    staff_id: str
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """A live session as its owner and staff owners see it."""

    id: str
    how: str
    user_agent: str
    address: str
    created_at: dt.datetime
    authenticated_at: dt.datetime | None
    seen_at: dt.datetime
    expires_at: dt.datetime


_LIVE = (ConsoleSession.ended_at.is_(None), ConsoleSession.expires_at > sa.bindparam("now"))
_FIND = Prepared(
    sa.select(
        ConsoleSession.id,
        ConsoleSession.staff_id,
        StaffAccount.email,
        StaffAccount.name,
        StaffAccount.role,
        ConsoleSession.how,
        ConsoleSession.origin_tenant_id,
        ConsoleSession.origin_session_id,
        ConsoleSession.seen_at,
    )
    .join(StaffAccount, StaffAccount.id == ConsoleSession.staff_id)
    .where(
        ConsoleSession.token_hash == sa.bindparam("token_hash"),
        *_LIVE,
        ConsoleSession.seen_at > sa.bindparam("idle_since"),
        StaffAccount.active.is_(True),
    )
)
_TOUCH = Prepared(
    sa.update(ConsoleSession)
    .where(ConsoleSession.id == sa.bindparam("of_session"), ConsoleSession.ended_at.is_(None))
    .values(seen_at=sa.bindparam("now"))
)
_VIEWS = (
    sa.select(
        *(getattr(ConsoleSession, name) for name in SessionView.__dataclass_fields__),
        ConsoleSession.origin_tenant_id,
        ConsoleSession.origin_session_id,
    )
    .where(
        ConsoleSession.staff_id == sa.bindparam("staff_id"), *_LIVE, ConsoleSession.seen_at > sa.bindparam("idle_since")
    )
    .order_by(ConsoleSession.seen_at.desc(), ConsoleSession.id)
)


def open_console_session(
    staff_id: str,
    how: str,
    browser: BrowserFacts,
    now: dt.datetime,
    *,
    authenticated_at: dt.datetime | None,
    origin: tuple[int, str] | None = None,
) -> str:
    """Open a session, inside a transaction, and give the token for the cookie; always a new one.

    Args:
        authenticated_at: when the person proved who they are; None where somebody may only have remembered them.
        origin: the staff tenant and the session there that it is entered through; it ends with that one.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    write(
        sa.insert(ConsoleSession).values(
            id=new_id(),
            token_hash=hash_of(token),
            staff_id=staff_id,
            how=how,
            user_agent=browser.user_agent[:300],
            address=browser.address[:45],
            created_at=now,
            authenticated_at=authenticated_at,
            origin_tenant_id=origin[0] if origin else None,
            origin_session_id=origin[1] if origin else None,
            seen_at=now,
            expires_at=now + ABSOLUTE,
        )
    )
    return token


def find_console_session(token: str, now: dt.datetime) -> StaffSession | None:
    """The live session of a cookie's token, of an account that is active now; looked up for every request.

    Whoever came by single sign-on has to be signed in at the staff tenant as well: who leaves is switched off there first.
    """
    if not 0 < len(token) <= MAX_TOKEN_LENGTH:
        return None
    row = _FIND.one_or_none({"token_hash": hash_of(token), "now": now, "idle_since": now - IDLE})
    if row is None or not _stands(row, now):
        return None
    if now - row.seen_at >= TOUCH_EVERY:
        with transaction():
            _TOUCH.write({"of_session": row.id, "now": now})
    return StaffSession(row.id, row.staff_id, row.email, row.name, row.role)


def _stands(row: Any, now: dt.datetime) -> bool:
    """Whether what a session stands on goes on; one of single sign-on that does not say which session that is has ended."""
    if row.how != BY_SSO:
        return True
    return row.origin_session_id is not None and goes_on(row.origin_tenant_id, row.origin_session_id, now)


def authenticated_at(session_id: str) -> dt.datetime | None:
    """When the person of this session last proved who they are."""
    statement = sa.select(ConsoleSession.authenticated_at).where(ConsoleSession.id == session_id)
    found: dt.datetime | None = read(statement).scalar_one_or_none()
    return found


def renew_token(session_id: str) -> str:
    """Give a session another token, inside a transaction; the former one is worth nothing. The new one, for the cookie."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    write(sa.update(ConsoleSession).where(ConsoleSession.id == session_id).values(token_hash=hash_of(token)))
    return token


def sessions_of(staff_id: str, now: dt.datetime) -> list[SessionView]:
    """An account's live sessions, the one used last first."""
    found = read(_VIEWS, {"staff_id": staff_id, "now": now, "idle_since": now - IDLE})
    names = SessionView.__dataclass_fields__
    return [SessionView(**{name: getattr(row, name) for name in names}) for row in found if _stands(row, now)]


def end_console_sessions(
    staff_id: str, now: dt.datetime, *, session_id: str | None = None, other_than: str | None = None
) -> int:
    """End the open sessions of an account, inside a transaction: all of them, one, or all but one. Tells how many."""
    statement = sa.update(ConsoleSession).where(ConsoleSession.staff_id == staff_id, ConsoleSession.ended_at.is_(None))
    if session_id is not None:
        statement = statement.where(ConsoleSession.id == session_id)
    if other_than is not None:
        statement = statement.where(ConsoleSession.id != other_than)
    return write(statement.values(ended_at=now)).rowcount


def end_session_of_token(token: str, now: dt.datetime) -> str | None:
    """End the session of a cookie's token, inside a transaction; the account's id, or None where none was open."""
    statement = (
        sa.update(ConsoleSession)
        .where(ConsoleSession.token_hash == hash_of(token[:MAX_TOKEN_LENGTH]), ConsoleSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    found: str | None = write(statement.returning(ConsoleSession.staff_id)).scalar_one_or_none()
    return found


def knows_address(staff_id: str, address: str, now: dt.datetime) -> bool:
    """Whether the account signed in from this address before: strangers cannot shut it out there."""
    statement = (
        sa.select(ConsoleSession.id)
        .where(
            ConsoleSession.staff_id == staff_id,
            ConsoleSession.address == address[:45],
            ConsoleSession.created_at > now - KNOWN_FOR,
        )
        .limit(1)
    )
    return read(statement).first() is not None
