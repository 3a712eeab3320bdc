"""Rows of what a directory said of its people, for trying rules on it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId
from config.isolation import TenantScoped


class DirectoryReading(TenantScoped, Model):
    """Fingerprints of the values that the last sync has read of one person (identity.placement.fingerprints)."""

    __tablename__ = "directory_reading"
    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "directory_id"], ["directory.tenant_id", "directory.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    directory_id: Mapped[str] = mapped_column(RowId)
    fingerprints: Mapped[str] = mapped_column(sa.Text)
