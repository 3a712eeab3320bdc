"""the first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import JSON, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY_POSTGRESQL = """
CREATE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM tenant WHERE id = OLD.tenant_id) THEN
        RETURN OLD;  -- the tenant itself is being erased
    END IF;
    RAISE EXCEPTION 'audit events are only ever added';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_append_only();
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_append_only();
"""
APPEND_ONLY_SQLITE = (
    """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit events are only ever added'); END""",
    """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
    WHEN EXISTS (SELECT 1 FROM tenant WHERE id = OLD.tenant_id)
    BEGIN SELECT RAISE(ABORT, 'audit events are only ever added'); END""",
)


def _make_audit_append_only() -> None:
    """L2: nobody changes or removes an audit event, whatever the code does; erasing its tenant takes it along."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(APPEND_ONLY_POSTGRESQL)
        return
    for trigger in APPEND_ONLY_SQLITE:
        op.execute(trigger)


def upgrade() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("brand_colour", sa.String(length=7), nullable=False),
        sa.Column("session_idle_seconds", sa.Integer(), nullable=False),
        sa.Column("session_absolute_seconds", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('onboarding', 'active', 'suspended', 'deleted')", name=op.f("ck_tenant_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_table(
        "api_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("(role IN ('admin', 'viewer')) = (tenant_id IS NOT NULL)", name=op.f("ck_api_token_scope")),
        sa.CheckConstraint("role IN ('staff', 'support', 'admin', 'viewer')", name=op.f("ck_api_token_role")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_api_token_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_api_token")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_token_public_id")),
    )
    op.create_index("ix_api_token_tenant_id", "api_token", ["tenant_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("cause", sa.String(length=500), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("receipt", JSON, nullable=False),
        sa.Column("xml", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_attempt_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_at", "attempt", ["at"], unique=False)
    op.create_index("ix_attempt_reference", "attempt", ["tenant_id", "reference"], unique=False)
    op.create_table(
        "audit_event",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_audit_event_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_audit_event")),
    )
    op.create_table(
        "email_domain",
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("proof", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("proven_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_email_domain_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_email_domain")),
    )
    op.create_index("ix_email_domain_tenant_id", "email_domain", ["tenant_id"], unique=False)
    op.create_table(
        "identity_provider",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("entity_id", sa.String(length=1024), nullable=False),
        sa.Column("metadata_url", sa.String(length=2000), nullable=True),
        sa.Column("metadata_path", sa.String(length=500), nullable=True),
        sa.Column("metadata_version_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("etag", sa.String(length=300), nullable=True),
        sa.Column("last_modified", sa.String(length=100), nullable=True),
        sa.Column("sync_requested_at", UTCDateTime(), nullable=True),
        sa.Column("last_sync_at", UTCDateTime(), nullable=True),
        sa.Column("last_sync_result", sa.String(length=20), nullable=True),
        sa.Column("last_sync_code", sa.String(length=60), nullable=True),
        sa.Column("sync_claim", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("sync_claimed_until", UTCDateTime(), nullable=True),
        sa.Column("pending", JSON, nullable=True),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_identity_provider_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_identity_provider")),
    )
    op.create_index(
        "ix_identity_provider_sync_requested_at",
        "identity_provider",
        ["sync_requested_at"],
        unique=False,
        sqlite_where=sa.text("sync_requested_at IS NOT NULL"),
        postgresql_where=sa.text("sync_requested_at IS NOT NULL"),
    )
    op.create_index(
        "uq_identity_provider_entity_id",
        "identity_provider",
        ["tenant_id", "entity_id"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_identity_provider_name",
        "identity_provider",
        ["tenant_id", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "my_domain",
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_my_domain_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_my_domain")),
    )
    op.create_index("ix_my_domain_tenant_id", "my_domain", ["tenant_id"], unique=False)
    op.create_table(
        "service_provider_key",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("use", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("sealed_private_key", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('next', 'active', 'retired')", name=op.f("ck_service_provider_key_state")),
        sa.CheckConstraint("use IN ('signing', 'encryption')", name=op.f("ck_service_provider_key_use")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_service_provider_key_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_service_provider_key")),
    )
    op.create_table(
        "exchange",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("relay_state_hash", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=2000), nullable=False),
        sa.Column("authn_context_classes", JSON, nullable=False),
        sa.Column("solicited", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_exchange_tenant_id_idp_id_identity_provider"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_exchange_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", name=op.f("pk_exchange")),
    )
    op.create_index("ix_exchange_expires_at", "exchange", ["expires_at"], unique=False)
    op.create_index(
        "ix_exchange_relay_state",
        "exchange",
        ["tenant_id", "relay_state_hash"],
        unique=False,
        sqlite_where=sa.text("NOT solicited"),
        postgresql_where=sa.text("NOT solicited"),
    )
    op.create_table(
        "metadata_version",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_metadata_version_tenant_id_idp_id_identity_provider"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_metadata_version_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_metadata_version")),
    )
    op.create_index("ix_metadata_version_idp", "metadata_version", ["tenant_id", "idp_id", "id"], unique=False)
    op.create_table(
        "used_assertion",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("assertion_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_used_assertion_tenant_id_idp_id_identity_provider"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_used_assertion_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "idp_id", "assertion_hash", name=op.f("pk_used_assertion")),
    )
    op.create_index("ix_used_assertion_expires_at", "used_assertion", ["expires_at"], unique=False)
    op.create_table(
        "users",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("subject", sa.String(length=1024), nullable=True),
        sa.Column("name_id", sa.String(length=1024), nullable=True),
        sa.Column("username", sa.String(length=320), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("first_name", sa.String(length=200), nullable=True),
        sa.Column("last_name", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=60), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_login_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_users_tenant_id_idp_id_identity_provider"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_users_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_users")),
        sa.UniqueConstraint("tenant_id", "idp_id", "subject", name=op.f("uq_users_tenant_id_idp_id_subject")),
    )
    op.create_index("ix_users_username", "users", ["tenant_id", "username"], unique=False)
    op.create_table(
        "email_address",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_email_address_tenant_id_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_email_address_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_email_address")),
        sa.UniqueConstraint("tenant_id", "user_id", name=op.f("uq_email_address_tenant_id_user_id")),
    )
    op.create_table(
        "session",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name_id", sa.String(length=1024), nullable=False),
        sa.Column("name_id_format", sa.String(length=256), nullable=False),
        sa.Column("session_index", sa.String(length=256), nullable=True),
        sa.Column("authn_context", sa.String(length=256), nullable=False),
        sa.Column("user_agent", sa.String(length=300), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_session_tenant_id_idp_id_identity_provider"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_session_tenant_id_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_session_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "token_hash", name=op.f("pk_session")),
    )
    op.create_index("ix_session_expires_at", "session", ["expires_at"], unique=False)
    op.create_index("ix_session_name_id", "session", ["tenant_id", "idp_id", "name_id"], unique=False)
    op.create_index("ix_session_user", "session", ["tenant_id", "user_id"], unique=False)
    _make_audit_append_only()


def downgrade() -> None:
    op.drop_table("session")
    op.drop_table("email_address")
    op.drop_table("users")
    op.drop_table("used_assertion")
    op.drop_table("metadata_version")
    op.drop_table("exchange")
    op.drop_table("service_provider_key")
    op.drop_table("my_domain")
    op.drop_table("identity_provider")
    op.drop_table("email_domain")
    op.drop_table("audit_event")
    op.drop_table("attempt")
    op.drop_table("api_token")
    op.drop_table("tenant")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_event_append_only()")
