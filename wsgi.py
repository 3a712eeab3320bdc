"""The composition root: `create_app` puts the service together, as a list; nothing imports this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

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
from config.application import Service
from config.database import connect_database
from config.isolation import install_guard
from config.log_levels import set_base_level
from config.logs import configure_logging
from config.sealing import KeyRing
from config.settings import Settings, settings_from_environment
from identity.account_routes import account_routes
from identity.acs_routes import acs_routes
from identity.api import install_people_api
from identity.api_onboarding import install_onboarding_api
from identity.api_trials import install_trials_api
from identity.cli import install_people_commands
from identity.cli_onboarding import install_onboarding_commands
from identity.cli_trials import install_trial_commands
from identity.error_pages import install_error_pages
from identity.front_door.routes import front_door_routes
from identity.local_pages.account_routes import local_account_routes
from identity.local_pages.link_routes import local_link_routes
from identity.local_pages.sign_in_routes import local_sign_in_routes
from identity.logout_routes import logout_routes
from identity.native_routes import native_routes
from identity.pages import install_pages
from identity.placement.api import install_placement_api
from identity.placement.cli import install_placement_commands
from identity.routes import routes
from tenants.api import install_api
from tenants.cli import install_commands
from tenants.operation import operation
from tenants.rollover.lately import Noted
from tenants.sealing.signing import SealKeys
from tenants.trusts import TrustCache
from tenants.web import install_hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BODY = 8 * 1024 * 1024
"""Bytes of any request: metadata of 5 MiB as a JSON string. The ACS and the pages have their own, smaller bounds."""
MAX_FORM_PARTS = 20


def create_app(settings: Settings | None = None) -> Flask:
    """Put the service together.

    Args:
        settings: what the deployment decides; read from the environment where it is not given.

    Raises:
        SettingsInvalid: the service must not start like this; the sentence says how to mend it.
    """
    settings = settings or settings_from_environment()
    configure_logging(settings.log_level)
    set_base_level(settings.log_level)
    app = Service("vestibule", static_folder=None, template_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_PARTS=MAX_FORM_PARTS)
    app.url_map.merge_slashes = False  # werkzeug would redirect to where the request's own Host says (T2)
    app.wsgi_app = behind_proxies(app, settings.trusted_proxies)  # type: ignore[method-assign, assignment]
    equip(app, settings)
    install_guard()
    install_hosts(app)
    install_pages(app)
    install_error_pages(app)
    app.register_blueprint(operation)
    app.register_blueprint(routes)
    app.register_blueprint(front_door_routes)
    app.register_blueprint(acs_routes)
    app.register_blueprint(logout_routes)
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


def equip(app: Flask, settings: Settings) -> None:
    """Give it what a deployment decides, and whatever is kept by that: keys, caches, the database."""
    app.extensions["vestibule_settings"] = settings
    app.extensions["vestibule_keys"] = KeyRing(settings.secret_keys)
    app.extensions["vestibule_seal_keys"] = SealKeys(settings.secret_keys)
    app.extensions["vestibule_trusts"] = TrustCache(app.extensions["vestibule_keys"])
    app.extensions["vestibule_noted"] = Noted()
    connect_database(app, settings.database_url)


def behind_proxies(app: Flask, hops: int) -> WSGIApplication:
    """Believe so many `X-Forwarded-*` values as there are proxies in front; without one, nothing reads them."""
    return app.wsgi_app if hops == 0 else ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=0, x_prefix=0)
