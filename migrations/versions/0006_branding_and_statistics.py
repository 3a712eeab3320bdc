"""branding and statistics"""

from __future__ import annotations

import base64

import sqlalchemy as sa
from alembic import op
from cryptography import x509

from config.database import JSON, UTCDateTime
from tenants.folding import folded

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NOT_COUNTED = sa.text("NOT counted")
KEY_CHARACTERS = 200
REFUSED = sa.text("code <> ''")
FAILED = sa.text("last_sync_result = 'failed'")


def _tenant_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE")


def upgrade() -> None:
    """Attempts from before are counted by the job, as if they had just come."""
    op.create_table(
        "tenant_logo",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", UTCDateTime(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=200), nullable=False),
        _tenant_key("tenant_logo"),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_logo")),
    )
    op.create_table(
        "sign_in_count",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("day", UTCDateTime(), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _tenant_key("sign_in_count"),
        sa.PrimaryKeyConstraint("tenant_id", "day", "idp_id", "code", name=op.f("pk_sign_in_count")),
    )
    op.create_index("ix_sign_in_count_day", "sign_in_count", ["day"])
    op.create_index(
        "ix_sign_in_count_refused",
        "sign_in_count",
        ["day", "tenant_id", "count"],
        sqlite_where=REFUSED,
        postgresql_where=REFUSED,
    )
    op.create_table(
        "sign_in_hour",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("hour", UTCDateTime(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        _tenant_key("sign_in_hour"),
        sa.PrimaryKeyConstraint("tenant_id", "hour", name=op.f("pk_sign_in_hour")),
    )
    op.create_index("ix_sign_in_hour_hour", "sign_in_hour", ["hour"])
    op.create_table(
        "service_sign_in_hour",
        sa.Column("hour", UTCDateTime(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "code", name=op.f("pk_service_sign_in_hour")),
    )
    op.add_column("tenant", sa.Column("logo", sa.String(length=40), nullable=True))
    name_key = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
    op.add_column("tenant", sa.Column("name_key", name_key, nullable=False, server_default=""))
    _fold_names()
    op.add_column("attempt", sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE attempt SET counted = (trial_id IS NOT NULL)")
    op.create_index(
        "ix_attempt_not_counted",
        "attempt",
        ["tenant_id", "id"],
        sqlite_where=NOT_COUNTED,
        postgresql_where=NOT_COUNTED,
    )
    op.add_column("identity_provider", sa.Column("certificate_ends_at", UTCDateTime(), nullable=True))
    op.create_index("ix_identity_provider_certificate_ends_at", "identity_provider", ["certificate_ends_at"])
    op.create_index(
        "ix_identity_provider_failed", "identity_provider", ["tenant_id"], sqlite_where=FAILED, postgresql_where=FAILED
    )
    _look_at_certificates()


def _fold_names() -> None:
    """Tenants that are there already get the key that lists search and sort them by."""
    tenants = sa.table("tenant", *(sa.column(name) for name in ("id", "name", "name_key")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(tenants.c.id, tenants.c.name)).all():
        key = folded(row.name)[:KEY_CHARACTERS]
        connection.execute(sa.update(tenants).where(tenants.c.id == row.id).values(name_key=key))


def _look_at_certificates() -> None:
    """The day that the last of each identity provider's signing certificates ends, from the metadata in force."""
    providers = sa.table(
        "identity_provider",
        sa.column("tenant_id", sa.Integer),
        sa.column("id", sa.Uuid(as_uuid=False)),
        sa.column("metadata", JSON),
        sa.column("certificate_ends_at", UTCDateTime()),
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(providers.c.tenant_id, providers.c.id, providers.c.metadata)).all()
    for row in rows:
        ends = [
            x509.load_der_x509_certificate(base64.b64decode(text)).not_valid_after_utc
            for text in row.metadata.get("certificates", ())
        ]
        connection.execute(
            sa.update(providers)
            .where(providers.c.tenant_id == row.tenant_id, providers.c.id == row.id)
            .values(certificate_ends_at=max(ends, default=None))
        )


def downgrade() -> None:
    op.drop_index("ix_identity_provider_failed", "identity_provider")
    op.drop_index("ix_identity_provider_certificate_ends_at", "identity_provider")
    op.drop_column("identity_provider", "certificate_ends_at")
    op.drop_index("ix_attempt_not_counted", "attempt")
    op.drop_column("attempt", "counted")
    op.drop_column("tenant", "name_key")
    op.drop_column("tenant", "logo")
    for table in ("service_sign_in_hour", "sign_in_hour", "sign_in_count", "tenant_logo"):
        op.drop_table(table)
