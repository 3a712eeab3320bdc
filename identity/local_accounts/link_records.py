"""Records of links that set a password, and of those who asked for one. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import new_id, read, write
from config.isolation import every_tenant
from config.looks import Look, any_row
from identity.exchanges import hash_of
from identity.local_accounts.models import INVITATION, RESET, LinkRequest, LocalLink
from identity.models import User

LIFETIMES: Mapping[str, dt.timedelta] = {INVITATION: dt.timedelta(days=7), RESET: dt.timedelta(minutes=30)}
TOKEN_BYTES = 32
MAX_TOKEN_LENGTH = 64
MAX_NAME = 320
"""Characters of a name that are kept."""
LINKS_LOOK = Look(any_row(LinkRequest))


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link that may be followed now."""

    user_id: str
    purpose: str
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AskedLink:
    """Somebody who has forgotten a password."""

    tenant_id: int
    id: str
    name: str
    at: dt.datetime


def add_link(tenant_id: int, user_id: str, purpose: str, now: dt.datetime) -> tuple[str, dt.datetime]:
    """Make a link, inside a transaction; its token, and when it runs out. The token is kept nowhere."""
    token, expires_at = secrets.token_urlsafe(TOKEN_BYTES), now + LIFETIMES[purpose]
    row = {"tenant_id": tenant_id, "token_hash": hash_of(token), "user_id": user_id, "purpose": purpose}
    write(sa.insert(LocalLink).values(created_at=now, expires_at=expires_at, **row))
    return token, expires_at


def find_link(tenant_id: int, token: str, now: dt.datetime) -> FoundLink | None:
    """The link of a token, while the person is active."""
    if not token.isascii() or not 0 < len(token) <= MAX_TOKEN_LENGTH:
        return None
    statement = (
        sa.select(LocalLink.user_id, LocalLink.purpose, LocalLink.expires_at)
        .join(User, sa.and_(User.tenant_id == LocalLink.tenant_id, User.id == LocalLink.user_id))
        .where(
            LocalLink.tenant_id == tenant_id,
            LocalLink.token_hash == hash_of(token),
            LocalLink.expires_at > now,
            User.active.is_(True),
        )
    )
    row = read(statement).one_or_none()
    return FoundLink(*row) if row else None


def take_link(tenant_id: int, token: str, now: dt.datetime) -> bool:
    """Use a link up, inside a transaction; False where another browser did so before."""
    conditions = (LocalLink.tenant_id == tenant_id, LocalLink.token_hash == hash_of(token), LocalLink.expires_at > now)
    return write(sa.delete(LocalLink).where(*conditions)).rowcount == 1


def links_open(tenant_id: int, user_id: str, purpose: str, now: dt.datetime) -> int:
    """How many links of a kind somebody could follow now."""
    counted = sa.select(sa.func.count()).select_from(LocalLink)
    conditions = (LocalLink.tenant_id == tenant_id, LocalLink.user_id == user_id, LocalLink.purpose == purpose)
    return int(read(counted.where(*conditions, LocalLink.expires_at > now)).scalar_one())


def waits_for_invitation(tenant_id: int, user_id: str, now: dt.datetime) -> dt.datetime | None:
    """Until when an invitation may be followed."""
    until = sa.select(sa.func.max(LocalLink.expires_at)).where(
        LocalLink.tenant_id == tenant_id,
        LocalLink.user_id == user_id,
        LocalLink.purpose == INVITATION,
        LocalLink.expires_at > now,
    )
    found: dt.datetime | None = read(until).scalar_one_or_none()
    return found


def ask_for_link(tenant_id: int, name: str, now: dt.datetime) -> None:
    """Note that somebody has forgotten a password, inside a transaction; whoever was named, or nobody."""
    write(sa.insert(LinkRequest).values(tenant_id=tenant_id, id=new_id(), name=name[:MAX_NAME].replace("\x00", ""), at=now))


def asked_links(limit: int) -> list[AskedLink]:
    """Those who wait, of every tenant, the first one first."""
    columns = (LinkRequest.tenant_id, LinkRequest.id, LinkRequest.name, LinkRequest.at)
    with every_tenant():
        return [AskedLink(*row) for row in read(sa.select(*columns).order_by(LinkRequest.at).limit(limit))]


def take_asked(asked: AskedLink) -> bool:
    """Take one of them up, inside the transaction that answers it; False where another process did."""
    conditions = (LinkRequest.tenant_id == asked.tenant_id, LinkRequest.id == asked.id)
    return write(sa.delete(LinkRequest).where(*conditions)).rowcount == 1
