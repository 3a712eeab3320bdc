"""directories (LDAP), and the people who come from them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from config.database import UTCDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ID = sa.Uuid(as_uuid=False)
CONNECTED = sa.text("deleted_at IS NULL")
USERS_KEY = "fk_users_tenant_id_directory_id_directory"
USERS_UNIQUE = "uq_users_tenant_id_directory_id_subject"
BROWSER_ACCOUNT = "fk_local_browser_tenant_id_user_id_local_account"
BROWSER_PERSON = "fk_local_browser_tenant_id_user_id_users"


def upgrade() -> None:
    """Nobody comes from a directory yet."""
    op.create_table(
        "directory",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("sealed_password", sa.Text(), nullable=True),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.Column("sync_due_at", UTCDateTime(), nullable=True),
        sa.Column("sync_requested_at", UTCDateTime(), nullable=True),
        sa.Column("sync_asked_at", UTCDateTime(), nullable=True),
        sa.Column("sync_claim", ID, nullable=True),
        sa.Column("sync_claimed_until", UTCDateTime(), nullable=True),
        sa.Column("sync_failures", sa.Integer(), nullable=False),
        sa.Column("last_sync_at", UTCDateTime(), nullable=True),
        sa.Column("last_success_at", UTCDateTime(), nullable=True),
        sa.Column("last_sync_result", sa.String(length=20), nullable=True),
        sa.Column("last_sync_code", sa.String(length=60), nullable=True),
        sa.Column("last_sync_stage", sa.String(length=10), nullable=True),
        sa.Column("last_sync_cause", sa.String(length=500), nullable=True),
        sa.Column("last_sync_counts", JSON, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_directory_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "organisation_id"],
            ["organisation.tenant_id", "organisation.id"],
            name=op.f("fk_directory_tenant_id_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_directory")),
    )
    op.create_index(
        "uq_directory_name",
        "directory",
        ["tenant_id", "name"],
        unique=True,
        sqlite_where=CONNECTED,
        postgresql_where=CONNECTED,
    )
    op.create_index("ix_directory_sync_due_at", "directory", ["sync_due_at"])
    op.create_index("ix_directory_sync_requested_at", "directory", ["sync_requested_at"])
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("directory_id", ID, nullable=True))
        users.create_foreign_key(op.f(USERS_KEY), "directory", ["tenant_id", "directory_id"], ["tenant_id", "id"])
        users.create_unique_constraint(op.f(USERS_UNIQUE), ["tenant_id", "directory_id", "subject"])
    _known_browsers_belong_to(BROWSER_ACCOUNT, BROWSER_PERSON, "users", "id")


def downgrade() -> None:
    """People stay, and are nobody's by a directory any more."""
    users_table = sa.table("users", sa.column("directory_id"), sa.column("subject"))
    op.execute(sa.update(users_table).where(users_table.c.directory_id.is_not(None)).values(subject=None))
    op.execute("DELETE FROM local_browser WHERE user_id NOT IN (SELECT user_id FROM local_account)")
    _known_browsers_belong_to(BROWSER_PERSON, BROWSER_ACCOUNT, "local_account", "user_id")
    with op.batch_alter_table("users") as users:
        users.drop_constraint(op.f(USERS_UNIQUE), type_="unique")
        users.drop_constraint(op.f(USERS_KEY), type_="foreignkey")
        users.drop_column("directory_id")
    op.drop_index("ix_directory_sync_requested_at", table_name="directory")
    op.drop_index("ix_directory_sync_due_at", table_name="directory")
    op.drop_index("uq_directory_name", table_name="directory")
    op.drop_table("directory")


def _known_browsers_belong_to(before: str, after: str, table: str, column: str) -> None:
    """Whoever signs in by a directory has a browser that is known, too, and no local account."""
    with op.batch_alter_table("local_browser") as browsers:
        browsers.drop_constraint(op.f(before), type_="foreignkey")
        browsers.create_foreign_key(op.f(after), table, ["tenant_id", "user_id"], ["tenant_id", column], ondelete="CASCADE")
