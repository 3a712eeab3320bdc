"""rollover of a tenant's own keys, and who reads its metadata"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.database import JSON, RowId, UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "service_provider_key"
BATCH = 500
STATES_BEFORE, STATES = "('next', 'active', 'retired')", "('next', 'active', 'retiring', 'retired')"
MOMENTS = ("promoted_at", "replaced_at", "retire_at", "retired_at", "erased_at")


def upgrade() -> None:
    """States and dates of a rollover; whose a public key is; who reads metadata; which key decrypts."""
    op.add_column(TABLE, sa.Column("ends_at", UTCDateTime(), nullable=True))
    op.add_column(TABLE, sa.Column("imported", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in MOMENTS:
        op.add_column(TABLE, sa.Column(name, UTCDateTime(), nullable=True))
    op.create_table(
        "own_public_key",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_own_public_key_tenant_id_tenant", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", name="pk_own_public_key"),
    )
    op.create_index("ix_own_public_key_tenant_id", "own_public_key", ["tenant_id"])
    _read_certificates()
    op.execute(f"UPDATE {TABLE} SET promoted_at = created_at WHERE state = 'active'")
    op.execute(f"UPDATE {TABLE} SET retired_at = created_at WHERE state = 'retired'")
    _bounds(STATES, sealed_nullable=True, ends_nullable=False)
    for state in ("next", "active"):
        condition = sa.text(f"state = '{state}'")
        op.create_index(
            f"uq_{TABLE}_{state}",
            TABLE,
            ["tenant_id", "use"],
            unique=True,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_index(f"ix_{TABLE}_ends_at", TABLE, ["ends_at"])
    for name in ("retire_at", "retired_at"):
        condition = sa.text(f"{name} IS NOT NULL AND sealed_private_key IS NOT NULL")
        op.create_index(f"ix_{TABLE}_{name}", TABLE, [name], sqlite_where=condition, postgresql_where=condition)
    _readers_and_uses()


def _readers_and_uses() -> None:
    op.create_table(
        "metadata_reader",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", RowId, nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("first_at", UTCDateTime(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.Column("key_ids", JSON, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_metadata_reader_tenant_id_tenant", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_metadata_reader"),
        sa.UniqueConstraint("tenant_id", "address", "user_agent", name="uq_metadata_reader_tenant_id_address_user_agent"),
    )
    op.create_index("ix_metadata_reader_last_at", "metadata_reader", ["last_at"])
    op.create_table(
        "own_key_use",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("key_id", RowId, nullable=False),
        sa.Column("idp_id", RowId, nullable=False),
        sa.Column("first_at", UTCDateTime(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_own_key_use_tenant_id_tenant", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["service_provider_key.tenant_id", "service_provider_key.id"],
            name="fk_own_key_use_tenant_id_key_id_service_provider_key",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name="fk_own_key_use_tenant_id_idp_id_identity_provider",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", "idp_id", name="pk_own_key_use"),
    )


def downgrade() -> None:
    """Remove it all. A retiring key goes on decrypting as what the schema before knows of that kind, a next one."""
    op.drop_table("own_key_use")
    op.drop_table("metadata_reader")
    for name in (f"ix_{TABLE}_retired_at", f"ix_{TABLE}_retire_at", f"ix_{TABLE}_ends_at"):
        op.drop_index(name, table_name=TABLE)
    for state in ("active", "next"):
        op.drop_index(f"uq_{TABLE}_{state}", table_name=TABLE)
    op.execute(f"DELETE FROM {TABLE} WHERE sealed_private_key IS NULL")
    op.execute(f"UPDATE {TABLE} SET state = 'next' WHERE state = 'retiring'")
    _bounds(STATES_BEFORE, sealed_nullable=False, ends_nullable=True)
    op.drop_table("own_public_key")
    for name in (*reversed(MOMENTS), "imported", "ends_at"):
        op.drop_column(TABLE, name)


def _bounds(states: str, *, sealed_nullable: bool, ends_nullable: bool) -> None:
    """Which states there are, and what may be empty."""
    with op.batch_alter_table(TABLE) as keys:
        keys.alter_column("sealed_private_key", existing_type=sa.Text(), nullable=sealed_nullable)
        keys.alter_column("ends_at", existing_type=UTCDateTime(), nullable=ends_nullable)
        keys.drop_constraint(op.f(f"ck_{TABLE}_state"), type_="check")
        keys.create_check_constraint(op.f(f"ck_{TABLE}_state"), f"state IN {states}")


def _read_certificates() -> None:
    """When each certificate ends, and whose each key is; where two tenants have had one key, it is the first one's."""
    connection = op.get_bind()
    names = ("tenant_id", "id", "certificate", "ends_at")
    keys = sa.table(TABLE, sa.column("id", RowId), sa.column("ends_at", UTCDateTime()), *map(sa.column, names[:3:2]))
    claims = sa.table("own_public_key", sa.column("sha256"), sa.column("tenant_id"))
    one = sa.update(keys).where(keys.c.tenant_id == sa.bindparam("of_tenant"), keys.c.id == sa.bindparam("of_key"))
    claimed: set[str] = set()
    after: tuple[sa.ColumnElement[int], sa.ColumnElement[str]] | None = None
    while True:
        behind = sa.true() if after is None else sa.tuple_(keys.c.tenant_id, keys.c.id) > sa.tuple_(*after)
        page = sa.select(keys.c.tenant_id, keys.c.id, keys.c.certificate).where(behind)
        rows = connection.execute(page.order_by(keys.c.tenant_id, keys.c.id).limit(BATCH)).all()
        if not rows:
            return
        changes, whose = [], {}
        for row in rows:
            certificate = x509.load_pem_x509_certificate(row.certificate.encode())
            changes.append({"of_tenant": row.tenant_id, "of_key": row.id, "ends": certificate.not_valid_after_utc})
            whose.setdefault(_hash_of(certificate), row.tenant_id)
        connection.execute(one.values(ends_at=sa.bindparam("ends")), changes)
        new = [{"sha256": digest, "tenant_id": tenant} for digest, tenant in whose.items() if digest not in claimed]
        if new:
            connection.execute(sa.insert(claims), new)
        claimed |= whose.keys()
        # Of the column's type: SQLite compares an id as text, and would find the same page behind a dashed one for ever.
        after = (sa.literal(rows[-1].tenant_id), sa.literal(rows[-1].id, RowId))


def _hash_of(certificate: x509.Certificate) -> str:
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public)
    return digest.finalize().hex()
