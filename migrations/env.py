"""Alembic's environment: one connection, handed in by `vestibule migrate`; both databases from the same scripts."""

from __future__ import annotations

from alembic import context

import admin_ui.log_levels.models
import admin_ui.models  # noqa: F401
import config.clocks.rows
import config.properties.rows  # noqa: F401
import identity.count_models
import identity.import_models
import identity.local_accounts.models
import identity.models
import identity.trial_models  # noqa: F401
import tenants.directories.models
import tenants.key_models
import tenants.logo_models
import tenants.metadata_models
import tenants.models
import tenants.organisations.models
import tenants.sealing.models
import tenants.settings_models
import tenants.setup_models
import tenants.staff_event_models  # noqa: F401
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
