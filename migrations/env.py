"""Alembic's environment: one connection, handed in by `vestibule migrate`; both databases from the same scripts."""

from __future__ import annotations

from alembic import context

import rows  # noqa: F401 - all tables
from config.database import Base
from config.migrate import require_whole

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
    require_whole(connection)
