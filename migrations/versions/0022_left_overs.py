"""when what belonged to a deleted tenant was erased"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that is empty for tenants that are there."""
    op.add_column("tenant", sa.Column("erased_at", UTCDateTime(), nullable=True))


def downgrade() -> None:
    """What was erased stays so."""
    op.drop_column("tenant", "erased_at")
