"""local accounts, the links that set their passwords, and break-glass administrators"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from config.database import UTCDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = (
    "local_account",
    "local_passkey",
    "local_recovery_code",
    "local_link",
    "local_link_request",
    "local_sign_in",
    "local_browser",
    "local_attempt",
    "break_glass_admin",
    "break_glass_use",
)


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def _belongs(table: str, to: str) -> sa.ForeignKeyConstraint:
    """To a person, or to their local account."""
    there = "id" if to == "users" else "user_id"
    name = op.f(f"fk_{table}_tenant_id_user_id_{to}")
    return sa.ForeignKeyConstraint(
        ["tenant_id", "user_id"], [f"{to}.tenant_id", f"{to}.{there}"], name=name, ondelete="CASCADE"
    )


def _create(table: str, key: Sequence[str], *parts: sa.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    """Nobody has a local account yet."""
    _create(
        "local_account",
        ["user_id"],
        _id("user_id"),
        _text("password_hash", 200, nullable=True),
        _at("password_set_at", nullable=True),
        sa.Column("sealed_totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        _at("created_at"),
        _text("created_by", 200),
        _at("last_sign_in_at", nullable=True),
        _belongs("local_account", "users"),
    )
    _create(
        "local_passkey",
        ["id"],
        _id("id"),
        _id("user_id"),
        _text("credential_id", 1400),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        _text("label", 100),
        _at("created_at"),
        _at("last_used_at", nullable=True),
        _belongs("local_passkey", "local_account"),
        sa.UniqueConstraint("tenant_id", "credential_id", name=op.f("uq_local_passkey_tenant_id_credential_id")),
    )
    op.create_index("ix_local_passkey_user_id", "local_passkey", ["tenant_id", "user_id"])
    _create(
        "local_recovery_code",
        ["user_id", "code_hash"],
        _id("user_id"),
        _text("code_hash", 64),
        _at("created_at"),
        _at("used_at", nullable=True),
        _belongs("local_recovery_code", "local_account"),
    )
    _create(
        "local_link",
        ["token_hash"],
        _text("token_hash", 64),
        _id("user_id"),
        _text("purpose", 20),
        _at("created_at"),
        _at("expires_at"),
        _belongs("local_link", "local_account"),
        sa.CheckConstraint("purpose IN ('invitation', 'reset')", name=op.f("ck_local_link_purpose")),
    )
    op.create_index("ix_local_link_user_id", "local_link", ["tenant_id", "user_id"])
    op.create_index("ix_local_link_expires_at", "local_link", ["expires_at"])
    _create("local_link_request", ["id"], _id("id"), _text("name", 320), _at("at"))
    op.create_index("ix_local_link_request_at", "local_link_request", ["at"])
    _create(
        "local_sign_in",
        ["browser_hash"],
        _text("browser_hash", 64),
        _id("user_id", nullable=True),
        _text("way", 20),
        _text("reason", 500),
        _text("challenge", 100, nullable=True),
        _text("target", 2000),
        sa.Column("tries", sa.Integer(), nullable=False),
        _at("created_at"),
        _at("expires_at"),
        _belongs("local_sign_in", "local_account"),
        sa.CheckConstraint("way IN ('local', 'break_glass')", name=op.f("ck_local_sign_in_way")),
    )
    op.create_index("ix_local_sign_in_expires_at", "local_sign_in", ["expires_at"])
    op.create_index("ix_local_sign_in_user_id", "local_sign_in", ["tenant_id", "user_id"])
    _create(
        "local_browser",
        ["token_hash"],
        _text("token_hash", 64),
        _id("user_id"),
        _at("created_at"),
        _at("expires_at"),
        _belongs("local_browser", "local_account"),
    )
    op.create_index("ix_local_browser_user_id", "local_browser", ["tenant_id", "user_id"])
    op.create_index("ix_local_browser_expires_at", "local_browser", ["expires_at"])
    failures = sa.Column("failures", sa.Integer(), nullable=False)
    _create("local_attempt", ["key"], _text("key", 160), failures, _at("last_at"))
    op.create_index("ix_local_attempt_last_at", "local_attempt", ["last_at"])
    _create(
        "break_glass_admin",
        ["user_id"],
        _id("user_id"),
        _text("reason", 500),
        _text("named_by", 200),
        _at("named_at"),
        _belongs("break_glass_admin", "local_account"),
    )
    _create(
        "break_glass_use",
        ["id"],
        _id("id"),
        _id("user_id"),
        _id("session_id"),
        _text("reason", 500),
        _text("user_agent", 300),
        _text("address", 45),
        _at("at"),
        _text("seen_by", 200, nullable=True),
        _at("seen_at", nullable=True),
        _belongs("break_glass_use", "users"),
    )
    op.create_index("ix_break_glass_use_at", "break_glass_use", ["at"])


def downgrade() -> None:
    """Sessions that began by a local account, or by break-glass, end: nothing would say any more who may have them."""
    sessions = sa.table("session", sa.column("way"), sa.column("ended_at"), sa.column("created_at"))
    op.execute(sa.delete(sessions).where(sessions.c.way.in_(("local", "break_glass"))))
    for table in reversed(TABLES):
        op.drop_table(table)
