"""The console as a whole: one Flask-Admin, its screens in the order of the menu, and its static files."""

from __future__ import annotations

from flask import Flask, Response
from flask_admin import Admin
from flask_admin.theme import Theme

from admin_ui.csrf import install_csrf
from admin_ui.door import CONSOLE_PATH
from admin_ui.rendering import SCREENS, STATIC
from admin_ui.screen import Screen
from admin_ui.screens.account import AccountScreen
from admin_ui.screens.administrators import AdministratorsScreen
from admin_ui.screens.authentication.attributes import SAMLAttributesScreen
from admin_ui.screens.authentication.connection import ConnectionScreen
from admin_ui.screens.authentication.metadata import MetadataScreen
from admin_ui.screens.authentication.placement import DirectoryPlacementScreen, PlacementScreen
from admin_ui.screens.authentication.providers import AuthenticationScreen
from admin_ui.screens.authentication.trials import TrialsScreen
from admin_ui.screens.authentication.versions import VersionsScreen
from admin_ui.screens.branding import BrandingScreen
from admin_ui.screens.break_glass import BreakGlassScreen
from admin_ui.screens.diagnosis.attempts import AttemptsScreen
from admin_ui.screens.diagnosis.events import EventsScreen
from admin_ui.screens.diagnosis.pasted import PastedScreen
from admin_ui.screens.diagnosis.seals import SealsScreen
from admin_ui.screens.directories import DirectoriesScreen
from admin_ui.screens.domains import DomainsScreen
from admin_ui.screens.general import GeneralScreen
from admin_ui.screens.home import HomeScreen
from admin_ui.screens.keys import KeysScreen
from admin_ui.screens.log_levels import LogLevelsScreen
from admin_ui.screens.new_customer import NewCustomerScreen
from admin_ui.screens.notices.service import ServiceNotificationsScreen
from admin_ui.screens.notices.tenant import NotificationsScreen
from admin_ui.screens.onboarding import OnboardingScreen
from admin_ui.screens.organisations.organisations import OrganisationsScreen
from admin_ui.screens.overview import ServiceOverviewScreen, TenantOverviewScreen
from admin_ui.screens.people.imports import ImportsScreen
from admin_ui.screens.people.local_accounts import LocalAccountsScreen
from admin_ui.screens.people.people import PeopleScreen
from admin_ui.screens.people.sessions import SessionsScreen
from admin_ui.screens.search import SearchScreen
from admin_ui.screens.service_settings import ServiceSettingsScreen
from admin_ui.screens.staff import StaffAccountsScreen
from admin_ui.screens.tenants import TenantsScreen
from admin_ui.screens.tokens import TokensScreen
from config.settings import Settings
from identity.page_rendering import PRODUCT
from identity.response_headers import security_headers

HOME: type[Screen] = HomeScreen
SCREEN_TYPES: tuple[type[Screen], ...] = (
    ServiceOverviewScreen,
    TenantsScreen,
    NewCustomerScreen,
    StaffAccountsScreen,
    ServiceNotificationsScreen,
    LogLevelsScreen,
    ServiceSettingsScreen,
    AccountScreen,
    SearchScreen,
    TenantOverviewScreen,
    AuthenticationScreen,
    ConnectionScreen,
    MetadataScreen,
    SAMLAttributesScreen,
    TrialsScreen,
    VersionsScreen,
    PlacementScreen,
    OrganisationsScreen,
    DirectoriesScreen,
    DirectoryPlacementScreen,
    DomainsScreen,
    KeysScreen,
    AttemptsScreen,
    PastedScreen,
    EventsScreen,
    SealsScreen,
    OnboardingScreen,
    GeneralScreen,
    BrandingScreen,
    TokensScreen,
    NotificationsScreen,
    PeopleScreen,
    SessionsScreen,
    ImportsScreen,
    AdministratorsScreen,
    BreakGlassScreen,
    LocalAccountsScreen,
)
"""Every screen. The order is that of the menu, group by group."""


def install_console(app: Flask) -> None:
    """Put the console at /admin of the app host and of every tenant's host."""
    settings: Settings = app.extensions["vestibule_settings"]
    install_csrf(app, settings)
    app.add_url_rule(STATIC.url_rule, "console_static", _static, methods=["GET"])
    home, screens = HOME(), [screen() for screen in SCREEN_TYPES]
    app.extensions[SCREENS] = {screen.endpoint: screen for screen in screens}
    admin = Admin(app, name=PRODUCT, url=CONSOLE_PATH, index_view=home, theme=Theme(folder="none", base_template="none"))
    admin.add_views(*screens)


def _static(version: str, name: str) -> Response:
    return security_headers(STATIC.response(version, name))
