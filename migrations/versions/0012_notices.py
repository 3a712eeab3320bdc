"""warnings before something ends, and how they are sent"""

from __future__ import annotations

import datetime as dt
import json

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LOOK_AT_ONCE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
WAITS = sa.text("state = 'waiting'")
RowId = sa.Uuid(as_uuid=False)
BATCH = 500


def _own(table: str, *columns: sa.Column[object], constraints: tuple[sa.Constraint, ...] = ()) -> None:
    """A table of tenants."""
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", RowId, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE"),
        *constraints,
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def _service(table: str, *columns: sa.Column[object], constraints: tuple[sa.Constraint, ...] = ()) -> None:
    """A table of the service as a whole."""
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    op.create_table(table, sa.Column("id", RowId, nullable=False), *columns, *constraints, key)


def _contact() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.String(length=200), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
    )


def _webhook() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("sealed_former_secret", sa.Text(), nullable=True),
        sa.Column("former_until", UTCDateTime(), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("tested_at", UTCDateTime(), nullable=True),
    )


def _delivery() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=True),
        sa.Column("sealed_body", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("claim", RowId, nullable=True),
        sa.Column("claimed_until", UTCDateTime(), nullable=True),
        sa.Column("webhook_id", RowId, nullable=True),
    )


def _delivery_checks(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f(f"ck_{table}_state")),
        sa.CheckConstraint("channel IN ('email', 'webhook')", name=op.f(f"ck_{table}_channel")),
    )


def upgrade() -> None:
    """What is connected already is looked at once by the job."""
    email = sa.UniqueConstraint("tenant_id", "email", name=op.f("uq_notice_contact_tenant_id_email"))
    _own("notice_contact", *_contact(), constraints=(email,))
    email = sa.UniqueConstraint("email", name=op.f("uq_service_contact_email"))
    _service("service_contact", *_contact(), constraints=(email,))
    _own("webhook", *_webhook())
    _service("service_webhook", *_webhook())
    target = sa.ForeignKeyConstraint(
        ["tenant_id", "webhook_id"],
        ["webhook.tenant_id", "webhook.id"],
        name=op.f("fk_delivery_tenant_id_webhook_id_webhook"),
        ondelete="CASCADE",
    )
    _own("delivery", *_delivery(), constraints=(*_delivery_checks("delivery"), target))
    target = sa.ForeignKeyConstraint(
        ["webhook_id"],
        ["service_webhook.id"],
        name=op.f("fk_service_delivery_webhook_id_service_webhook"),
        ondelete="CASCADE",
    )
    _service("service_delivery", *_delivery(), constraints=(*_delivery_checks("service_delivery"), target))
    for table in ("delivery", "service_delivery"):
        op.create_index(f"ix_{table}_due_at", table, ["due_at"], sqlite_where=WAITS, postgresql_where=WAITS)
        op.create_index(f"ix_{table}_created_at", table, ["created_at"])
    op.create_index("ix_delivery_webhook", "delivery", ["tenant_id", "webhook_id"])
    op.create_index("ix_service_delivery_webhook_id", "service_delivery", ["webhook_id"])
    once = ("tenant_id", "subject", "subject_id", "ends_at", "days")
    _own(
        "notice",
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", RowId, nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("lasts_on", sa.Boolean(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        constraints=(
            sa.CheckConstraint("subject IN ('idp_certificate', 'sp_certificate', 'metadata')", name=op.f("ck_notice_subject")),
            sa.UniqueConstraint(*once, name=op.f(f"uq_notice_{'_'.join(once)}")),
        ),
    )
    op.create_index("ix_notice_created_at", "notice", ["created_at"])
    op.add_column("identity_provider", sa.Column("valid_until", UTCDateTime(), nullable=True))
    for table in ("identity_provider", "service_provider_key"):
        op.add_column(table, sa.Column("next_notice_at", UTCDateTime(), nullable=True))
        column = sa.table(table, sa.column("next_notice_at", UTCDateTime()))
        op.execute(sa.update(column).values(next_notice_at=LOOK_AT_ONCE))
        op.create_index(f"ix_{table}_next_notice_at", table, ["next_notice_at"])
    op.create_index("ix_identity_provider_valid_until", "identity_provider", ["valid_until"])
    _fill_valid_until()


def _fill_valid_until() -> None:
    """From the documents that are in force."""
    provider = sa.table(
        "identity_provider",
        sa.column("tenant_id", sa.Integer()),
        sa.column("id", RowId),
        sa.column("metadata", sa.JSON()),
        sa.column("valid_until", UTCDateTime()),
    )
    connection, after = op.get_bind(), ""
    columns = sa.select(provider.c.tenant_id, provider.c.id, sa.cast(provider.c.metadata, sa.Text).label("document"))
    while True:
        further = columns.where(provider.c.id > after) if after else columns
        rows = connection.execute(further.order_by(provider.c.id).limit(BATCH)).all()
        for row in rows:
            text = (json.loads(row.document or "{}") or {}).get("valid_until")
            if text:
                one = (provider.c.tenant_id == row.tenant_id, provider.c.id == row.id)
                connection.execute(sa.update(provider).where(*one).values(valid_until=dt.datetime.fromisoformat(text)))
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def downgrade() -> None:
    """Whatever waits to be sent is lost."""
    op.drop_index("ix_identity_provider_valid_until", "identity_provider")
    for table in ("service_provider_key", "identity_provider"):
        op.drop_index(f"ix_{table}_next_notice_at", table)
        op.drop_column(table, "next_notice_at")
    op.drop_column("identity_provider", "valid_until")
    for table in ("notice", "service_delivery", "delivery", "service_webhook", "webhook", "service_contact", "notice_contact"):
        op.drop_table(table)
