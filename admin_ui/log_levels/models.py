"""The row of a log level. A global table: it is the whole service's, and no tenant's."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, UTCDateTime
from config.log_levels import LEVELS


class LogLevel(Model):
    """The level that one logger has until a moment, in every process; whoever sets it again replaces it."""

    __tablename__ = "log_level"
    __table_args__ = (sa.CheckConstraint(sa.column("level").in_(LEVELS), name="level"),)

    logger: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    level: Mapped[str] = mapped_column(sa.String(10))
    until: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    set_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    set_by: Mapped[str] = mapped_column(sa.String(200))
