"""what metadata must be signed by, its history and its approvals"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from config.database import JSON, UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NULLABLE_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
PROVIDER_COLUMNS = ("metadata_mdq", "metadata_signing_certificate", "allow_aggregate", "metadata_held")
VERSION_COLUMNS = (
    *("number", "state", "document", "base", "restored", "pending_code", "created_by", "decided_at", "decided_by", "reason"),
)


def upgrade() -> None:
    """Versions that were accepted before are numbered; what is in force knows what it says."""
    op.add_column("identity_provider", sa.Column("metadata_mdq", sa.String(length=2000), nullable=True))
    op.add_column("identity_provider", sa.Column("metadata_signing_certificate", sa.Text(), nullable=True))
    op.add_column(
        "identity_provider", sa.Column("allow_aggregate", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("identity_provider", sa.Column("metadata_held", NULLABLE_JSON, nullable=True))
    for column in (
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=True),
        sa.Column("document", JSON, nullable=True),
        sa.Column("base", sa.Integer(), nullable=True),
        sa.Column("restored", sa.Integer(), nullable=True),
        sa.Column("pending_code", sa.String(length=60), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
    ):
        op.add_column("metadata_version", column)
    _number_what_was_accepted()
    with op.batch_alter_table("metadata_version") as versions:
        versions.alter_column("state", existing_type=sa.String(length=20), nullable=False)
        versions.alter_column("document", existing_type=JSON, nullable=False)
        versions.alter_column("created_by", existing_type=sa.String(length=200), nullable=False)
        versions.create_check_constraint(
            op.f("ck_metadata_version_state"), "state IN ('accepted', 'pending', 'refused', 'superseded')"
        )
        versions.create_check_constraint(
            op.f("ck_metadata_version_number"), "(state = 'accepted') = (number IS NOT NULL)"
        )
        versions.create_unique_constraint(
            op.f("uq_metadata_version_tenant_id_idp_id_number"), ["tenant_id", "idp_id", "number"]
        )
    op.create_index("ix_metadata_version_created_at", "metadata_version", ["created_at"])
    _readings()


def downgrade() -> None:
    """What waited or was refused goes: the former schema knows accepted versions alone."""
    op.drop_table("metadata_reading")
    op.drop_index("ix_metadata_version_created_at", "metadata_version")
    op.execute("DELETE FROM metadata_version WHERE state <> 'accepted'")
    with op.batch_alter_table("metadata_version") as versions:
        versions.drop_constraint(op.f("uq_metadata_version_tenant_id_idp_id_number"), type_="unique")
        versions.drop_constraint(op.f("ck_metadata_version_number"), type_="check")
        versions.drop_constraint(op.f("ck_metadata_version_state"), type_="check")
        for name in VERSION_COLUMNS:
            versions.drop_column(name)
    for name in PROVIDER_COLUMNS:
        op.drop_column("identity_provider", name)


def _number_what_was_accepted() -> None:
    """Row ids sort by time."""
    op.execute(
        "UPDATE metadata_version SET state = 'accepted', created_by = 'migration', document = '{}', number = ("
        "SELECT count(*) FROM metadata_version AS earlier WHERE earlier.tenant_id = metadata_version.tenant_id "
        "AND earlier.idp_id = metadata_version.idp_id AND earlier.id <= metadata_version.id)"
    )
    op.execute(
        "UPDATE metadata_version SET document = identity_provider.metadata FROM identity_provider "
        "WHERE identity_provider.tenant_id = metadata_version.tenant_id "
        "AND identity_provider.metadata_version_id = metadata_version.id"
    )


def _readings() -> None:
    op.create_table(
        "metadata_reading",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("request", JSON, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=True),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("claimed_until", UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'reading', 'done', 'refused')", name=op.f("ck_metadata_reading_state")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_metadata_reading_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_metadata_reading")),
    )
    waits = sa.text("state IN ('waiting', 'reading')")
    op.create_index(
        "ix_metadata_reading_waits", "metadata_reading", ["created_at"], sqlite_where=waits, postgresql_where=waits
    )
