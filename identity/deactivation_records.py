"""Records of what ends with an account, for one person or many in one statement each. All of them name the tenant first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from identity.deactivation_models import AccessEnd
from identity.errors import UserInactive
from identity.models import Attempt, SessionRow, User
from identity.native_models import NativeCode
from tenants.setup_models import SetupLink
from tenants.tokens import BY_PERSON, end_made_by

MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class EndedAccess:
    """When access was to end, when it had ended, and what ended with it. `last_seen_at`: the last request, to the minute."""

    asked_at: dt.datetime
    ended_at: dt.datetime
    actor: str
    last_seen_at: dt.datetime | None
    ended: Mapping[str, int]


def switch_off(tenant_id: int, user_ids: Sequence[str]) -> list[str]:
    """Switch accounts off, and tell which were on (a compare-and-set); `identity.deactivation` ends the rest with it."""
    which = (User.tenant_id == tenant_id, User.id.in_(user_ids), User.active.is_(True))
    return list(write(sa.update(User).where(*which).values(active=False).returning(User.id)).scalars())


def end_sessions_of(tenant_id: int, user_ids: Sequence[str], now: dt.datetime) -> Counter[str]:
    """Browsers' and applications' sessions alike."""
    which = (SessionRow.tenant_id == tenant_id, SessionRow.user_id.in_(user_ids))
    open_ones = (*which, SessionRow.ended_at.is_(None), SessionRow.expires_at > now)
    ended = sa.update(SessionRow).where(*open_ones).values(ended_at=now).returning(SessionRow.user_id)
    return Counter(write(ended).scalars())


def drop_codes_of(tenant_id: int, user_ids: Sequence[str], now: dt.datetime) -> Counter[str]:
    """Codes that wait for an application."""
    waiting = (NativeCode.tenant_id == tenant_id, NativeCode.user_id.in_(user_ids), NativeCode.used_at.is_(None))
    dropped = sa.delete(NativeCode).where(*waiting, NativeCode.expires_at > now).returning(NativeCode.user_id)
    return Counter(write(dropped).scalars())


def revoke_tokens_by(tenant_id: int, user_ids: Sequence[str], now: dt.datetime) -> Counter[str]:
    """Tokens of the management API that they have made, and those that these have made: whoever made one may have kept it."""
    ended = end_made_by([BY_PERSON + user_id for user_id in user_ids], now, tenant_id=tenant_id)
    return Counter(token.maker.removeprefix(BY_PERSON) for token in ended)


def revoke_links_for(tenant_id: int, user_ids: Sequence[str], now: dt.datetime) -> Counter[str]:
    """Set-up links that were sent to their address."""
    people = read(sa.select(User.email, User.id).where(User.tenant_id == tenant_id, User.id.in_(user_ids)))
    owners = {row.email: row.id for row in people}
    which = (SetupLink.tenant_id == tenant_id, sa.func.lower(SetupLink.email).in_(list(owners)))
    good = (*which, SetupLink.revoked_at.is_(None), SetupLink.completed_at.is_(None), SetupLink.expires_at > now)
    revoked = sa.update(SetupLink).where(*good).values(revoked_at=now).returning(SetupLink.email)
    return Counter(owners[str(email).lower()] for email in write(revoked).scalars())


def last_seen(tenant_id: int, user_ids: Sequence[str]) -> Mapping[str, dt.datetime]:
    """When each of them last asked for anything with a session, to the minute."""
    seen = sa.select(SessionRow.user_id, sa.func.max(SessionRow.seen_at).label("seen_at")).where(
        SessionRow.tenant_id == tenant_id, SessionRow.user_id.in_(user_ids)
    )
    return {row.user_id: row.seen_at for row in read(seen.group_by(SessionRow.user_id))}


def add_access_ends(tenant_id: int, ends: Mapping[str, EndedAccess]) -> None:
    """Keep when access ended, for each person."""
    rows = [
        {
            "tenant_id": tenant_id,
            "id": new_id(),
            "user_id": user_id,
            "actor": end.actor[:200],
            "asked_at": end.asked_at,
            "ended_at": end.ended_at,
            "last_seen_at": end.last_seen_at,
            "ended": dict(end.ended),
        }
        for user_id, end in ends.items()
    ]
    write(sa.insert(AccessEnd.__table__), rows)


def access_ends_of(tenant_id: int, user_id: str) -> list[EndedAccess]:
    """Each time that a person's access ended, the last one first."""
    columns = (getattr(AccessEnd, name) for name in EndedAccess.__dataclass_fields__)
    statement = sa.select(*columns).where(AccessEnd.tenant_id == tenant_id, AccessEnd.user_id == user_id)
    return [EndedAccess(**row._mapping) for row in read(statement.order_by(AccessEnd.id.desc()).limit(MAX_SHOWN))]


def accepted_and_refused_since(tenant_id: int, user_id: str, moment: dt.datetime) -> tuple[int, int]:
    """How many sign-ins of a person were accepted after a moment, and how many were refused for being switched off."""
    which = (Attempt.tenant_id == tenant_id, Attempt.user_id == user_id, Attempt.at > moment, Attempt.trial_id.is_(None))
    accepted: Any = sa.func.count().filter(Attempt.code.is_(None))
    refused: Any = sa.func.count().filter(Attempt.code == UserInactive.code)
    row = read(sa.select(accepted, refused).where(*which)).one()
    return int(row[0]), int(row[1])
