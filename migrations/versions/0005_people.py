"""people at 100,000 a tenant: keys and one index for their lists, open sessions, CSV imports"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.database import JSON, UTCDateTime
from identity.people_keys import keys_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 1000
KEYS = {"name_key": 121, "username_key": 60, "search_key": 243}
LISTED = ["tenant_id", "name_key", "id", "email", "username_key", "search_key", "last_login_at", "active", "idp_id"]


def upgrade() -> None:
    for name, length in KEYS.items():
        op.add_column("users", sa.Column(name, _ordered(length), nullable=False, server_default=""))
    _compute_keys()
    with op.batch_alter_table("users") as users:
        for name, length in KEYS.items():
            users.alter_column(name, server_default=None, existing_type=_ordered(length), existing_nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE users ALTER COLUMN email TYPE varchar(254) COLLATE "C"')
    op.create_index("ix_users_listed", "users", LISTED, unique=False)
    _partial_index("ix_users_prepared", "users", ["tenant_id", "email"], "subject IS NULL")
    op.create_index("uq_session_id", "session", ["tenant_id", "id"], unique=True)
    _partial_index("ix_session_open", "session", ["tenant_id", "expires_at", "id"], "ended_at IS NULL")
    _imports()


def downgrade() -> None:
    op.drop_table("people_import_line")
    op.drop_table("people_import")
    op.drop_index("ix_session_open", "session")
    op.drop_index("uq_session_id", "session")
    op.drop_index("ix_users_prepared", "users")
    op.drop_index("ix_users_listed", "users")
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE users ALTER COLUMN email TYPE varchar(254) COLLATE "default"')
    with op.batch_alter_table("users") as users:
        for name in KEYS:
            users.drop_column(name)


def _ordered(length: int) -> sa.String:
    """Sorted by code points on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(name, table, columns, unique=False, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def _compute_keys() -> None:
    """People who are there already get their keys."""
    connection = op.get_bind()
    named = ("tenant_id", "id", "username", "email", "first_name", "last_name")
    users = sa.table("users", *(sa.column(name) for name in (*named, *KEYS)))
    found = sa.select(*(users.c[name] for name in named)).order_by(users.c.tenant_id, users.c.id).limit(BATCH)
    one = sa.update(users).where(users.c.tenant_id == sa.bindparam("of_tenant"), users.c.id == sa.bindparam("of_user"))
    after: tuple[object, object] | None = None
    while True:
        behind = sa.true() if after is None else sa.tuple_(users.c.tenant_id, users.c.id) > sa.tuple_(*after)
        rows = connection.execute(found.where(behind)).all()
        if not rows:
            return
        changes = [{"of_tenant": row.tenant_id, "of_user": row.id, **keys_of(row._asdict())} for row in rows]
        connection.execute(one.values({name: sa.bindparam(name) for name in KEYS}), changes)
        after = (rows[-1].tenant_id, rows[-1].id)


def _imports() -> None:
    op.create_table(
        "people_import",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_size", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("cause", sa.String(length=500), nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("domains", JSON, nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("applied_by", sa.String(length=200), nullable=True),
        sa.Column("applied_at", UTCDateTime(), nullable=True),
        sa.Column("work_requested_at", UTCDateTime(), nullable=True),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("claimed_until", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'applying', 'applied', 'refused')", name=op.f("ck_people_import_state")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_people_import_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_people_import")),
    )
    _partial_index(
        "ix_people_import_work_requested_at", "people_import", ["work_requested_at"], "work_requested_at IS NOT NULL"
    )
    op.create_index("ix_people_import_created_at", "people_import", ["created_at"], unique=False)
    op.create_table(
        "people_import_line",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("before", sa.String(length=64), nullable=True),
        sa.Column("document", JSON, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('added', 'changed', 'unchanged', 'refused')", name=op.f("ck_people_import_line_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["people_import.tenant_id", "people_import.id"],
            name=op.f("fk_people_import_line_tenant_id_import_id_people_import"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_people_import_line_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "import_id", "line", name=op.f("pk_people_import_line")),
    )
    op.create_index(
        "ix_people_import_line_outcome", "people_import_line", ["tenant_id", "import_id", "outcome", "line"], unique=False
    )
