"""what a test sign-in was begun with, and what a draft's test ran with: metadata and keys"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of earlier tests nobody knows what they ran with: a draft that passed one is to be tested again."""
    op.add_column("sign_in_trial", sa.Column("asked_with", sa.String(length=200), nullable=True))
    op.add_column("saml_settings_version", sa.Column("tested_with", sa.String(length=200), nullable=True))


def downgrade() -> None:
    """A test counts again whatever it ran with."""
    op.drop_column("saml_settings_version", "tested_with")
    op.drop_column("sign_in_trial", "asked_with")
