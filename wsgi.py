"""The composition root: `create_app` puts the service together, as a list; nothing imports this module."""

from __future__ import annotations

from flask import Flask

from admin_ui.cli import install_staff_commands
from admin_ui.cli_audit import install_audit_commands
from admin_ui.console import install_console
from admin_ui.invitation_routes import invitation_routes
from admin_ui.log_levels.api import install_log_level_api
from admin_ui.log_levels.cli import install_log_level_commands
from admin_ui.properties.api import install_properties_api
from admin_ui.properties.cli import install_property_commands
from admin_ui.setup.routes import install_setup
from admin_ui.sign_in_routes import sign_in_routes
from admin_ui.sso_routes import sso_routes
from config.settings import Settings, settings_from_environment
from entrance import bare_app, equip, equip_alike, install_entrance
from identity.account_routes import account_routes
from identity.api import install_people_api
from identity.api_onboarding import install_onboarding_api
from identity.api_trials import install_trials_api
from identity.cli import install_people_commands
from identity.cli_onboarding import install_onboarding_commands
from identity.cli_trials import install_trial_commands
from identity.local_pages.account_routes import local_account_routes
from identity.local_pages.link_routes import local_link_routes
from identity.local_pages.sign_in_routes import local_sign_in_routes
from identity.native_routes import native_routes
from identity.placement.api import install_placement_api
from identity.placement.cli import install_placement_commands
from tenants.api import install_api
from tenants.cli import install_commands


def create_app(settings: Settings | None = None, *, beside: Flask | None = None) -> Flask:
    """Put the whole service together.

    Args:
        settings: what the deployment decides; read from the environment where it is not given.
        beside: an entrance of this process, whose keys, caches and connections it shares.

    Raises:
        SettingsInvalid: the service must not start like this; the sentence says how to mend it.
    """
    settings = settings or settings_from_environment()
    app = bare_app(settings)
    if beside is None:
        equip(app, settings)
    else:
        equip_alike(app, beside)
    install_entrance(app)
    app.register_blueprint(local_sign_in_routes)
    app.register_blueprint(local_link_routes)
    app.register_blueprint(local_account_routes)
    app.register_blueprint(account_routes)
    app.register_blueprint(native_routes)
    app.register_blueprint(sign_in_routes)
    app.register_blueprint(invitation_routes)
    app.register_blueprint(sso_routes)
    install_console(app)
    install_setup(app)
    install_api(app)
    install_people_api(app)
    install_trials_api(app)
    install_placement_api(app)
    install_onboarding_api(app)
    install_log_level_api(app)
    install_properties_api(app)
    install_commands(app)
    install_people_commands(app)
    install_trial_commands(app)
    install_placement_commands(app)
    install_staff_commands(app)
    install_log_level_commands(app)
    install_property_commands(app)
    install_audit_commands(app)
    install_onboarding_commands(app)
    return app
