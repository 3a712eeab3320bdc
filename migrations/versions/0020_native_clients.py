"""native clients, devices, deactivation"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import JSON, UTCDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

OF_LOGOUT = ("name_id_hash", "session_indexes", "issued_at", "obeyed_at")


def upgrade() -> None:
    """Whom an obeyed logout means, for what arrives after it."""
    op.add_column("used_logout", sa.Column("name_id_hash", sa.String(length=64), nullable=True))
    op.add_column("used_logout", sa.Column("session_indexes", JSON, nullable=True))
    op.add_column("used_logout", sa.Column("issued_at", UTCDateTime(), nullable=True))
    op.add_column("used_logout", sa.Column("obeyed_at", UTCDateTime(), nullable=True))
    op.create_index("ix_used_logout_subject", "used_logout", ["tenant_id", "idp_id", "name_id_hash"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_used_logout_subject", table_name="used_logout")
    for column in reversed(OF_LOGOUT):
        op.drop_column("used_logout", column)
