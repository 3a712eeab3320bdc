"""Rows of organisations: the parts of a tenant, each under another one or directly under the tenant."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from tenants.models import NAME_KEY

MAX_DEPTH = 10


class Organisation(TenantScoped, Model):
    """A part of a tenant. `parent_id` is empty directly under the tenant, which is the root and has no row here.

    `settings` holds what it overrides (`tenants.organisations.access.AccessSettings`); `name_key` is the name as lists
    search and sort it, and is unique among those under one parent.
    """

    __tablename__ = "organisation"
    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "parent_id"], ["organisation.tenant_id", "organisation.id"]),
        sa.CheckConstraint(f"depth BETWEEN 1 AND {MAX_DEPTH}", name="depth"),
        sa.CheckConstraint("id <> parent_id", name="own_parent"),
        sa.UniqueConstraint("tenant_id", "parent_id", "name_key"),
        sa.Index(
            "uq_organisation_top",
            *("tenant_id", "name_key"),
            unique=True,
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    parent_id: Mapped[str | None] = mapped_column(RowId)
    name: Mapped[str] = mapped_column(sa.String(200))
    name_key: Mapped[str] = mapped_column(NAME_KEY)
    depth: Mapped[int] = mapped_column(sa.Integer)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
