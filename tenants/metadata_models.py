"""Rows of metadata: every version that was accepted, and what a fetch found that somebody has to decide about first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped

ACCEPTED, PENDING, REFUSED, SUPERSEDED = "accepted", "pending", "refused", "superseded"
STATES = (ACCEPTED, PENDING, REFUSED, SUPERSEDED)


class MetadataVersion(TenantScoped, Model):
    """A version of an identity provider's metadata: as it came, and as what it says, so that it is read once.

    Accepted ones have a `number`; `base` is the number of what was in force before, `restored` that of the version gone
    back to. Pending: found by a fetch, and decided by somebody (`decided_…`), or superseded by what came next. `document`
    is empty where the row is older than this column.
    """

    __tablename__ = "metadata_version"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"], ondelete="CASCADE"
        ),
        sa.CheckConstraint(sa.column("state").in_(STATES), name="state"),
        sa.CheckConstraint("(state = 'accepted') = (number IS NOT NULL)", name="number"),
        sa.UniqueConstraint("tenant_id", "idp_id", "number"),
        sa.Index("ix_metadata_version_idp", "tenant_id", "idp_id", "id"),
        sa.Index("ix_metadata_version_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId)
    number: Mapped[int | None]
    state: Mapped[str] = mapped_column(sa.String(20), default=ACCEPTED)
    source: Mapped[str] = mapped_column(sa.String(20))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    xml: Mapped[bytes] = mapped_column(sa.LargeBinary)
    document: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    base: Mapped[int | None]
    restored: Mapped[int | None]
    pending_code: Mapped[str | None] = mapped_column(sa.String(60))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    decided_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    decided_by: Mapped[str | None] = mapped_column(sa.String(200))
    reason: Mapped[str | None] = mapped_column(sa.String(500))


WAITING, READING, DONE, TURNED_DOWN = "waiting", "reading", "done", "refused"
READING_STATES = (WAITING, READING, DONE, TURNED_DOWN)


class MetadataReading(TenantScoped, Model):
    """A source too large for the memory of web workers, saved by `vestibule worker` on behalf of whoever asked.

    `request` is what was asked for. Whoever reads holds `claim` until `claimed_until`. Refused: `code`, `cause` and
    `detail` are those of the refusal.
    """

    __tablename__ = "metadata_reading"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(READING_STATES), name="state"),
        sa.Index(
            "ix_metadata_reading_waits",
            "created_at",
            sqlite_where=sa.text("state IN ('waiting', 'reading')"),
            postgresql_where=sa.text("state IN ('waiting', 'reading')"),
        ),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    name: Mapped[str] = mapped_column(sa.String(63))
    request: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(sa.String(20), default=WAITING)
    code: Mapped[str | None] = mapped_column(sa.String(60))
    cause: Mapped[str | None] = mapped_column(sa.Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    is_new: Mapped[bool | None]
    claim: Mapped[str | None] = mapped_column(RowId)
    claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    finished_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
