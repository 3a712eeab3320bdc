"""Records of single logout. Sessions are found by what the identity provider knows of them, and never by a cookie (S3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import read, write
from config.statements import Prepared
from identity.assertion import Assertion
from identity.exchanges import hash_of
from identity.logout_models import LogoutExchangeRow, UsedLogout
from identity.models import SessionRow
from identity.saml.logout_message import SubjectOfSession
from identity.saml.logout_verification import LogoutRequest

MAX_SESSION_INDEX = 256
"""Characters of a SessionIndex that a session keeps."""

_EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_OVERTAKEN = Prepared(
    sa.select(UsedLogout.session_indexes).where(
        UsedLogout.tenant_id == sa.bindparam("tenant_id"),
        UsedLogout.idp_id == sa.bindparam("idp_id"),
        UsedLogout.name_id_hash == sa.bindparam("name_id_hash"),
        UsedLogout.issued_at >= sa.bindparam("issued_at"),
        UsedLogout.obeyed_at >= sa.bindparam("began_at"),
        UsedLogout.expires_at > sa.bindparam("now"),
    )
)
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
    idp_id: str | None
    """Who has to be told; None for whoever did not come by an identity provider."""


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


def use_logout(tenant_id: int, idp_id: str, request: LogoutRequest, now: dt.datetime) -> bool:
    """Note that a request was obeyed, and whom it means; False where it was before, on any worker."""
    values = {
        "tenant_id": tenant_id,
        "idp_id": idp_id,
        "request_hash": hash_of(request.id),
        "expires_at": request.remembered_until,
        "name_id_hash": hash_of(request.name_id),
        "session_indexes": [index[:MAX_SESSION_INDEX] for index in request.session_indexes],
        "issued_at": request.issued_at,
        "obeyed_at": now,
    }
    return _USE.write(values) == 1


def is_overtaken(tenant_id: int, idp_id: str, assertion: Assertion, began_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether the identity provider has said meanwhile that what it wrote in this assertion is over (SAML Core 3.7.3.1).

    Its clock is compared with itself, and ours with ours: what was written after the request, or asked for after it came, is
    another sign-in. Many identity providers write whole seconds, and somebody may be back within one.

    Args:
        began_at: when we sent the browser away for it; None where nobody did.
    """
    times = {"issued_at": assertion.issued_at, "began_at": began_at or _EVER, "now": now}
    of_subject = {"name_id_hash": hash_of(assertion.name_id), **times}
    index = assertion.session_index and assertion.session_index[:MAX_SESSION_INDEX]
    rows = _OVERTAKEN.all({"tenant_id": tenant_id, "idp_id": idp_id, **of_subject})
    return any(not row.session_indexes or index is None or index in row.session_indexes for row in rows)
