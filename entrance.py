"""What people sign in by, put together by itself: `vestibule serve` starts with this, and with the rest when it is asked for.

Of the service's modules a sign-in needs a third. The management API, the console, set-up links, accounts with passwords and
everything else that begins with one of THE_REST is the whole of `wsgi.create_app`, on the same database and the same keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

import rows  # noqa: F401 - the tenant guard knows every table, whatever else is imported
from config.application import Service
from config.database import connect_database, share_database
from config.isolation import install_guard
from config.later import REST_SECONDS, Later, by_path
from config.log_levels import set_base_level
from config.logs import configure_logging
from config.sealing import KeyRing
from config.settings import Settings
from identity.acs_routes import acs_routes
from identity.error_pages import install_error_pages
from identity.front_door.routes import front_door_routes
from identity.logout_routes import logout_routes
from identity.page_assets import install_pages
from identity.routes import routes
from tenants.errors import RestNotMade
from tenants.operation import operation
from tenants.rollover.lately import Noted
from tenants.sealing.signing import SealKeys
from tenants.trusts import TrustCache
from tenants.web import install_hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY = 8 * 1024 * 1024
"""Bytes of any request: metadata of 5 MiB as a JSON string. The ACS and the pages have their own, smaller bounds."""
MAX_FORM_PARTS = 20
EQUIPMENT = ("settings", "keys", "seal_keys", "trusts", "noted")
"""What an application has of its deployment, besides its database; in `extensions`, with our name in front."""
THE_REST = ("/admin", "/api/", "/setup", "/account", "/break-glass", "/native/", "/sign-in")
"""How the addresses begin that an entrance leaves to the whole service."""
NOT_MADE = "vestibule.not_made"
"""Marks a request that the whole service should have answered, and could not be put together for."""
NOT_THE_REST = frozenset({"/sign-in/address"})
"""What begins so and is the entrance's own."""


def create_entrance(settings: Settings) -> Flask:
    """The application for signing in and out.

    Args:
        settings: what the deployment decides.
    """
    app = bare_app(settings)
    equip(app, settings)
    install_entrance(app)
    return app


def lead_on(entrance: Flask, whole: Later) -> None:
    """Have an entrance hand on what is not its own; where that cannot be made, it refuses it as any refusal of its own."""
    own: WSGIApplication = entrance.wsgi_app

    def without(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return own({**environ, NOT_MADE: True}, start_response)

    entrance.before_request(_require_the_rest)  # after the host was looked at, as everywhere
    there = whole.or_else(without)
    entrance.wsgi_app = by_path(THE_REST, NOT_THE_REST, there=there, elsewhere=own)  # type: ignore[method-assign, assignment]


def _require_the_rest() -> None:
    if NOT_MADE in request.environ:
        raise RestNotMade("the log says why, as `not_made`", retry_after=math.ceil(REST_SECONDS))


def bare_app(settings: Settings) -> Flask:
    """An application without anything in it."""
    app = Service("vestibule", static_folder=None, template_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_PARTS=MAX_FORM_PARTS)
    app.url_map.merge_slashes = False  # werkzeug would redirect to where the request's own Host says (T2)
    app.wsgi_app = behind_proxies(app, settings.trusted_proxies)  # type: ignore[method-assign, assignment]
    install_guard()
    return app


def install_entrance(app: Flask) -> None:
    """Put hosts, pages, refusals and the ways in and out into an application."""
    install_hosts(app)
    install_pages(app)
    install_error_pages(app)
    for blueprint in (operation, routes, front_door_routes, acs_routes, logout_routes):
        app.register_blueprint(blueprint)


def equip(app: Flask, settings: Settings) -> None:
    """Give it, and this process's log, what a deployment decides, and whatever is kept by that: keys, caches, the database."""
    configure_logging(settings.log_level)
    set_base_level(settings.log_level)
    keys = KeyRing(settings.secret_keys)
    made = (settings, keys, SealKeys(settings.secret_keys), TrustCache(keys), Noted())
    app.extensions.update(zip((f"vestibule_{name}" for name in EQUIPMENT), made, strict=True))
    connect_database(app, settings.database_url)


def equip_alike(app: Flask, other: Flask) -> None:
    """Give it the very keys, caches and connections that another application of this process has."""
    app.extensions.update({name: other.extensions[name] for name in (f"vestibule_{item}" for item in EQUIPMENT)})
    share_database(app, other)


def behind_proxies(app: Flask, hops: int) -> WSGIApplication:
    """Believe so many `X-Forwarded-*` values as there are proxies in front; without one, nothing reads them."""
    return app.wsgi_app if hops == 0 else ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=0, x_prefix=0)
