"""versions of SAML settings, and test sign-ins"""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import sqlalchemy as sa
from alembic import op

from config.database import JSON, UTCDateTime, new_id

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _idp_key(table: str, **options: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "idp_id"],
        ["identity_provider.tenant_id", "identity_provider.id"],
        name=op.f(f"fk_{table}_tenant_id_idp_id_identity_provider"),
        **options,
    )


def _tenant_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE"
    )


def upgrade() -> None:
    """Settings that are in force become version 1 of their identity provider."""
    versions = op.create_table(
        "saml_settings_version",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=True),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("base", sa.Integer(), nullable=True),
        sa.Column("restored", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edits", JSON, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("tested_at", UTCDateTime(), nullable=True),
        sa.Column("tested_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("trial_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("in_force_at", UTCDateTime(), nullable=True),
        sa.Column("in_force_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'active', 'former')", name=op.f("ck_saml_settings_version_state")),
        sa.CheckConstraint("(state = 'draft') = (number IS NULL)", name=op.f("ck_saml_settings_version_number")),
        _idp_key("saml_settings_version", ondelete="CASCADE"),
        _tenant_key("saml_settings_version"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_saml_settings_version")),
        sa.UniqueConstraint(
            "tenant_id", "idp_id", "number", name=op.f("uq_saml_settings_version_tenant_id_idp_id_number")
        ),
    )
    for state in ("draft", "active"):
        of_state = sa.text(f"state = '{state}'")
        op.create_index(
            f"uq_saml_settings_version_{state}",
            "saml_settings_version",
            ["tenant_id", "idp_id"],
            unique=True,
            sqlite_where=of_state,
            postgresql_where=of_state,
        )
    op.create_table(
        "sign_in_trial",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("of_draft", sa.Boolean(), nullable=False),
        sa.Column("expected", sa.String(length=20), nullable=False),
        sa.Column("return_to", sa.String(length=2000), nullable=True),
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("prepared_at", UTCDateTime(), nullable=False),
        sa.Column("prepared_by", sa.String(length=200), nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=True),
        sa.Column("browser_hash", sa.String(length=64), nullable=True),
        sa.Column("relay_state_hash", sa.String(length=64), nullable=True),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("attempt_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("outcome", JSON, nullable=False),
        sa.Column("sealed_values", sa.Text(), nullable=True),
        sa.CheckConstraint("expected IN ('accepted', 'refused')", name=op.f("ck_sign_in_trial_expected")),
        _idp_key("sign_in_trial"),
        _tenant_key("sign_in_trial"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sign_in_trial")),
    )
    op.create_index("uq_sign_in_trial_ticket", "sign_in_trial", ["tenant_id", "ticket_hash"], unique=True)
    op.create_index("ix_sign_in_trial_relay_state", "sign_in_trial", ["tenant_id", "relay_state_hash"])
    op.create_index("ix_sign_in_trial_idp", "sign_in_trial", ["tenant_id", "idp_id", "id"])
    op.create_index("ix_sign_in_trial_prepared_at", "sign_in_trial", ["prepared_at"])
    op.add_column("exchange", sa.Column("trial_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("attempt", sa.Column("trial_id", sa.Uuid(as_uuid=False), nullable=True))
    _number_what_is_in_force(versions)


def _number_what_is_in_force(versions: sa.Table) -> None:
    """Each identity provider's settings, deleted ones' too: their next version has to have a number behind this one."""
    providers = sa.table(
        "identity_provider",
        sa.column("tenant_id", sa.Integer),
        sa.column("id", sa.Uuid(as_uuid=False)),
        sa.column("settings", JSON),
        sa.column("created_at", UTCDateTime()),
    )
    now, connection = dt.datetime.now(dt.UTC), op.get_bind()
    for row in connection.execute(sa.select(providers)).all():
        canonical = json.dumps(row.settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        connection.execute(
            sa.insert(versions).values(
                tenant_id=row.tenant_id,
                id=new_id(),
                idp_id=row.id,
                number=1,
                state="active",
                origin="connected",
                settings=row.settings,
                fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
                revision=1,
                edits=[],
                created_at=row.created_at,
                created_by="migration",
                changed_at=now,
                changed_by="migration",
                in_force_at=row.created_at,
                in_force_by="migration",
            )
        )


def downgrade() -> None:
    op.drop_column("attempt", "trial_id")
    op.drop_column("exchange", "trial_id")
    op.drop_table("sign_in_trial")
    op.drop_table("saml_settings_version")
