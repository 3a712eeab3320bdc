"""staff's console sessions end with the one that they were entered through; refused attempts have seals of their own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=False)
ONLY_ADDED = "audit events are only ever added"
REMOVABLE = """OLD.type IN ('sign_in.refused', 'logout.refused', 'native_code.refused') AND EXISTS (
        SELECT 1 FROM refusal_seal AS seal
        WHERE seal.tenant_id = OLD.tenant_id AND OLD.id BETWEEN seal.first_id AND seal.last_id)"""
POSTGRESQL = """
CREATE OR REPLACE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM tenant WHERE id = OLD.tenant_id) THEN
        RETURN OLD;  -- the tenant itself is being erased
    END IF;
    {more}RAISE EXCEPTION '{words}';
END $$
"""
LET_GO = """IF TG_OP = 'DELETE' AND {removable} THEN
        RETURN OLD;  -- a refused attempt, whose seal says that it is not kept for longer
    END IF;
    """
SQLITE = """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
    WHEN EXISTS (SELECT 1 FROM tenant WHERE id = OLD.tenant_id){more}
    BEGIN SELECT RAISE(ABORT, '{words}'); END"""


def upgrade() -> None:
    """Sessions of staff that came by single sign-on say through what from now on; those that do not have ended."""
    for table, prefix in (("staff_sign_in", "code"), ("console_session", "origin")):
        op.add_column(table, sa.Column(f"{prefix}_tenant_id", sa.Integer(), nullable=True))
        op.add_column(table, sa.Column(f"{prefix}_session_id", ID, nullable=True))
    op.create_table(
        "refusal_seal",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("first_id", ID, nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("remove_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_refusal_seal_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_refusal_seal")),
    )
    op.create_index("ix_refusal_seal_remove_at", "refusal_seal", ["remove_at"])
    _guard(REMOVABLE)


def downgrade() -> None:
    """What was removed stays so, and no more is."""
    _guard("")
    op.drop_table("refusal_seal")
    for table, prefix in (("console_session", "origin"), ("staff_sign_in", "code")):
        op.drop_column(table, f"{prefix}_session_id")
        op.drop_column(table, f"{prefix}_tenant_id")


def _guard(removable: str) -> None:
    """Make anew what keeps events from being removed."""
    if op.get_bind().dialect.name == "postgresql":
        more = LET_GO.format(removable=removable) if removable else ""
        op.execute(POSTGRESQL.format(more=more, words=ONLY_ADDED))
        return
    op.execute("DROP TRIGGER audit_event_no_delete")
    op.execute(SQLITE.format(more=f" AND NOT ({removable})" if removable else "", words=ONLY_ADDED))
