"""audit events sealed into a chain"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WAITS_POSTGRESQL = """
CREATE FUNCTION {event}_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {waiting} ({columns}) VALUES ({values});
    RETURN NULL;
END $$;
CREATE TRIGGER {event}_waits AFTER INSERT ON {event} FOR EACH ROW EXECUTE FUNCTION {event}_waits();
"""
WAITS_SQLITE = """CREATE TRIGGER {event}_waits AFTER INSERT ON {event}
    BEGIN INSERT INTO {waiting} ({columns}) VALUES ({values}); END"""
WAITING = (
    {"event": "audit_event", "waiting": "unsealed_event", "columns": "tenant_id, event_id", "values": "NEW.tenant_id, NEW.id"},
    {"event": "staff_event", "waiting": "unsealed_staff_event", "columns": "event_id", "values": "NEW.id"},
)
"""An event and its place in the queue are one write: whatever adds it, and whenever that is committed."""
APPEND_ONLY_POSTGRESQL = """
CREATE FUNCTION audit_seal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM tenant WHERE id = OLD.tenant_id) THEN
        RETURN OLD;  -- the tenant itself is being erased
    END IF;
    RAISE EXCEPTION 'seals are only ever added';
END $$;
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION audit_seal_append_only();
CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_append_only();
CREATE FUNCTION staff_seal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'seals are only ever added';
END $$;
CREATE TRIGGER staff_seal_append_only BEFORE UPDATE OR DELETE ON staff_seal
    FOR EACH ROW EXECUTE FUNCTION staff_seal_append_only();
CREATE TRIGGER staff_seal_no_truncate BEFORE TRUNCATE ON staff_seal
    FOR EACH STATEMENT EXECUTE FUNCTION staff_seal_append_only();
"""
APPEND_ONLY_SQLITE = (
    """CREATE TRIGGER audit_seal_no_update BEFORE UPDATE ON audit_seal
    BEGIN SELECT RAISE(ABORT, 'seals are only ever added'); END""",
    """CREATE TRIGGER audit_seal_no_delete BEFORE DELETE ON audit_seal
    WHEN EXISTS (SELECT 1 FROM tenant WHERE id = OLD.tenant_id)
    BEGIN SELECT RAISE(ABORT, 'seals are only ever added'); END""",
    """CREATE TRIGGER staff_seal_no_update BEFORE UPDATE ON staff_seal
    BEGIN SELECT RAISE(ABORT, 'seals are only ever added'); END""",
    """CREATE TRIGGER staff_seal_no_delete BEFORE DELETE ON staff_seal
    BEGIN SELECT RAISE(ABORT, 'seals are only ever added'); END""",
)


def upgrade() -> None:
    """Two kinds of chains and their queues; events that are on record already wait to be sealed like new ones.

    And indexes for removing tokens and set-up links that expired long ago.
    """
    op.create_table(
        "audit_seal",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        *_seal_columns(),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_audit_seal_tenant_id_tenant"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_audit_seal")),
    )
    op.create_index("ix_audit_seal_last_id", "audit_seal", ["tenant_id", "last_id", "first_id"])
    op.create_table(
        "unsealed_event",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_unsealed_event_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", name=op.f("pk_unsealed_event")),
    )
    op.create_table("staff_seal", *_seal_columns(), sa.PrimaryKeyConstraint("number", name=op.f("pk_staff_seal")))
    op.create_index("ix_staff_seal_last_id", "staff_seal", ["last_id", "first_id"])
    op.create_table(
        "unsealed_staff_event",
        sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_unsealed_staff_event")),
    )
    op.create_index("ix_api_token_expires_at", "api_token", ["expires_at"])
    op.create_index("ix_setup_link_expires_at", "setup_link", ["expires_at"])
    op.execute("INSERT INTO unsealed_event (tenant_id, event_id) SELECT tenant_id, id FROM audit_event")
    op.execute("INSERT INTO unsealed_staff_event (event_id) SELECT id FROM staff_event")
    _make_triggers()


def _seal_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("first_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("last_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", UTCDateTime(), nullable=False),
        sa.Column("key_name", sa.String(length=60), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
    ]


def _make_triggers() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for names in WAITING:
        op.execute((WAITS_POSTGRESQL if is_postgresql else WAITS_SQLITE).format(**names))
    for statement in (APPEND_ONLY_POSTGRESQL,) if is_postgresql else APPEND_ONLY_SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Events stay, their seals go."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for names in WAITING:
        op.execute("DROP TRIGGER {event}_waits".format(**names) + (" ON {event}".format(**names) if is_postgresql else ""))
        if is_postgresql:
            op.execute("DROP FUNCTION {event}_waits()".format(**names))
    op.drop_index("ix_setup_link_expires_at", table_name="setup_link")
    op.drop_index("ix_api_token_expires_at", table_name="api_token")
    for table in ("unsealed_staff_event", "staff_seal", "unsealed_event", "audit_seal"):
        op.drop_table(table)
    if is_postgresql:
        op.execute("DROP FUNCTION audit_seal_append_only()")
        op.execute("DROP FUNCTION staff_seal_append_only()")
