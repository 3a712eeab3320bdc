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


def _of_person(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    return (
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f(f"fk_{table}_tenant_id_user_id_users"),
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    """Whom an obeyed logout means, applications' sessions and codes, who made a token, when access ended."""
    op.add_column("used_logout", sa.Column("name_id_hash", sa.String(length=64), nullable=True))
    op.add_column("used_logout", sa.Column("session_indexes", JSON, nullable=True))
    op.add_column("used_logout", sa.Column("issued_at", UTCDateTime(), nullable=True))
    op.add_column("used_logout", sa.Column("obeyed_at", UTCDateTime(), nullable=True))
    op.create_index("ix_used_logout_subject", "used_logout", ["tenant_id", "idp_id", "name_id_hash"])
    op.add_column("session", sa.Column("client", sa.String(length=60), nullable=True))
    op.add_column("api_token", sa.Column("made_by", sa.String(length=200), nullable=True))
    op.create_table(
        "access_end",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(), nullable=True),
        sa.Column("ended", JSON, nullable=False),
        *_of_person("access_end"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_access_end")),
    )
    op.create_index("ix_access_end_user", "access_end", ["tenant_id", "user_id", "id"])
    op.create_table(
        "native_code",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client", sa.String(length=60), nullable=False),
        sa.Column("redirect_uri", sa.String(length=80), nullable=False),
        sa.Column("challenge", sa.String(length=43), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.Column("opened_session_id", sa.Uuid(as_uuid=False), nullable=True),
        *_of_person("native_code"),
        sa.PrimaryKeyConstraint("tenant_id", "code_hash", name=op.f("pk_native_code")),
    )
    op.create_index("ix_native_code_user", "native_code", ["tenant_id", "user_id"])
    op.create_index("ix_native_code_expires_at", "native_code", ["expires_at"])


def downgrade() -> None:
    """Remove them; applications' sessions end."""
    sessions = sa.table("session", sa.column("client"))
    op.execute(sa.delete(sessions).where(sessions.c.client.is_not(None)))
    op.drop_table("access_end")
    op.drop_table("native_code")
    op.drop_column("api_token", "made_by")
    op.drop_column("session", "client")
    op.drop_index("ix_used_logout_subject", table_name="used_logout")
    for column in reversed(OF_LOGOUT):
        op.drop_column("used_logout", column)
