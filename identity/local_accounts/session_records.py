"""Records of sessions that end, or go on under another token, because credentials were changed."""

from __future__ import annotations

import datetime as dt
import secrets

import sqlalchemy as sa

from config.database import write
from identity.exchanges import hash_of
from identity.models import SessionRow
from identity.sessions import TOKEN_BYTES


def renew_token(tenant_id: int, session_id: str) -> str:
    """Give an open session another token, inside a transaction: whoever had the former one is not signed in by it."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    here = (SessionRow.tenant_id == tenant_id, SessionRow.id == session_id)
    write(sa.update(SessionRow).where(*here).values(token_hash=hash_of(token)))
    return token


def end_sessions_of_way(tenant_id: int, user_id: str, ways: tuple[str, ...], now: dt.datetime) -> int:
    """End somebody's open sessions that began so, inside a transaction, and tell how many."""
    conditions = (SessionRow.tenant_id == tenant_id, SessionRow.user_id == user_id, SessionRow.way.in_(ways))
    return write(sa.update(SessionRow).where(*conditions, SessionRow.ended_at.is_(None)).values(ended_at=now)).rowcount
