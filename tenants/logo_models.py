"""Rows of logos: a table of its own, so that a tenant's row stays small where every request reads it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, UTCDateTime
from config.isolation import TenantScoped


class TenantLogo(TenantScoped, Model):
    """A tenant's logo as it is served. `tenant.logo` names it, so that pages need no look at this table."""

    __tablename__ = "tenant_logo"

    sha256: Mapped[str] = mapped_column(sa.String(64))
    png: Mapped[bytes] = mapped_column(sa.LargeBinary)
    width: Mapped[int]
    height: Mapped[int]
    uploaded_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    uploaded_by: Mapped[str] = mapped_column(sa.String(200))
