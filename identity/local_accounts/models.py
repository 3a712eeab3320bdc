"""Rows of local accounts: passwords and second factors of people whose organisation keeps no accounts elsewhere (G2, G4)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from config.sealing import SealedTo

INVITATION, RESET = "invitation", "reset"
PURPOSES = (INVITATION, RESET)
WAYS_IN = ("local", "break_glass")


def _person_key() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE")


def _account_key() -> sa.ForeignKeyConstraint:
    """What belongs to an account goes with it."""
    return sa.ForeignKeyConstraint(
        ["tenant_id", "user_id"], ["local_account.tenant_id", "local_account.user_id"], ondelete="CASCADE"
    )


class LocalAccount(TenantScoped, Model):
    """A person's own password here; without one it waits for its invitation to be followed.

    `totp_step` is the last time step whose code was used: neither it nor an earlier one is taken again (RFC 6238 5.2).
    """

    __tablename__ = "local_account"
    __table_args__ = (_person_key(),)

    user_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    password_set_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sealed_totp_secret: Mapped[str | None] = mapped_column(
        sa.Text, info=SealedTo("local_totp", "tenant_id", "user_id").as_info()
    )
    totp_step: Mapped[int | None] = mapped_column(sa.BigInteger)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    last_sign_in_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class LocalPasskey(TenantScoped, Model):
    """A WebAuthn credential. `credential_id` is in base64url, at most 1,023 octets (WebAuthn Level 2, 4)."""

    __tablename__ = "local_passkey"
    __table_args__ = (
        _account_key(),
        sa.UniqueConstraint("tenant_id", "credential_id"),
        sa.Index("ix_local_passkey_user_id", "tenant_id", "user_id"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    user_id: Mapped[str] = mapped_column(RowId)
    credential_id: Mapped[str] = mapped_column(sa.String(1400))
    public_key: Mapped[bytes] = mapped_column(sa.LargeBinary)
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    label: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class LocalRecoveryCode(TenantScoped, Model):
    """One of the ten codes that stand in for a lost second factor, as SHA-256: each has 80 random bits."""

    __tablename__ = "local_recovery_code"
    __table_args__ = (_account_key(),)

    user_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    code_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class LocalLink(TenantScoped, Model):
    """A link that sets a password, once; its token as SHA-256. Following one uses up all of the account's."""

    __tablename__ = "local_link"
    __table_args__ = (
        _account_key(),
        sa.CheckConstraint(sa.column("purpose").in_(PURPOSES), name="purpose"),
        sa.Index("ix_local_link_user_id", "tenant_id", "user_id"),
        sa.Index("ix_local_link_expires_at", "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    user_id: Mapped[str] = mapped_column(RowId)
    purpose: Mapped[str] = mapped_column(sa.String(20))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class LinkRequest(TenantScoped, Model):
    """Somebody has forgotten a password and typed this name; a job looks whether there is such an account, and writes to it.

    So the answer is the same, and takes as long, whoever was named.
    """

    __tablename__ = "local_link_request"
    __table_args__ = (sa.Index("ix_local_link_request_at", "at"),)

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    name: Mapped[str] = mapped_column(sa.String(320))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class LocalSignIn(TenantScoped, Model):
    """A sign-in under way in one browser, which holds the secret of `browser_hash` in a cookie.

    `user_id` is there once the password was right. `challenge` waits for a passkey. `reason` is a break-glass admin's.
    """

    __tablename__ = "local_sign_in"
    __table_args__ = (
        _account_key(),
        sa.CheckConstraint(sa.column("way").in_(WAYS_IN), name="way"),
        sa.Index("ix_local_sign_in_expires_at", "expires_at"),
        sa.Index("ix_local_sign_in_user_id", "tenant_id", "user_id"),
    )

    browser_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    user_id: Mapped[str | None] = mapped_column(RowId)
    way: Mapped[str] = mapped_column(sa.String(20))
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    challenge: Mapped[str | None] = mapped_column(sa.String(100))
    target: Mapped[str] = mapped_column(sa.String(2000))
    tries: Mapped[int] = mapped_column(sa.Integer, default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class KnownBrowser(TenantScoped, Model):
    """A browser in which somebody gave their password before, that of a local account or of a directory.

    Its cookie's token is kept as SHA-256. It has a budget of failures of its own.
    """

    __tablename__ = "local_browser"
    __table_args__ = (
        _person_key(),
        sa.Index("ix_local_browser_user_id", "tenant_id", "user_id"),
        sa.Index("ix_local_browser_expires_at", "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    user_id: Mapped[str] = mapped_column(RowId)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class LocalAttempt(TenantScoped, Model):
    """How often signing in failed for one key (an account, an address, both together), and when it did last."""

    __tablename__ = "local_attempt"
    __table_args__ = (sa.Index("ix_local_attempt_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(sa.String(160), primary_key=True, sort_order=-1)
    failures: Mapped[int] = mapped_column(sa.Integer)
    last_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class BreakGlassAdmin(TenantScoped, Model):
    """Somebody who may come in, as an administrator, when the organisation's own way to sign in is down (G4)."""

    __tablename__ = "break_glass_admin"
    __table_args__ = (_account_key(),)

    user_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    reason: Mapped[str] = mapped_column(sa.String(500))
    named_by: Mapped[str] = mapped_column(sa.String(200))
    named_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class BreakGlassUse(TenantScoped, Model):
    """One time that somebody did; told everywhere at once, and shown in the console until an administrator has seen it."""

    __tablename__ = "break_glass_use"
    __table_args__ = (_person_key(), sa.Index("ix_break_glass_use_at", "at"))

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    user_id: Mapped[str] = mapped_column(RowId)
    session_id: Mapped[str] = mapped_column(RowId)
    reason: Mapped[str] = mapped_column(sa.String(500))
    user_agent: Mapped[str] = mapped_column(sa.String(300))
    address: Mapped[str] = mapped_column(sa.String(45))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    seen_by: Mapped[str | None] = mapped_column(sa.String(200))
    seen_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
