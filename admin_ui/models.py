"""Rows of staff: accounts, their factors, their sessions, what they did. Global tables: staff belong to no tenant."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime, new_id
from config.sealing import SealedTo

STAFF_ROLES = ("staff", "support")
WAYS_IN = ("password_totp", "password_passkey", "password_recovery", "passkey", "sso", "invitation")


def _account_key() -> sa.ForeignKey:
    return sa.ForeignKey("staff_account.id", ondelete="CASCADE")


class StaffAccount(Model):
    """One of the company's own people. An invitation waits for its link to be followed; a reset is a new invitation.

    `totp_step` is the last time step whose code was used: neither it nor an earlier one is taken again (RFC 6238 5.2).
    """

    __tablename__ = "staff_account"
    __table_args__ = (sa.CheckConstraint(sa.column("role").in_(STAFF_ROLES), name="role"),)

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    role: Mapped[str] = mapped_column(sa.String(20))
    active: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    sealed_totp_secret: Mapped[str | None] = mapped_column(sa.Text, info=SealedTo("staff_totp", "id").as_info())
    totp_step: Mapped[int | None] = mapped_column(sa.BigInteger)
    invitation_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    invitation_expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    last_sign_in_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class StaffPasskey(Model):
    """A WebAuthn credential. `credential_id` is in base64url, at most 1,023 octets (WebAuthn Level 2, 4)."""

    __tablename__ = "staff_passkey"

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id)
    staff_id: Mapped[str] = mapped_column(RowId, _account_key(), index=True)
    credential_id: Mapped[str] = mapped_column(sa.String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(sa.LargeBinary)
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    label: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class StaffRecoveryCode(Model):
    """One of the ten codes that stand in for a lost second factor, as SHA-256: each has 80 random bits."""

    __tablename__ = "staff_recovery_code"

    staff_id: Mapped[str] = mapped_column(RowId, _account_key(), primary_key=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class StaffSignIn(Model):
    """A sign-in under way in one browser, which holds the secret of `browser_hash` in a cookie.

    `staff_id` is there once the password was right. `challenge` waits for a passkey. `code_hash` is that of the code that
    the staff tenant's host hands over, once, to this browser.
    """

    __tablename__ = "staff_sign_in"
    __table_args__ = (sa.Index("ix_staff_sign_in_expires_at", "expires_at"),)

    browser_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    staff_id: Mapped[str | None] = mapped_column(RowId, _account_key())
    challenge: Mapped[str | None] = mapped_column(sa.String(100))
    code_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    code_email: Mapped[str | None] = mapped_column(sa.String(254))
    code_authenticated_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    code_tenant_id: Mapped[int | None] = mapped_column(sa.Integer)
    code_session_id: Mapped[str | None] = mapped_column(RowId)
    code_expires_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    target: Mapped[str] = mapped_column(sa.String(2000))
    tries: Mapped[int] = mapped_column(sa.Integer, default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class ConsoleSession(Model):
    """A browser in which one of staff is signed in; the cookie's token is kept as SHA-256.

    `authenticated_at` is when the person last proved who they are: what cannot be undone wants that to be recent. None for
    whoever came by single sign-on without having been asked to.
    `origin_…`: the session at the staff tenant's host that it was entered through, and ends with; none for another way in.
    """

    __tablename__ = "console_session"
    __table_args__ = (
        sa.CheckConstraint(sa.column("how").in_(WAYS_IN), name="how"),
        sa.Index("ix_console_session_staff_id", "staff_id", "address"),
        sa.Index("ix_console_session_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    staff_id: Mapped[str] = mapped_column(RowId, _account_key())
    how: Mapped[str] = mapped_column(sa.String(20))
    user_agent: Mapped[str] = mapped_column(sa.String(300))
    address: Mapped[str] = mapped_column(sa.String(45))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    authenticated_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    origin_tenant_id: Mapped[int | None] = mapped_column(sa.Integer)
    origin_session_id: Mapped[str | None] = mapped_column(RowId)
    seen_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class StaffAttempt(Model):
    """How often signing in failed for one key (an account, an address, both together), and when it did last."""

    __tablename__ = "staff_attempt"
    __table_args__ = (sa.Index("ix_staff_attempt_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(sa.String(160), primary_key=True)
    failures: Mapped[int] = mapped_column(sa.Integer)
    last_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class StaffSeal(Model):
    """A batch of staff's events, sealed as those of tenants are: the service's own chain."""

    __tablename__ = "staff_seal"
    __table_args__ = (sa.Index("ix_staff_seal_last_id", "last_id", "first_id"),)

    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    previous: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))
    first_id: Mapped[str | None] = mapped_column(RowId)
    last_id: Mapped[str | None] = mapped_column(RowId)
    count: Mapped[int] = mapped_column(sa.Integer)
    events: Mapped[bytes] = mapped_column(sa.LargeBinary)
    sealed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    key_name: Mapped[str] = mapped_column(sa.String(60))
    public_key: Mapped[str] = mapped_column(sa.String(64))
    signature: Mapped[str] = mapped_column(sa.String(128))


class UnsealedStaffEvent(Model):
    """One of staff's events that is in no seal yet; a trigger adds it with the event."""

    __tablename__ = "unsealed_staff_event"

    event_id: Mapped[str] = mapped_column(RowId, primary_key=True)
