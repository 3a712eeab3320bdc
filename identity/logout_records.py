"""Records of single logout. Sessions are found by what the identity provider knows of them, and never by a cookie (S3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import read, write
from config.statements import Prepared
from identity.exchanges import hash_of
from identity.logout_models import LogoutExchangeRow, UsedLogout
from identity.models import SessionRow
from identity.saml.logout_message import SubjectOfSession

MAX_SESSION_INDEX = 256
"""Characters of a SessionIndex that a session keeps."""


_USE = Prepared(
    {
        "postgresql": postgresql.insert(UsedLogout.__table__).on_conflict_do_nothing(),
        "sqlite": sqlite.insert(UsedLogout.__table__).on_conflict_do_nothing(),
    }
)


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that has just ended, and whose it was."""

    id: str
    user_id: str
    idp_id: str


@dataclass(frozen=True, slots=True)
class LogoutExchange:
    """A request that an identity provider is to get, and by what it knows the session."""

    request_id: str
    idp_id: str
    subject: SubjectOfSession


def end_by_token(tenant_id: int, token: str, now: dt.datetime) -> EndedSession | None:
    """End the session of a cookie's token; None where none was open."""
    statement = (
        sa.update(SessionRow)
        .where(SessionRow.tenant_id == tenant_id, SessionRow.token_hash == hash_of(token), SessionRow.ended_at.is_(None))
        .values(ended_at=now)
        .returning(SessionRow.id, SessionRow.user_id, SessionRow.idp_id)
    )
    row = write(statement).one_or_none()
    return EndedSession(row.id, row.user_id, row.idp_id) if row else None


def end_by_subject(
    tenant_id: int, idp_id: str, name_id: str, session_indexes: Sequence[str], now: dt.datetime
) -> list[tuple[str, str]]:
    """End the open sessions that an identity provider means, and give (session, person) of each.

    Args:
        session_indexes: those alone, and those whose assertion named none; all of the subject's where this is empty.
    """
    statement = sa.update(SessionRow).where(
        SessionRow.tenant_id == tenant_id,
        SessionRow.idp_id == idp_id,
        SessionRow.name_id == name_id,
        SessionRow.ended_at.is_(None),
    )
    if session_indexes:
        kept = [index[:MAX_SESSION_INDEX] for index in session_indexes]
        statement = statement.where(sa.or_(SessionRow.session_index.in_(kept), SessionRow.session_index.is_(None)))
    rows = write(statement.values(ended_at=now).returning(SessionRow.id, SessionRow.user_id))
    return [(row.id, row.user_id) for row in rows]


def add_logout_exchange(tenant_id: int, request_id: str, ended: EndedSession, expires_at: dt.datetime) -> None:
    """Remember a request that is about to be sent."""
    values = {"tenant_id": tenant_id, "request_id": request_id, "idp_id": ended.idp_id, "session_id": ended.id}
    write(sa.insert(LogoutExchangeRow.__table__).values(**values, expires_at=expires_at, used_at=None))


def find_logout_exchange(tenant_id: int, request_id: str, now: dt.datetime) -> LogoutExchange | None:
    """A request that has not been answered yet."""
    statement = (
        sa.select(
            LogoutExchangeRow.idp_id,
            SessionRow.name_id,
            SessionRow.name_id_format,
            SessionRow.name_qualifier,
            SessionRow.sp_name_qualifier,
            SessionRow.session_index,
        )
        .join(
            SessionRow,
            sa.and_(SessionRow.tenant_id == LogoutExchangeRow.tenant_id, SessionRow.id == LogoutExchangeRow.session_id),
        )
        .where(
            LogoutExchangeRow.tenant_id == tenant_id,
            LogoutExchangeRow.request_id == request_id,
            LogoutExchangeRow.used_at.is_(None),
            LogoutExchangeRow.expires_at > now,
        )
    )
    row = read(statement).one_or_none()
    if row is None:
        return None
    subject = SubjectOfSession(row.name_id, row.name_id_format, row.name_qualifier, row.sp_name_qualifier, row.session_index)
    return LogoutExchange(request_id, row.idp_id, subject)


def use_logout_exchange(tenant_id: int, idp_id: str, request_id: str, now: dt.datetime) -> bool:
    """Close the request that an answer names; False where this identity provider was not asked so, or has answered."""
    statement = sa.update(LogoutExchangeRow).where(
        LogoutExchangeRow.tenant_id == tenant_id,
        LogoutExchangeRow.request_id == request_id,
        LogoutExchangeRow.idp_id == idp_id,
        LogoutExchangeRow.used_at.is_(None),
        LogoutExchangeRow.expires_at > now,
    )
    return write(statement.values(used_at=now)).rowcount == 1


def use_logout(tenant_id: int, idp_id: str, request_id: str, expires_at: dt.datetime) -> bool:
    """Note that a request was obeyed; False where it was before, on any worker."""
    values = {
        "tenant_id": tenant_id,
        "idp_id": idp_id,
        "request_hash": hash_of(request_id),
        "expires_at": expires_at,
    }
    return _USE.write(values) == 1
