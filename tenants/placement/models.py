"""Rows of placement rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from tenants.placement_rules import MAX_TEXT, ROLES


class PlacementRuleRow(TenantScoped, Model):
    """A rule of one identity provider or directory (`tenants.placement_rules.PlacementRule`).

    `position` counts from 1 without gaps.

    An organisation that a rule names cannot be removed: no cascade, so that nobody is placed elsewhere by an absence.
    """

    __tablename__ = "placement_rule"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id", "directory_id"], ["directory.tenant_id", "directory.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id", "organisation_id"], ["organisation.tenant_id", "organisation.id"]),
        sa.CheckConstraint(sa.column("role").in_(ROLES), name="role"),
        sa.CheckConstraint("moves OR organisation_id IS NULL", name="moves"),
        sa.CheckConstraint("(idp_id IS NULL) <> (directory_id IS NULL)", name="owner"),
        sa.UniqueConstraint("tenant_id", "idp_id", "position"),
        sa.UniqueConstraint("tenant_id", "directory_id", "position"),
        sa.Index("ix_placement_rule_organisation", "tenant_id", "organisation_id"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    idp_id: Mapped[str | None] = mapped_column(RowId)
    directory_id: Mapped[str | None] = mapped_column(RowId)
    position: Mapped[int] = mapped_column(sa.Integer)
    attribute: Mapped[str] = mapped_column(sa.String(MAX_TEXT))
    values: Mapped[list[Any]] = mapped_column(JSON)
    moves: Mapped[bool] = mapped_column()
    organisation_id: Mapped[str | None] = mapped_column(RowId)
    role: Mapped[str | None] = mapped_column(sa.String(20))
    active: Mapped[bool | None] = mapped_column()
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
