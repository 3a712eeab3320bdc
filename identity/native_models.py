"""Rows of native clients: codes that wait for the application that asked for them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime
from config.isolation import TenantScoped


class NativeCode(TenantScoped, Model):
    """A one-time code that a browser carries to an application on the same device; kept as SHA-256.

    `session_id` is the browser's session that it was given in, and has to be alive when it is redeemed. `used_at` closes it,
    and `opened_session_id` is what it opened: a code that comes again ends that session.
    """

    __tablename__ = "native_code"
    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        sa.Index("ix_native_code_user", "tenant_id", "user_id"),
        sa.Index("ix_native_code_expires_at", "expires_at"),
    )

    code_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    user_id: Mapped[str] = mapped_column(RowId)
    session_id: Mapped[str] = mapped_column(RowId)
    client: Mapped[str] = mapped_column(sa.String(60))
    redirect_uri: Mapped[str] = mapped_column(sa.String(80))
    challenge: Mapped[str] = mapped_column(sa.String(43))
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    opened_session_id: Mapped[str | None] = mapped_column(RowId)
