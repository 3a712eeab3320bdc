"""The row of a property whose value is not its default."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, UTCDateTime


class ServiceProperty(Model):
    """A property that somebody has set; without a row its default holds."""

    __tablename__ = "service_property"

    name: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    value: Mapped[int] = mapped_column(sa.Integer)
    changed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    changed_by: Mapped[str] = mapped_column(sa.String(200))
