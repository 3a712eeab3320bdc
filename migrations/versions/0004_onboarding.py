"""onboarding: set-up links, what was chosen, and proof of e-mail domains by DNS"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _tenant_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "setup_link",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.Column("claimed_at", UTCDateTime(), nullable=True),
        sa.Column("claim_hash", sa.String(length=64), nullable=True),
        sa.Column("completed_at", UTCDateTime(), nullable=True),
        _tenant_key("setup_link"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_setup_link")),
    )
    op.create_index("uq_setup_link_token", "setup_link", ["tenant_id", "token_hash"], unique=True)
    op.create_index("uq_setup_link_claim", "setup_link", ["tenant_id", "claim_hash"], unique=True)
    op.create_table(
        "onboarding",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(length=40), nullable=True),
        sa.Column("refusal_test_skipped", sa.String(length=500), nullable=True),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        _tenant_key("onboarding"),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_onboarding")),
    )
    op.create_table(
        "domain_challenge",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("checked_at", UTCDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=60), nullable=True),
        _tenant_key("domain_challenge"),
        sa.PrimaryKeyConstraint("tenant_id", "domain", name=op.f("pk_domain_challenge")),
    )


def downgrade() -> None:
    op.drop_table("domain_challenge")
    op.drop_table("onboarding")
    op.drop_table("setup_link")
