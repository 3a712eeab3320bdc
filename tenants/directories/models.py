"""Rows of directories (LDAP)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from config.sealing import SealedTo

PLACE = SealedTo("directory", "tenant_id", "id")


class Directory(TenantScoped, Model):
    """A tenant's directory: how it is asked, and how its people are kept up to date.

    A deleted one stays as a row with `deleted_at`, without its password: people are who they are by (tenant, directory,
    subject). `settings` are `tenants.directories.settings.DirectorySettings`. `organisation_id` is where its people belong
    unless a rule says otherwise; `placement_follows`: rules move them with every sign-in and sync. A sync is due at
    `sync_due_at`, or asked for at `sync_requested_at`; whoever does it holds `sync_claim` until `sync_claimed_until`.
    `last_sync_counts`: how many were seen, changed, deactivated, moved.
    """

    __tablename__ = "directory"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "organisation_id"],
            ["organisation.tenant_id", "organisation.id"],
            name="fk_directory_tenant_id_organisation_id_organisation",
        ),
        sa.Index(
            "uq_directory_name",
            *("tenant_id", "name"),
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
        sa.Index("ix_directory_sync_due_at", "sync_due_at"),
        sa.Index("ix_directory_sync_requested_at", "sync_requested_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    name: Mapped[str] = mapped_column(sa.String(63))
    display_name: Mapped[str] = mapped_column(sa.String(200))
    enabled: Mapped[bool] = mapped_column(default=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sealed_password: Mapped[str | None] = mapped_column(sa.Text, info=PLACE.as_info())
    organisation_id: Mapped[str | None] = mapped_column(RowId)
    placement_follows: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_requested_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_asked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_claim: Mapped[str | None] = mapped_column(RowId)
    sync_claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_failures: Mapped[int] = mapped_column(default=0)
    last_sync_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_success_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_sync_result: Mapped[str | None] = mapped_column(sa.String(20))
    last_sync_code: Mapped[str | None] = mapped_column(sa.String(60))
    last_sync_stage: Mapped[str | None] = mapped_column(sa.String(10))
    last_sync_cause: Mapped[str | None] = mapped_column(sa.String(500))
    last_sync_counts: Mapped[dict[str, Any] | None] = mapped_column(JSON)
