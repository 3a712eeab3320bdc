"""Bearer tokens of the management API: made, looked up, revoked. Only their SHA-256 is kept (I1)."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read, write
from tenants.management_errors import DurationInvalid, TokenScopeInvalid
from tenants.models import APIToken
from tenants.roles import Role

PREFIX = "vst_"
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
        return f"token:{self.token_id}"


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
    role: Role, tenant_id: int | None, *, lifetime: dt.timedelta, label: str, now: dt.datetime, made_by: str | None = None
) -> tuple[str, str]:
    """Make a token, and give it with its public id. It is shown this once; the database keeps its hash.

    Args:
        made_by: who, as events name them; one that a person made ends with their account.

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


def end_tenant_token(tenant_id: int, public_id: str, now: dt.datetime) -> bool:
    """End one of a tenant's tokens; False where it had ended before."""
    which = (*_of_tenant(tenant_id, public_id), APIToken.revoked_at.is_(None))
    return write(sa.update(APIToken).where(*which).values(revoked_at=now)).rowcount == 1


def _of_tenant(tenant_id: int, public_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (APIToken.tenant_id == tenant_id, APIToken.public_id == public_id)


def revoke_token(token_or_id: str, now: dt.datetime) -> TokenView | None:
    """End a token, named by itself or by its public id; None where there is none, or it was revoked before."""
    if not token_or_id.isascii() or not token_or_id.isprintable():
        return None
    return _revoke(sa.or_(APIToken.public_id == token_or_id, APIToken.token_hash == hash_of_token(token_or_id)), now)


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
