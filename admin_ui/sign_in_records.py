"""Records of sign-ins under way: one browser, its secret in a cookie, ten minutes, used once."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from admin_ui.models import StaffSignIn
from config.database import read, write
from identity.exchanges import hash_of

SIGN_IN_COOKIE = "__Host-vestibule_staff_sign_in"
LIFETIME = dt.timedelta(minutes=10)
CODE_LIFETIME = dt.timedelta(seconds=60)
SECRET_BYTES = 32
MAX_SECRET_LENGTH = 64
MAX_TRIES = 5
"""Second factors that one sign-in may try; then the password is asked again."""


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in under way. `staff_id` None: nobody has been named yet."""

    browser_hash: str
    staff_id: str | None
    challenge: str | None
    target: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Who the staff tenant's host says this is, in which session there, and when they proved it."""

    email: str
    authenticated_at: dt.datetime | None
    target: str
    tenant_id: int
    session_id: str


_COLUMNS = tuple(getattr(StaffSignIn, name) for name in PendingSignIn.__dataclass_fields__)


def begin(target: str, now: dt.datetime, *, staff_id: str | None = None, challenge: str | None = None) -> str:
    """Begin a sign-in, inside a transaction, and give the secret for the cookie; always a new one."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    write(
        sa.insert(StaffSignIn).values(
            browser_hash=hash_of(secret),
            staff_id=staff_id,
            challenge=challenge,
            target=target,
            tries=0,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return secret


def find(secret: str, now: dt.datetime) -> PendingSignIn | None:
    """The sign-in that this browser has under way."""
    if not 0 < len(secret) <= MAX_SECRET_LENGTH:
        return None
    statement = sa.select(*_COLUMNS).where(StaffSignIn.browser_hash == hash_of(secret), StaffSignIn.expires_at > now)
    row = read(statement).one_or_none()
    return PendingSignIn(**row._mapping) if row else None


def began_at(browser_hash: str, now: dt.datetime) -> dt.datetime | None:
    """When a sign-in under way began that names nobody yet."""
    statement = sa.select(StaffSignIn.created_at).where(
        StaffSignIn.browser_hash == browser_hash, StaffSignIn.expires_at > now, StaffSignIn.staff_id.is_(None)
    )
    found: dt.datetime | None = read(statement).scalar_one_or_none()
    return found


def set_challenge(browser_hash: str, challenge: str | None) -> bool:
    """Keep what the next passkey has to answer, inside a transaction; False where the sign-in is over."""
    return _change(StaffSignIn.browser_hash == browser_hash, challenge=challenge)


def count_try(browser_hash: str) -> bool:
    """Count one try of a second factor, inside a transaction, and take its challenge away; False where none is left."""
    return _change(
        StaffSignIn.browser_hash == browser_hash, StaffSignIn.tries < MAX_TRIES, tries=StaffSignIn.tries + 1, challenge=None
    )


def finish(browser_hash: str) -> bool:
    """Use a sign-in up, inside a transaction; False where it was before."""
    return write(sa.delete(StaffSignIn).where(StaffSignIn.browser_hash == browser_hash)).rowcount == 1


def forget_sign_ins_of(staff_id: str) -> None:
    """End what an account has under way, inside a transaction."""
    write(sa.delete(StaffSignIn).where(StaffSignIn.staff_id == staff_id))


def keep_code(
    browser_hash: str,
    code: str,
    *,
    email: str,
    authenticated_at: dt.datetime | None,
    origin: tuple[int, str],
    now: dt.datetime,
) -> bool:
    """Keep the code that the staff tenant's host hands over, inside a transaction; False for a sign-in that is not there.

    A second code takes the first one's place.

    Args:
        origin: the staff tenant, and the session there.
    """
    return _change(
        StaffSignIn.browser_hash == browser_hash,
        StaffSignIn.expires_at > now,
        StaffSignIn.staff_id.is_(None),
        code_hash=hash_of(code),
        code_email=email,
        code_authenticated_at=authenticated_at,
        code_tenant_id=origin[0],
        code_session_id=origin[1],
        code_expires_at=now + CODE_LIFETIME,
    )


def take_code(secret: str, code: str, now: dt.datetime) -> HandedOver | None:
    """Use a code up, inside a transaction, in the browser that began; None for any other, and the second time."""
    statement = (
        sa.delete(StaffSignIn)
        .where(
            StaffSignIn.browser_hash == hash_of(secret),
            StaffSignIn.code_hash == hash_of(code),
            StaffSignIn.code_expires_at > now,
            StaffSignIn.code_session_id.is_not(None),
        )
        .returning(
            StaffSignIn.code_email,
            StaffSignIn.code_authenticated_at,
            StaffSignIn.target,
            StaffSignIn.code_tenant_id,
            StaffSignIn.code_session_id,
        )
    )
    row = write(statement).one_or_none()
    return HandedOver(*row) if row else None


def _change(*conditions: sa.ColumnElement[bool], **values: Any) -> bool:
    return write(sa.update(StaffSignIn).where(*conditions).values(**values)).rowcount == 1
