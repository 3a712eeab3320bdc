"""Records of sign-ins under way, and of browsers in which somebody signed in before. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, write
from identity.exchanges import hash_of
from identity.local_accounts.models import KnownBrowser, LocalLink, LocalSignIn

LIFETIME = dt.timedelta(minutes=10)
BROWSER_LIFETIME = dt.timedelta(days=365)
"""How long a browser is remembered after its last sign-in."""
SECRET_BYTES = 32
MAX_SECRET_LENGTH = 64
MAX_TRIES = 5
"""Second factors that one sign-in may try; then the password is asked again."""
MAX_BROWSERS = 10
"""Browsers that are remembered for one person; the one that was used longest ago makes place."""


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in under way. `user_id` None: nobody has been named yet."""

    browser_hash: str
    user_id: str | None
    way: str
    reason: str
    challenge: str | None
    target: str


_COLUMNS = tuple(getattr(LocalSignIn, name) for name in PendingSignIn.__dataclass_fields__)


def begin(
    tenant_id: int,
    way: str,
    target: str,
    now: dt.datetime,
    *,
    user_id: str | None = None,
    reason: str = "",
    challenge: str | None = None,
) -> str:
    """Begin a sign-in, inside a transaction, and give the secret for the cookie; always a new one."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = {"tenant_id": tenant_id, "browser_hash": hash_of(secret), "user_id": user_id, "way": way, "reason": reason}
    row |= {"challenge": challenge, "target": target, "tries": 0}
    write(sa.insert(LocalSignIn).values(created_at=now, expires_at=now + LIFETIME, **row))
    return secret


def find(tenant_id: int, secret: str, now: dt.datetime) -> PendingSignIn | None:
    """The sign-in that this browser has under way."""
    if not 0 < len(secret) <= MAX_SECRET_LENGTH:
        return None
    conditions = (LocalSignIn.tenant_id == tenant_id, LocalSignIn.browser_hash == hash_of(secret))
    row = read(sa.select(*_COLUMNS).where(*conditions, LocalSignIn.expires_at > now)).one_or_none()
    return PendingSignIn(**row._mapping) if row else None


def set_challenge(tenant_id: int, browser_hash: str, challenge: str) -> bool:
    """Keep what the next passkey has to answer, inside a transaction; False where the sign-in is over."""
    return _change(tenant_id, browser_hash, challenge=challenge)


def count_try(tenant_id: int, browser_hash: str) -> bool:
    """Count one try of a second factor, inside a transaction, and take its challenge away; False where none is left."""
    left = LocalSignIn.tries < MAX_TRIES
    return _change(tenant_id, browser_hash, left, tries=LocalSignIn.tries + 1, challenge=None)


def finish(tenant_id: int, browser_hash: str) -> bool:
    """Use a sign-in up, inside a transaction; False where it was before."""
    conditions = (LocalSignIn.tenant_id == tenant_id, LocalSignIn.browser_hash == browser_hash)
    return write(sa.delete(LocalSignIn).where(*conditions)).rowcount == 1


def forget_what_waits(tenant_id: int, user_id: str, *, browsers: bool = False) -> None:
    """End an account's sign-ins under way and its links, inside a transaction; `browsers`: none is remembered either."""
    for table in (LocalSignIn, LocalLink, *((KnownBrowser,) if browsers else ())):
        write(sa.delete(table).where(table.tenant_id == tenant_id, table.user_id == user_id))


def is_known(tenant_id: int, token: str, user_id: str, now: dt.datetime) -> bool:
    """Whether this person signed in with the browser that holds the token."""
    if not 0 < len(token) <= MAX_SECRET_LENGTH:
        token = ""
    statement = sa.select(KnownBrowser.user_id).where(
        KnownBrowser.tenant_id == tenant_id,
        KnownBrowser.token_hash == hash_of(token),
        KnownBrowser.user_id == user_id,
        KnownBrowser.expires_at > now,
    )
    return read(statement).one_or_none() is not None


def remember_browser(tenant_id: int, user_id: str, former: str, now: dt.datetime) -> str:
    """Remember a browser, inside a transaction, under a new token; the former one, whosever it was, is worth nothing more."""
    if 0 < len(former) <= MAX_SECRET_LENGTH:
        was = (KnownBrowser.tenant_id == tenant_id, KnownBrowser.token_hash == hash_of(former))
        write(sa.delete(KnownBrowser).where(*was))
    whose = (KnownBrowser.tenant_id == tenant_id, KnownBrowser.user_id == user_id)
    latest = sa.select(KnownBrowser.token_hash).where(*whose).order_by(KnownBrowser.created_at.desc())
    if kept := list(read(latest.limit(MAX_BROWSERS - 1)).scalars()):
        write(sa.delete(KnownBrowser).where(*whose, KnownBrowser.token_hash.not_in(kept)))
    token = secrets.token_urlsafe(SECRET_BYTES)
    row = {"tenant_id": tenant_id, "token_hash": hash_of(token), "user_id": user_id}
    write(sa.insert(KnownBrowser).values(created_at=now, expires_at=now + BROWSER_LIFETIME, **row))
    return token


def _change(tenant_id: int, browser_hash: str, *conditions: sa.ColumnElement[bool], **values: Any) -> bool:
    here = (LocalSignIn.tenant_id == tenant_id, LocalSignIn.browser_hash == browser_hash)
    return write(sa.update(LocalSignIn).where(*here, *conditions).values(**values)).rowcount == 1
