"""staff accounts, their sessions, and roles in a tenant's console"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import JSON, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY_POSTGRESQL = """
CREATE FUNCTION staff_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are only ever added';
END $$;
CREATE TRIGGER staff_event_append_only BEFORE UPDATE OR DELETE ON staff_event
    FOR EACH ROW EXECUTE FUNCTION staff_event_append_only();
CREATE TRIGGER staff_event_no_truncate BEFORE TRUNCATE ON staff_event
    FOR EACH STATEMENT EXECUTE FUNCTION staff_event_append_only();
"""
APPEND_ONLY_SQLITE = (
    """CREATE TRIGGER staff_event_no_update BEFORE UPDATE ON staff_event
    BEGIN SELECT RAISE(ABORT, 'audit events are only ever added'); END""",
    """CREATE TRIGGER staff_event_no_delete BEFORE DELETE ON staff_event
    BEGIN SELECT RAISE(ABORT, 'audit events are only ever added'); END""",
)


def upgrade() -> None:
    _staff()
    _staff_sessions()
    _staff_events()
    _console_roles()


def downgrade() -> None:
    with op.batch_alter_table("session") as session:
        session.drop_column("role_rule_id")
    for table in (
        *("role_rule", "console_grant", "staff_event", "staff_attempt", "console_session", "staff_sign_in"),
        *("staff_recovery_code", "staff_passkey", "staff_account"),
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION staff_event_append_only()")


def _of_staff(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_staff_id_staff_account")
    return sa.ForeignKeyConstraint(["staff_id"], ["staff_account.id"], name=name, ondelete="CASCADE")


def _staff() -> None:
    op.create_table(
        "staff_account",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("sealed_totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("invitation_hash", sa.String(length=64), nullable=True),
        sa.Column("invitation_expires_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("last_sign_in_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('staff', 'support')", name=op.f("ck_staff_account_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_account")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_account_email")),
        sa.UniqueConstraint("invitation_hash", name=op.f("uq_staff_account_invitation_hash")),
    )
    op.create_table(
        "staff_passkey",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("credential_id", sa.String(length=1400), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_used_at", UTCDateTime(), nullable=True),
        _of_staff("staff_passkey"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_staff_passkey_credential_id")),
    )
    op.create_index("ix_staff_passkey_staff_id", "staff_passkey", ["staff_id"], unique=False)
    op.create_table(
        "staff_recovery_code",
        sa.Column("staff_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        _of_staff("staff_recovery_code"),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name=op.f("pk_staff_recovery_code")),
    )


def _staff_sessions() -> None:
    op.create_table(
        "staff_sign_in",
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("challenge", sa.String(length=100), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("code_email", sa.String(length=254), nullable=True),
        sa.Column("code_authenticated_at", UTCDateTime(), nullable=True),
        sa.Column("code_expires_at", UTCDateTime(), nullable=True),
        sa.Column("target", sa.String(length=2000), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        _of_staff("staff_sign_in"),
        sa.PrimaryKeyConstraint("browser_hash", name=op.f("pk_staff_sign_in")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_staff_sign_in_code_hash")),
    )
    op.create_index("ix_staff_sign_in_expires_at", "staff_sign_in", ["expires_at"], unique=False)
    op.create_table(
        "console_session",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("how", sa.String(length=20), nullable=False),
        sa.Column("user_agent", sa.String(length=300), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("authenticated_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "how IN ('password_totp', 'password_passkey', 'password_recovery', 'passkey', 'sso', 'invitation')",
            name=op.f("ck_console_session_how"),
        ),
        _of_staff("console_session"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_console_session_token_hash")),
    )
    op.create_index("ix_console_session_staff_id", "console_session", ["staff_id", "address"], unique=False)
    op.create_index("ix_console_session_expires_at", "console_session", ["expires_at"], unique=False)
    op.create_table(
        "staff_attempt",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_staff_attempt")),
    )
    op.create_index("ix_staff_attempt_last_at", "staff_attempt", ["last_at"], unique=False)


def _staff_events() -> None:
    op.create_table(
        "staff_event",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_event")),
    )
    op.create_index("ix_staff_event_staff_id", "staff_event", ["staff_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(APPEND_ONLY_POSTGRESQL)
        return
    for trigger in APPEND_ONLY_SQLITE:
        op.execute(trigger)


def _console_roles() -> None:
    op.create_table(
        "console_grant",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("granted_by", sa.String(length=200), nullable=False),
        sa.Column("granted_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'viewer')", name=op.f("ck_console_grant_role")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_console_grant_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_console_grant")),
        sa.UniqueConstraint("tenant_id", "email", name=op.f("uq_console_grant_tenant_id_email")),
    )
    op.create_table(
        "role_rule",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("idp_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("attribute", sa.String(length=256), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'viewer')", name=op.f("ck_role_rule_role")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name=op.f("fk_role_rule_tenant_id_idp_id_identity_provider"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_role_rule_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_role_rule")),
        sa.UniqueConstraint(
            "tenant_id", "idp_id", "attribute", "value", name=op.f("uq_role_rule_tenant_id_idp_id_attribute_value")
        ),
    )
    op.add_column("session", sa.Column("role_rule_id", sa.Uuid(as_uuid=False), nullable=True))
