"""Rows of CSV imports: the file while it waits, and each line of its preview until it is applied or forgotten (P7)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped

WAITING, READY, APPLYING, APPLIED, REFUSED = "waiting", "ready", "applying", "applied", "refused"
STATES = (WAITING, READY, APPLYING, APPLIED, REFUSED)
ADDED, CHANGED, UNCHANGED, LINE_REFUSED = "added", "changed", "unchanged", "refused"
OUTCOMES = (ADDED, CHANGED, UNCHANGED, LINE_REFUSED)


class PeopleImport(TenantScoped, Model):
    """One file of people.

    waiting: to be read and compared. ready: the preview stands in `people_import_line`. applying: somebody said yes.
    applied, refused: over. Work in the queue has `work_requested_at`; whoever does it holds `claim` until `claimed_until`.
    `fingerprint` names the preview: what is applied is that one, or nothing.
    """

    __tablename__ = "people_import"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(STATES), name="state"),
        sa.Index(
            "ix_people_import_work_requested_at",
            "work_requested_at",
            sqlite_where=sa.text("work_requested_at IS NOT NULL"),
            postgresql_where=sa.text("work_requested_at IS NOT NULL"),
        ),
        sa.Index("ix_people_import_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    state: Mapped[str] = mapped_column(sa.String(20), default=WAITING)
    file_name: Mapped[str] = mapped_column(sa.String(200), default="")
    file: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    file_sha256: Mapped[str] = mapped_column(sa.String(64))
    file_size: Mapped[int] = mapped_column(sa.Integer)
    fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    code: Mapped[str | None] = mapped_column(sa.String(60))
    cause: Mapped[str] = mapped_column(sa.String(500), default="")
    warnings: Mapped[list[Any]] = mapped_column(JSON, default=list)
    domains: Mapped[list[Any]] = mapped_column(JSON, default=list)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    applied_by: Mapped[str | None] = mapped_column(sa.String(200))
    applied_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    work_requested_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    claim: Mapped[str | None] = mapped_column(RowId)
    claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class PeopleImportLine(TenantScoped, Model):
    """What one line of a file would do. `before` is the hash of the person's row as the preview saw it."""

    __tablename__ = "people_import_line"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"], ["people_import.tenant_id", "people_import.id"], ondelete="CASCADE"
        ),
        sa.CheckConstraint(sa.column("outcome").in_(OUTCOMES), name="outcome"),
        sa.Index("ix_people_import_line_outcome", "tenant_id", "import_id", "outcome", "line"),
    )

    import_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    line: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False, sort_order=-1)
    outcome: Mapped[str] = mapped_column(sa.String(20))
    user_id: Mapped[str | None] = mapped_column(RowId)
    before: Mapped[str | None] = mapped_column(sa.String(64))
    document: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
