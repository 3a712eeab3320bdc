"""Rows of ended access: when somebody was to have none any more, and when that was so."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped


class AccessEnd(TenantScoped, Model):
    """One switching off of an account. `ended` is how many of what ended with it."""

    __tablename__ = "access_end"
    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        sa.Index("ix_access_end_user", "tenant_id", "user_id", "id"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    user_id: Mapped[str] = mapped_column(RowId)
    actor: Mapped[str] = mapped_column(sa.String(200))
    asked_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    ended: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
