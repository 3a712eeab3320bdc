"""the tree of organisations, its inherited settings, and how a session began"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from config.database import UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
NAME_KEY = sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql")
TOP, MEMBERS = sa.text("parent_id IS NULL"), sa.text("organisation_id IS NOT NULL")
PLACED = ("identity_provider", "users")
"""Tables whose rows belong to an organisation."""
SAML = (("idp_id", sa.Uuid(as_uuid=False)), ("name_id", sa.String(length=1024)))
"""What only a session has that began by SAML."""
WAY = "way IN ('sso', 'ldap', 'local', 'break_glass')"
BY_SSO = "way <> 'sso' OR (idp_id IS NOT NULL AND name_id IS NOT NULL)"


def upgrade() -> None:
    """Everybody belongs to the tenant as a whole; every session that is there began by SAML."""
    op.add_column("tenant", sa.Column("access", JSON, nullable=False, server_default="{}"))
    op.create_table(
        "organisation",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("parent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_key", NAME_KEY, nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("depth BETWEEN 1 AND 10", name=op.f("ck_organisation_depth")),
        sa.CheckConstraint("id <> parent_id", name=op.f("ck_organisation_own_parent")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_organisation_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["organisation.tenant_id", "organisation.id"],
            name=op.f("fk_organisation_tenant_id_parent_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("tenant_id", "parent_id", "name_key", name=op.f("uq_organisation_tenant_id_parent_id_name_key")),
    )
    op.create_index(
        "uq_organisation_top",
        "organisation",
        ["tenant_id", "name_key"],
        unique=True,
        sqlite_where=TOP,
        postgresql_where=TOP,
    )
    for table in PLACED:
        with op.batch_alter_table(table) as rows:
            rows.add_column(sa.Column("organisation_id", sa.Uuid(as_uuid=False), nullable=True))
            rows.create_foreign_key(
                op.f(f"fk_{table}_tenant_id_organisation_id_organisation"),
                "organisation",
                ["tenant_id", "organisation_id"],
                ["tenant_id", "id"],
            )
    op.create_index(
        "ix_users_organisation_id",
        "users",
        ["tenant_id", "organisation_id", "id"],
        sqlite_where=MEMBERS,
        postgresql_where=MEMBERS,
    )
    with op.batch_alter_table("session") as sessions:
        sessions.add_column(sa.Column("way", sa.String(length=20), nullable=False, server_default="sso"))
        for name, kind in SAML:
            sessions.alter_column(name, existing_type=kind, nullable=True)
        sessions.create_check_constraint(op.f("ck_session_way"), WAY)
        sessions.create_check_constraint(op.f("ck_session_sso"), BY_SSO)


def downgrade() -> None:
    """Sessions that did not begin by SAML end; who was in an organisation belongs to the tenant as a whole."""
    sessions_table = sa.table("session", sa.column("way"))
    op.execute(sa.delete(sessions_table).where(sessions_table.c.way != "sso"))
    with op.batch_alter_table("session") as sessions:
        sessions.drop_constraint(op.f("ck_session_sso"), type_="check")
        sessions.drop_constraint(op.f("ck_session_way"), type_="check")
        for name, kind in SAML:
            sessions.alter_column(name, existing_type=kind, nullable=False)
        sessions.drop_column("way")
    op.drop_index("ix_users_organisation_id", table_name="users")
    for table in reversed(PLACED):
        with op.batch_alter_table(table) as rows:
            rows.drop_constraint(op.f(f"fk_{table}_tenant_id_organisation_id_organisation"), type_="foreignkey")
            rows.drop_column("organisation_id")
    op.drop_index("uq_organisation_top", table_name="organisation")
    op.drop_table("organisation")
    op.drop_column("tenant", "access")  # in place: triggers of other tables name this one
