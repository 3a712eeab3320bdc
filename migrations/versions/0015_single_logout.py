"""single logout"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

QUALIFIERS = ("name_qualifier", "sp_name_qualifier")


def _keys(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    return (
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f(f"fk_{table}_tenant_id_idp_id_identity_provider"),
        ),
    )


def upgrade() -> None:
    """Requests of ours that wait for an answer, requests of theirs that were obeyed, and whole NameIDs."""
    for column in QUALIFIERS:
        op.add_column("session", sa.Column(column, sa.String(length=1024)))
    op.create_table(
        "logout_exchange",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        *_keys("logout_exchange"),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", name=op.f("pk_logout_exchange")),
    )
    op.create_index("ix_logout_exchange_expires_at", "logout_exchange", ["expires_at"])
    op.create_table(
        "used_logout",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        *_keys("used_logout"),
        sa.PrimaryKeyConstraint("tenant_id", "idp_id", "request_hash", name=op.f("pk_used_logout")),
    )
    op.create_index("ix_used_logout_expires_at", "used_logout", ["expires_at"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("used_logout")
    op.drop_table("logout_exchange")
    for column in reversed(QUALIFIERS):
        op.drop_column("session", column)
