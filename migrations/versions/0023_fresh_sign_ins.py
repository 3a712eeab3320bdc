"""which requests demanded a new sign-in (ForceAuthn): their answers have to tell of one"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of those under way nothing was demanded: they last ten minutes."""
    op.add_column("exchange", sa.Column("fresh", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """The demand is forgotten."""
    op.drop_column("exchange", "fresh")
