"""Bearer tokens of the management API: made, looked up, revoked. Only their SHA-256 is kept (I1)."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read, write
from tenants.management_errors import DurationInvalid, TokenScopeInvalid
from tenants.models import APIToken
from tenants.roles import Role

PREFIX = "vst_"
BY_TOKEN = "token:"  # noqa: S105 a word
"""How what a token does is signed: with its public id behind it."""
BY_PERSON = "user:"
"""How what one of a tenant's people does is signed."""
SECRET_BYTES = 32
PUBLIC_ID = re.compile(r"tok_[0-9a-f]{12}")
MAX_TOKEN_LENGTH = 128
MAX_LABEL = 200
MAX_LIFETIME = dt.timedelta(days=3660)
_DURATION = re.compile(r"(-?)([0-9]{1,6})([smhd])")
_UNITS: Mapping[str, str] = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose valid token a call came with. `tenant_id` None: every tenant."""

    token_id: str
    role: Role
    tenant_id: int | None
    expires_at: dt.datetime

    @property
    def actor(self) -> str:
        """How audit events name the caller."""
        return BY_TOKEN + self.token_id


@dataclass(frozen=True, slots=True)
class TokenView:
    """What is shown of a token; never the token."""

    public_id: str
    role: str
    tenant_id: int | None
    label: str
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None

    def state(self, now: dt.datetime) -> str:
        """One of valid, expired and revoked."""
        return "revoked" if self.revoked_at else "expired" if self.expires_at <= now else "valid"


@dataclass(frozen=True, slots=True)
class RoleToken:
    """A valid token that one of the tenant's people made at the console, and the role that they had then, as `Roles` name it.

    `made_under` None: from before that was kept.
    """

    public_id: str
    made_by: str
    made_under: str | None


@dataclass(frozen=True, slots=True)
class EndedToken:
    """A token that ended with whoever stands behind it: the person, staff or token that made it, or made what made it."""

    public_id: str
    tenant_id: int | None
    maker: str


_FIND = sa.select(APIToken.public_id, APIToken.role, APIToken.tenant_id, APIToken.expires_at, APIToken.revoked_at).where(
    APIToken.token_hash == sa.bindparam("token_hash")
)
_VIEW = (
    APIToken.public_id,
    APIToken.role,
    APIToken.tenant_id,
    APIToken.label,
    APIToken.created_at,
    APIToken.expires_at,
    APIToken.revoked_at,
)


def add_token(
    role: Role,
    tenant_id: int | None,
    *,
    lifetime: dt.timedelta,
    label: str,
    now: dt.datetime,
    made_by: str | None = None,
    made_under: str | None = None,
) -> tuple[str, str]:
    """Make a token, and give it with its public id. It is shown this once; the database keeps its hash.

    Args:
        made_by: who, as events name them; what somebody made ends with their account, and what a token made with that token.
        made_under: the role that they have, by where it comes from; it ends with that as well.

    Raises:
        TokenScopeInvalid: a tenant's role without a tenant, or the other way round.
    """
    if role.of_one_tenant != (tenant_id is not None):
        raise TokenScopeInvalid(role.value)
    token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    public_id = "tok_" + secrets.token_hex(6)
    write(
        sa.insert(APIToken).values(
            token_hash=hash_of_token(token),
            public_id=public_id,
            role=role.value,
            tenant_id=tenant_id,
            label=label[:MAX_LABEL],
            made_by=made_by and made_by[:200],
            made_under=made_under,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    return token, public_id


def find_caller(token: str, now: dt.datetime) -> Caller | None:
    """Whose token this is; None for an unknown, expired or revoked one alike, after the same work.

    The look-up is by the hash of a random secret: how long it takes tells nothing of any stored token.
    """
    row = read(_FIND, {"token_hash": hash_of_token(token)}).one_or_none()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return None
    return Caller(row.public_id, Role(row.role), row.tenant_id, row.expires_at)


def list_tokens(tenant_id: int | None = None) -> list[TokenView]:
    """Tokens, newest first: all of them, or one tenant's."""
    statement = sa.select(*_VIEW).order_by(APIToken.created_at.desc(), APIToken.public_id)
    if tenant_id is not None:
        statement = statement.where(APIToken.tenant_id == tenant_id)
    return [TokenView(**row._mapping) for row in read(statement)]


def page_of_tokens(tenant_id: int, after: str | None, limit: int) -> list[TokenView]:
    """One tenant's tokens, newest first, from behind the place `after` on."""
    statement = sa.select(*_VIEW).where(APIToken.tenant_id == tenant_id)
    if after is not None:
        moment, _, public_id = after.partition(" ")
        made = dt.datetime.fromisoformat(moment)
        later = sa.and_(APIToken.created_at == made, APIToken.public_id < public_id)
        statement = statement.where(sa.or_(APIToken.created_at < made, later))
    ordered = statement.order_by(APIToken.created_at.desc(), APIToken.public_id.desc()).limit(limit)
    return [TokenView(**row._mapping) for row in read(ordered)]


def place_of(token: TokenView) -> str:
    """Where a token stands in its tenant's list."""
    return f"{token.created_at.isoformat()} {token.public_id}"


def find_tenant_token(tenant_id: int, public_id: str) -> TokenView | None:
    """One of a tenant's tokens."""
    row = read(sa.select(*_VIEW).where(*_of_tenant(tenant_id, public_id))).one_or_none()
    return TokenView(**row._mapping) if row else None


def count_valid_tokens(tenant_id: int, now: dt.datetime) -> int:
    """How many tokens of a tenant would be let in."""
    valid = (APIToken.tenant_id == tenant_id, APIToken.revoked_at.is_(None), APIToken.expires_at > now)
    return int(read(sa.select(sa.func.count()).select_from(APIToken).where(*valid)).scalar_one())


def end_tenant_token(tenant_id: int, public_id: str, now: dt.datetime) -> list[str]:
    """End one of a tenant's tokens, and what it made; the public ids of all that ended, none where it had ended before."""
    which = (*_of_tenant(tenant_id, public_id), APIToken.revoked_at.is_(None))
    if write(sa.update(APIToken).where(*which).values(revoked_at=now)).rowcount != 1:
        return []
    return [public_id, *(ended.public_id for ended in end_made_by([BY_TOKEN + public_id], now))]


def hold_token(public_id: str, now: dt.datetime) -> bool:
    """Hold a token until the end of the transaction, while it makes another one; False where it has ended meanwhile."""
    valid = (APIToken.public_id == public_id, APIToken.revoked_at.is_(None), APIToken.expires_at > now)
    return write(sa.select(APIToken.public_id).where(*valid).with_for_update()).first() is not None


def end_made_by(makers: Sequence[str], now: dt.datetime, *, tenant_id: int | None = None) -> list[EndedToken]:
    """End what these have made, and what that has made in turn, inside a transaction: whoever made one may have kept it.

    Args:
        makers: as events name them.
        tenant_id: what they may have made is this tenant's.
    """
    behind, sought = dict[str, str](), {maker: maker for maker in makers}
    while sought:  # a token is younger than what made it, so this comes to an end
        found = sa.select(APIToken.public_id, APIToken.made_by).where(APIToken.made_by.in_(list(sought)))
        if tenant_id is not None:
            found = found.where(APIToken.tenant_id == tenant_id)
        made = {row.public_id: sought[row.made_by] for row in read(found)}
        behind |= made
        sought = {BY_TOKEN + public_id: maker for public_id, maker in made.items()}
    if not behind:
        return []
    valid = (APIToken.public_id.in_(list(behind)), APIToken.revoked_at.is_(None), APIToken.expires_at > now)
    statement = sa.update(APIToken).where(*valid).values(revoked_at=now).returning(APIToken.public_id, APIToken.tenant_id)
    return [EndedToken(row.public_id, row.tenant_id, behind[row.public_id]) for row in write(statement)]


def role_tokens(tenant_id: int, now: dt.datetime, *, made_by: str | None = None) -> list[RoleToken]:
    """Valid tokens of a tenant that its people made at the console, or one of them: there are never many."""
    columns = (getattr(APIToken, name) for name in RoleToken.__dataclass_fields__)
    valid = (APIToken.tenant_id == tenant_id, APIToken.revoked_at.is_(None), APIToken.expires_at > now)
    by = APIToken.made_by == made_by if made_by else APIToken.made_by.startswith(BY_PERSON, autoescape=True)
    statement = sa.select(*columns).where(*valid, by)
    return [RoleToken(**row._mapping) for row in read(statement.order_by(APIToken.created_at, APIToken.public_id))]


def maker_behind(actor: str) -> str:
    """Who stands behind an actor: of a token, whoever made it, or made the token that made it; everybody else themselves."""
    while actor.startswith(BY_TOKEN):
        statement = sa.select(APIToken.made_by).where(APIToken.public_id == actor.removeprefix(BY_TOKEN))
        made_by = read(statement).scalar_one_or_none()
        if made_by is None:
            break
        actor = made_by
    return actor


def _of_tenant(tenant_id: int, public_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (APIToken.tenant_id == tenant_id, APIToken.public_id == public_id)


def revoke_token(token_or_id: str, now: dt.datetime) -> TokenView | None:
    """End a token, named by itself or its public id, and what it made; None where there is none, or it was revoked before."""
    if not token_or_id.isascii() or not token_or_id.isprintable():
        return None
    revoked = _revoke(sa.or_(APIToken.public_id == token_or_id, APIToken.token_hash == hash_of_token(token_or_id)), now)
    if revoked is not None:
        end_made_by([BY_TOKEN + revoked.public_id], now)
    return revoked


def revoke_tokens_of(tenant_id: int, now: dt.datetime) -> None:
    """End all tokens of one tenant."""
    write(sa.update(APIToken).where(APIToken.tenant_id == tenant_id, APIToken.revoked_at.is_(None)).values(revoked_at=now))


def _revoke(which: sa.ColumnElement[bool], now: dt.datetime) -> TokenView | None:
    statement = sa.update(APIToken).where(which, APIToken.revoked_at.is_(None)).values(revoked_at=now).returning(*_VIEW)
    row = write(statement).one_or_none()
    return TokenView(**row._mapping) if row else None


def hash_of_token(token: str) -> str:
    """The stored form of a token; a secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def read_duration(text: str) -> dt.timedelta:
    """`30d`, `12h`, `90m`, `45s`; with a minus in front for a token that has expired already, as tests want it.

    Raises:
        DurationInvalid
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise DurationInvalid(text[:40])
    sign, number, unit = match.groups()
    lifetime = dt.timedelta(**{_UNITS[unit]: int(number)})
    if lifetime > MAX_LIFETIME:
        raise DurationInvalid(text[:40])
    return -lifetime if sign else lifetime
