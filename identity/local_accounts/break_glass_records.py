"""Records of break-glass administrators, and of each time that one came in. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import new_id, read, write
from identity.local_accounts.models import BreakGlassAdmin, BreakGlassUse, LocalAccount
from identity.models import User

MAX_SHOWN = 50
SHOWN_FOR = dt.timedelta(days=30)
"""How long the console tells of a use that nobody has acknowledged."""


@dataclass(frozen=True, slots=True)
class NamedAdmin:
    """A break-glass administrator as others see them. `ready`: they have a password and an app, so that they would get in."""

    user_id: str
    email: str
    first_name: str | None
    last_name: str | None
    active: bool
    reason: str
    named_by: str
    named_at: dt.datetime
    has_password: bool
    has_app: bool
    last_sign_in_at: dt.datetime | None

    @property
    def name(self) -> str:
        """What they are called."""
        return " ".join(filter(None, (self.first_name, self.last_name))) or self.email


@dataclass(frozen=True, slots=True)
class GlassBroken:
    """One time that somebody came in so."""

    id: str
    user_id: str
    email: str
    session_id: str
    reason: str
    user_agent: str
    address: str
    at: dt.datetime
    seen_by: str | None
    seen_at: dt.datetime | None


_USED = (
    BreakGlassUse.id,
    BreakGlassUse.user_id,
    User.email,
    BreakGlassUse.session_id,
    BreakGlassUse.reason,
    BreakGlassUse.user_agent,
    BreakGlassUse.address,
    BreakGlassUse.at,
    BreakGlassUse.seen_by,
    BreakGlassUse.seen_at,
)


def name_admin(tenant_id: int, user_id: str, reason: str, *, named_by: str, now: dt.datetime) -> None:
    """Name somebody, inside a transaction that holds the account and knows that nobody named them before."""
    row = {"tenant_id": tenant_id, "user_id": user_id, "reason": reason, "named_by": named_by, "named_at": now}
    write(sa.insert(BreakGlassAdmin).values(**row))


def withdraw_admin(tenant_id: int, user_id: str) -> bool:
    """Take the name back, inside a transaction; False where they had it not."""
    conditions = (BreakGlassAdmin.tenant_id == tenant_id, BreakGlassAdmin.user_id == user_id)
    return write(sa.delete(BreakGlassAdmin).where(*conditions)).rowcount == 1


def named_admins(tenant_id: int, *, user_id: str | None = None) -> list[NamedAdmin]:
    """A tenant's, or that one of them."""
    columns = (
        BreakGlassAdmin.user_id,
        User.email,
        User.first_name,
        User.last_name,
        User.active,
        BreakGlassAdmin.reason,
        BreakGlassAdmin.named_by,
        BreakGlassAdmin.named_at,
        LocalAccount.password_hash.is_not(None).label("has_password"),
        LocalAccount.sealed_totp_secret.is_not(None).label("has_app"),
        LocalAccount.last_sign_in_at,
    )
    of_account = sa.and_(
        LocalAccount.tenant_id == BreakGlassAdmin.tenant_id, LocalAccount.user_id == BreakGlassAdmin.user_id
    )
    of_person = sa.and_(User.tenant_id == BreakGlassAdmin.tenant_id, User.id == BreakGlassAdmin.user_id)
    statement = sa.select(*columns).select_from(BreakGlassAdmin).join(LocalAccount, of_account).join(User, of_person)
    statement = statement.where(BreakGlassAdmin.tenant_id == tenant_id)
    if user_id is not None:
        statement = statement.where(BreakGlassAdmin.user_id == user_id)
    return [NamedAdmin(**row._mapping) for row in read(statement.order_by(User.email))]


def count_admins(tenant_id: int) -> int:
    """How many a tenant has named."""
    counted = sa.select(sa.func.count()).select_from(BreakGlassAdmin).where(BreakGlassAdmin.tenant_id == tenant_id)
    return int(read(counted).scalar_one())


def add_use(
    tenant_id: int, user_id: str, session_id: str, reason: str, user_agent: str, address: str, now: dt.datetime
) -> str:
    """Note that somebody came in so, inside that sign-in's transaction; its id."""
    use_id = new_id()
    row = {"tenant_id": tenant_id, "id": use_id, "user_id": user_id, "session_id": session_id, "reason": reason}
    write(sa.insert(BreakGlassUse).values(user_agent=user_agent[:300], address=address[:45], at=now, **row))
    return use_id


def uses_of(tenant_id: int, *, since: dt.datetime | None = None, unseen: bool = False) -> list[GlassBroken]:
    """The latest times, the last one first."""
    of_person = sa.and_(User.tenant_id == BreakGlassUse.tenant_id, User.id == BreakGlassUse.user_id)
    statement = sa.select(*_USED).select_from(BreakGlassUse).join(User, of_person)
    statement = statement.where(BreakGlassUse.tenant_id == tenant_id)
    if since is not None:
        statement = statement.where(BreakGlassUse.at > since)
    if unseen:
        statement = statement.where(BreakGlassUse.seen_at.is_(None))
    return [GlassBroken(**row._mapping) for row in read(statement.order_by(BreakGlassUse.id.desc()).limit(MAX_SHOWN))]


def user_of_use(tenant_id: int, use_id: str) -> str | None:
    """Who came in that time."""
    statement = sa.select(BreakGlassUse.user_id).where(BreakGlassUse.tenant_id == tenant_id, BreakGlassUse.id == use_id)
    found: str | None = read(statement).scalar_one_or_none()
    return found


def see_use(tenant_id: int, use_id: str, *, seen_by: str, now: dt.datetime) -> bool:
    """Note who has seen that, inside a transaction; False where it was seen before, or is none of the tenant's."""
    here = (BreakGlassUse.tenant_id == tenant_id, BreakGlassUse.id == use_id, BreakGlassUse.seen_at.is_(None))
    return write(sa.update(BreakGlassUse).where(*here).values(seen_by=seen_by, seen_at=now)).rowcount == 1

