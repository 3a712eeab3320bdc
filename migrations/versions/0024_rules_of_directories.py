"""rules of placement belong to an identity provider or to a directory; what a sync has read, for a preview of them"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from config.database import UTCDateTime, new_id

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ID = sa.Uuid(as_uuid=False)
DIRECTORY_KEY = "fk_placement_rule_tenant_id_directory_id_directory"
DIRECTORY_UNIQUE = "uq_placement_rule_tenant_id_directory_id_position"
OWNER = "ck_placement_rule_owner"
DIRECTORIES = sa.table(
    "directory",
    *(sa.column("tenant_id", sa.Integer()), sa.column("id", ID), sa.column("settings", JSON)),
    sa.column("deleted_at", UTCDateTime()),
)
ORGANISATIONS = sa.table("organisation", sa.column("tenant_id", sa.Integer()), sa.column("id", ID))
RULES = sa.table(
    "placement_rule",
    *(sa.column("tenant_id", sa.Integer()), sa.column("id", ID), sa.column("directory_id", ID)),
    *(sa.column("position", sa.Integer()), sa.column("attribute", sa.String()), sa.column("values", JSON)),
    *(sa.column("moves", sa.Boolean()), sa.column("organisation_id", ID), sa.column("created_by", sa.String())),
    sa.column("created_at", UTCDateTime()),
)


def upgrade() -> None:
    """What directories' settings said becomes rows; a rule that led to nowhere moved nobody, and is left out."""
    op.add_column("directory", sa.Column("placement_follows", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("placement_rule") as batch:
        batch.alter_column("idp_id", existing_type=ID, nullable=True)
        batch.add_column(sa.Column("directory_id", ID, nullable=True))
        batch.create_foreign_key(
            op.f(DIRECTORY_KEY), "directory", ["tenant_id", "directory_id"], ["tenant_id", "id"], ondelete="CASCADE"
        )
        batch.create_unique_constraint(op.f(DIRECTORY_UNIQUE), ["tenant_id", "directory_id", "position"])
        batch.create_check_constraint(op.f(OWNER), "(idp_id IS NULL) <> (directory_id IS NULL)")
    op.create_table(
        "directory_reading",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("directory_id", ID, nullable=False),
        sa.Column("fingerprints", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_directory_reading_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_directory_reading_tenant_id_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "directory_id"],
            ["directory.tenant_id", "directory.id"],
            name=op.f("fk_directory_reading_tenant_id_directory_id_directory"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_directory_reading")),
    )
    _into_rows(dt.datetime.now(dt.UTC))


def downgrade() -> None:
    """Rules of directories go back into their settings, as far as these can say what they say."""
    _into_settings()
    op.execute(sa.delete(RULES).where(RULES.c.directory_id.is_not(None)))
    op.drop_table("directory_reading")
    with op.batch_alter_table("placement_rule") as batch:
        batch.drop_constraint(op.f(OWNER), type_="check")
        batch.drop_constraint(op.f(DIRECTORY_UNIQUE), type_="unique")
        batch.drop_constraint(op.f(DIRECTORY_KEY), type_="foreignkey")
        batch.drop_column("directory_id")
        batch.alter_column("idp_id", existing_type=ID, nullable=False)
    op.drop_column("directory", "placement_follows")


def _directories() -> list[Any]:
    return list(op.get_bind().execute(sa.select(DIRECTORIES)))


def _keep(row: Any, settings: dict[str, Any]) -> None:
    one = sa.update(DIRECTORIES).where(DIRECTORIES.c.tenant_id == row.tenant_id, DIRECTORIES.c.id == row.id)
    op.get_bind().execute(one.values(settings=settings))


def _into_rows(now: dt.datetime) -> None:
    there = {(row.tenant_id, row.id) for row in op.get_bind().execute(sa.select(ORGANISATIONS))}
    for row in _directories():
        settings = dict(row.settings)
        listed = settings.pop("placement", None)
        if listed is None:
            continue
        kept = [
            rule for rule in listed if rule["organisation_id"] is None or (row.tenant_id, rule["organisation_id"]) in there
        ]
        made = [
            {
                "tenant_id": row.tenant_id,
                "id": new_id(),
                "directory_id": row.id,
                "position": number,
                "attribute": rule["attribute"],
                "values": [rule["value"]],
                "moves": True,
                "organisation_id": rule["organisation_id"],
                "created_by": "migration",
                "created_at": now,
            }
            for number, rule in enumerate(kept, 1)
        ]
        if made and row.deleted_at is None:
            op.get_bind().execute(sa.insert(RULES), made)
        _keep(row, settings)


def _into_settings() -> None:
    statement = sa.select(RULES).where(RULES.c.directory_id.is_not(None), RULES.c.moves).order_by(RULES.c.position)
    rules = list(op.get_bind().execute(statement))
    for row in _directories():
        said = [
            {"attribute": rule.attribute, "value": value, "organisation_id": rule.organisation_id}
            for rule in rules
            if (rule.tenant_id, rule.directory_id) == (row.tenant_id, row.id)
            for value in rule.values
        ]
        _keep(row, {**row.settings, "placement": said})
