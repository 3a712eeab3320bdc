"""rules that place people; the way from an e-mail address to its tenant"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """How often strangers ask the front page."""
    op.create_table(
        "visitor_rate",
        sa.Column("network", sa.String(length=45), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("full_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("network", "what", name=op.f("pk_visitor_rate")),
    )
    op.create_index("ix_visitor_rate_full_at", "visitor_rate", ["full_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("visitor_rate")
