"""metadata refreshed by schedule, and properties of the service"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from config.database import RowId, UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "identity_provider"
COLUMNS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("sync_hours", sa.Integer(), {"nullable": True}),
    ("sync_asked_at", UTCDateTime(), {"nullable": True}),
    ("key_asked_at", UTCDateTime(), {"nullable": True}),
    ("sync_reason", sa.String(20), {"nullable": True}),
    ("fresh_from", UTCDateTime(), {"nullable": False, "server_default": sa.text("'1970-01-01 00:00:00'")}),
    ("sync_due_at", UTCDateTime(), {"nullable": True}),
    ("sync_failures", sa.Integer(), {"nullable": False, "server_default": "0"}),
    ("last_success_at", UTCDateTime(), {"nullable": True}),
    ("last_sync_stage", sa.String(10), {"nullable": True}),
    ("last_sync_cause", sa.String(500), {"nullable": True}),
)
FETCHED = "deleted_at IS NULL AND (metadata_url IS NOT NULL OR metadata_path IS NOT NULL)"
INDICES = (
    ("ix_identity_provider_fresh_from", "fresh_from", f"{FETCHED} AND sync_hours IS NULL AND sync_failures = 0"),
    ("ix_identity_provider_sync_due_at", "sync_due_at", f"{FETCHED} AND sync_due_at IS NOT NULL"),
)


def upgrade() -> None:
    """When each identity provider's metadata is due; properties; and which processes run jobs."""
    for name, type_, options in COLUMNS:
        op.add_column(TABLE, sa.Column(name, type_, **options))
    op.execute(
        "UPDATE identity_provider SET fresh_from = COALESCE(last_sync_at, created_at),"
        " last_success_at = CASE WHEN last_sync_result = 'ok' THEN last_sync_at END"
    )
    for name, column, condition in INDICES:
        op.create_index(name, TABLE, [column], sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
    op.create_table(
        "service_property",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_service_property"),
    )
    op.create_table(
        "job_clock",
        sa.Column("id", RowId, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("beat_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_clock"),
        sa.CheckConstraint("kind IN ('serve', 'worker')", name="ck_job_clock_kind"),
    )


def downgrade() -> None:
    """Remove it all."""
    op.drop_table("job_clock")
    op.drop_table("service_property")
    for name, _column, _condition in reversed(INDICES):
        op.drop_index(name, table_name=TABLE)
    for name, _type, _options in reversed(COLUMNS):
        op.drop_column(TABLE, name)
