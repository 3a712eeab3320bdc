"""when what belonged to a deleted tenant was erased; usernames of people without a subject are the database's to keep apart"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WITHOUT_SUBJECT = sa.text("subject IS NULL")
LATER_OF_A_NAME = """
UPDATE users SET username = NULL, username_key = '' WHERE subject IS NULL AND EXISTS (
  SELECT 1 FROM users AS earlier WHERE earlier.tenant_id = users.tenant_id AND earlier.username = users.username
  AND earlier.subject IS NULL AND earlier.id < users.id)
"""
"""Two administrators could give two people one name at the same moment. Neither was joined by it: the first one keeps it."""


def upgrade() -> None:
    """A column that is empty for tenants that are there, and an index."""
    op.add_column("tenant", sa.Column("erased_at", UTCDateTime(), nullable=True))
    op.execute(LATER_OF_A_NAME)
    op.create_index(
        "uq_users_prepared_username",
        "users",
        ["tenant_id", "username"],
        unique=True,
        sqlite_where=WITHOUT_SUBJECT,
        postgresql_where=WITHOUT_SUBJECT,
    )


def downgrade() -> None:
    """What was erased stays so."""
    op.drop_index("uq_users_prepared_username", table_name="users")
    op.drop_column("tenant", "erased_at")
