"""Alembic's environment: one connection, handed in by `vestibule migrate`; both databases from the same scripts."""

from __future__ import annotations

from alembic import context

import identity.models  # noqa: F401
import tenants.models  # noqa: F401 the rows register themselves
from config.database import Base

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
