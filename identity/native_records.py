"""Records of native clients' codes. Each is found by the hash of a random secret of 256 bits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read, write
from identity.exchanges import hash_of
from identity.models import SessionRow
from identity.native_models import NativeCode
from identity.native_request import NativeRequest
from identity.sessions import Entry


@dataclass(frozen=True, slots=True)
class UsedCode:
    """A code that was closed just now: whose it is, and what it is bound to."""

    user_id: str
    session_id: str
    client: str
    redirect_uri: str
    challenge: str


def add_code(
    tenant_id: int, code: str, asked: NativeRequest, *, user_id: str, session_id: str, expires_at: dt.datetime
) -> None:
    """Remember a code that is about to be handed to a browser."""
    values = {
        "tenant_id": tenant_id,
        "code_hash": hash_of(code),
        "user_id": user_id,
        "session_id": session_id,
        "client": asked.client,
        "redirect_uri": asked.redirect_uri,
        "challenge": asked.challenge,
        "expires_at": expires_at,
        "used_at": None,
        "opened_session_id": None,
    }
    write(sa.insert(NativeCode.__table__).values(**values))


def count_pending(tenant_id: int, user_id: str, now: dt.datetime) -> int:
    """How many of a person's codes wait."""
    waiting = (NativeCode.tenant_id == tenant_id, NativeCode.user_id == user_id, NativeCode.expires_at > now)
    return int(read(sa.select(sa.func.count()).select_from(NativeCode).where(*waiting)).scalar_one())


def use_code(tenant_id: int, code: str, now: dt.datetime) -> UsedCode | None:
    """Close a code; None where there is none that waits. Two at once get one."""
    statement = (
        sa.update(NativeCode)
        .where(
            NativeCode.tenant_id == tenant_id,
            NativeCode.code_hash == hash_of(code),
            NativeCode.used_at.is_(None),
            NativeCode.expires_at > now,
        )
        .values(used_at=now)
        .returning(
            NativeCode.user_id, NativeCode.session_id, NativeCode.client, NativeCode.redirect_uri, NativeCode.challenge
        )
    )
    row = write(statement).one_or_none()
    return UsedCode(**row._mapping) if row else None


def note_opened(tenant_id: int, code: str, session_id: str) -> None:
    """Keep what a code has opened, for the case that it comes again."""
    statement = sa.update(NativeCode).where(NativeCode.tenant_id == tenant_id, NativeCode.code_hash == hash_of(code))
    write(statement.values(opened_session_id=session_id))


def opened_by(tenant_id: int, code: str) -> str | None:
    """The session that a code has opened, where it was used before."""
    statement = sa.select(NativeCode.opened_session_id).where(
        NativeCode.tenant_id == tenant_id, NativeCode.code_hash == hash_of(code), NativeCode.used_at.is_not(None)
    )
    found: str | None = read(statement).scalar_one_or_none()
    return found


def drop_codes(tenant_id: int, user_id: str) -> int:
    """Nothing of a person's waits any more; tells how many codes did."""
    waiting = (NativeCode.tenant_id == tenant_id, NativeCode.user_id == user_id, NativeCode.used_at.is_(None))
    return write(sa.delete(NativeCode).where(*waiting)).rowcount


def hold_session(tenant_id: int, session_id: str) -> None:
    """Hold a session until the end of the transaction: whoever ends it has done so before, or waits."""
    held = sa.select(SessionRow.id).where(SessionRow.tenant_id == tenant_id, SessionRow.id == session_id)
    write(held.with_for_update(key_share=True)).all()


def entry_of(tenant_id: int, session_id: str, client: str) -> Entry | None:
    """How the person came in whose session this is, for one more session of theirs that lasts no longer.

    It is found by what its identity provider knows, too, so that single logout ends it; it gives no role in the console.
    """
    statement = sa.select(
        SessionRow.way,
        SessionRow.authn_context,
        SessionRow.expires_at.label("ends_at"),
        SessionRow.idp_id,
        SessionRow.name_id,
        SessionRow.name_id_format,
        SessionRow.name_qualifier,
        SessionRow.sp_name_qualifier,
        SessionRow.session_index,
    ).where(SessionRow.tenant_id == tenant_id, SessionRow.id == session_id)
    row = read(statement).one_or_none()
    return Entry(**row._mapping, client=client) if row else None
