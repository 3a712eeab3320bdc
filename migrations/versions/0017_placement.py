"""rules that place people; the way from an e-mail address to its tenant"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from config.database import UTCDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """How often strangers ask the front page; rules that place people, and what they are tried on."""
    op.create_table(
        "visitor_rate",
        sa.Column("network", sa.String(length=45), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("full_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("network", "what", name=op.f("pk_visitor_rate")),
    )
    op.create_index("ix_visitor_rate_full_at", "visitor_rate", ["full_at"])
    op.add_column(
        "identity_provider", sa.Column("placement_follows", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("identity_provider", sa.Column("email_domains", JSON, nullable=False, server_default="[]"))
    op.add_column("session", sa.Column("placement_rule_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("attempt", sa.Column("fingerprints", sa.Text(), nullable=True))
    _create_placement_rule()


def _create_placement_rule() -> None:
    op.create_table(
        "placement_rule",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attribute", sa.String(length=256), nullable=False),
        sa.Column("values", JSON, nullable=False),
        sa.Column("moves", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'viewer', 'none')", name=op.f("ck_placement_rule_role")),
        sa.CheckConstraint("moves OR organisation_id IS NULL", name=op.f("ck_placement_rule_moves")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_placement_rule_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_placement_rule_tenant_id_idp_id_identity_provider"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "organisation_id"],
            ["organisation.tenant_id", "organisation.id"],
            name=op.f("fk_placement_rule_tenant_id_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_placement_rule")),
        sa.UniqueConstraint("tenant_id", "idp_id", "position", name=op.f("uq_placement_rule_tenant_id_idp_id_position")),
    )
    op.create_index("ix_placement_rule_organisation", "placement_rule", ["tenant_id", "organisation_id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("placement_rule")
    op.drop_column("attempt", "fingerprints")
    op.drop_column("session", "placement_rule_id")
    op.drop_column("identity_provider", "email_domains")
    op.drop_column("identity_provider", "placement_follows")
    op.drop_table("visitor_rate")
