"""when somebody proved who they are; by what role a token was made"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0026"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Passwords typed here were a proof; of single sign-on nobody knows."""
    op.add_column("session", sa.Column("proved_at", UTCDateTime(), nullable=True))
    op.execute("UPDATE session SET proved_at = created_at WHERE way <> 'sso' AND client IS NULL")
    with op.batch_alter_table("console_session") as sessions:
        sessions.alter_column("authenticated_at", existing_type=UTCDateTime(), nullable=True)
    op.add_column("api_token", sa.Column("made_under", sa.String(length=60), nullable=True))


def downgrade() -> None:
    """Staff who proved nothing sign in again."""
    op.drop_column("api_token", "made_under")
    op.execute("DELETE FROM console_session WHERE authenticated_at IS NULL")
    with op.batch_alter_table("console_session") as sessions:
        sessions.alter_column("authenticated_at", existing_type=UTCDateTime(), nullable=False)
    op.drop_column("session", "proved_at")
