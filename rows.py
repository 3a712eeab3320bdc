"""Every table of the service, known from here on to whoever imports this module.

The tenant guard (config.isolation) judges statements by the tables that it knows of, and Alembic compares all of them with
the migrations: neither may depend on what else a process has imported by then.
"""

# ruff: noqa: F401 - they are imported for what that does

from __future__ import annotations

import admin_ui.log_levels.models
import admin_ui.models
import config.clocks.rows
import config.properties.rows
import identity.count_models
import identity.deactivation_models
import identity.directory_models
import identity.import_models
import identity.local_accounts.models
import identity.logout_models
import identity.models
import identity.native_models
import identity.trial_models
import tenants.directories.models
import tenants.key_models
import tenants.logo_models
import tenants.metadata_models
import tenants.models
import tenants.notices.models
import tenants.organisations.models
import tenants.placement.models
import tenants.sealing.models
import tenants.settings_models
import tenants.setup_models
import tenants.staff_event_models
