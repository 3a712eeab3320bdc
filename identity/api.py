"""The management API of people and their way in: its blueprints, put into the application."""

from __future__ import annotations

from flask import Flask

from identity.admin_addresses import admin_addresses
from identity.api_attempts import attempts_api
from identity.api_local_accounts import local_accounts_api
from identity.api_organisations import organisations_api
from identity.api_people import users_api
from identity.api_people_files import files_api
from identity.local_accounts.factor_records import count_passkey_holders
from identity.people import end_tenant_sessions
from tenants.api_blueprint import api_of
from tenants.wiring import ADMINS_OF, END_SESSIONS, PASSKEY_HOLDERS


def install_people_api(app: Flask) -> None:
    """Put these operations into the application, and tell the package below of sessions, passkeys and administrators."""
    app.extensions[END_SESSIONS] = end_tenant_sessions
    app.extensions[PASSKEY_HOLDERS] = count_passkey_holders
    app.extensions[ADMINS_OF] = admin_addresses
    for blueprint in (users_api, local_accounts_api, files_api, organisations_api, attempts_api):
        api_of(app).register_blueprint(blueprint)
