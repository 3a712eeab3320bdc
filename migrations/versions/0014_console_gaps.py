"""a set-up link that names the first administrator; how often a tenant does what is costly, counted for all workers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Links that are there name nobody."""
    op.add_column("setup_link", sa.Column("names_admin", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("setup_link") as links:
        links.alter_column("names_admin", server_default=None, existing_type=sa.Boolean(), existing_nullable=False)
    op.create_table(
        "tenant_rate",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("full_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_rate_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "what", name=op.f("pk_tenant_rate")),
    )


def downgrade() -> None:
    """Remove both."""
    op.drop_table("tenant_rate")
    with op.batch_alter_table("setup_link") as links:
        links.drop_column("names_admin")
