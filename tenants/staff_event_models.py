"""Row of what staff did that belongs to no tenant: whatever package it was done in, it stands in one table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id


class StaffEvent(Model):
    """What staff did that belongs to no tenant, for ever: triggers in the database refuse change and removal."""

    __tablename__ = "staff_event"

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id)
    type: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(sa.String(200))
    staff_id: Mapped[str | None] = mapped_column(RowId, index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
