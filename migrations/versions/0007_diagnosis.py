"""diagnosis"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDICES = (
    ("ix_attempt_code", "attempt", ("tenant_id", "code", "id"), None),
    ("ix_attempt_refused", "attempt", ("tenant_id", "id"), "code IS NOT NULL"),
    ("ix_attempt_user", "attempt", ("tenant_id", "user_id", "id"), "user_id IS NOT NULL"),
    ("ix_attempt_trial", "attempt", ("tenant_id", "id"), "trial_id IS NOT NULL"),
    ("ix_audit_event_type", "audit_event", ("tenant_id", "type", "id"), None),
    ("ix_audit_event_actor", "audit_event", ("tenant_id", "actor", "id", "type"), None),
)
"""Name, table, columns, and which rows where not all. Each list is read backwards by id, which sorts by time."""


REFERENCE = ("ix_attempt_reference", "attempt")


def upgrade() -> None:
    """Attempts by reference, code, result, person and test; audit events by type and actor."""
    op.drop_index(REFERENCE[0], table_name=REFERENCE[1])
    op.create_index(*REFERENCE, ["tenant_id", "reference", "id"])
    for name, table, columns, condition in INDICES:
        where = sa.text(condition) if condition else None
        op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Remove them."""
    for name, table, _columns, _condition in reversed(INDICES):
        op.drop_index(name, table_name=table)
    op.drop_index(REFERENCE[0], table_name=REFERENCE[1])
    op.create_index(*REFERENCE, ["tenant_id", "reference"])
