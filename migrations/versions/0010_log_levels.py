"""log levels at run time, and refetches for an unknown key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Levels that loggers have for a while, in every process."""
    op.create_table(
        "log_level",
        sa.Column("logger", sa.String(length=60), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.Column("set_at", UTCDateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=200), nullable=False),
        sa.CheckConstraint("level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR')", name=op.f("ck_log_level_level")),
        sa.PrimaryKeyConstraint("logger", name=op.f("pk_log_level")),
    )


def downgrade() -> None:
    op.drop_table("log_level")
