"""One application for all tests of a process, each of which gets it as good as new, on a database of its own.

Putting the service together costs a quarter of a second of CPU (routes, screens, the API's description), and thousands of
tests want one. What a test can leave in it is what the deployment gives (settings, keys, caches, database: made anew by the
product's own `equip`) and Flask's two dictionaries (put back). It serves one test at a time: whoever needs a service that
lives longer, or a second one, calls `create_app`.
"""

from __future__ import annotations

import functools
import gc
from dataclasses import dataclass
from typing import Any

from flask import Flask

from config.settings import Settings
from entrance import equip
from tests.support.world import settings_for
from wsgi import create_app


@dataclass(frozen=True)
class Standing:
    """The application, and what it was when it was made."""

    app: Flask
    config: dict[str, Any]
    extensions: dict[str, Any]
    teardowns: list[Any]
    wsgi_app: Any


def app_for(settings: Settings) -> Flask:
    """The application with these settings and a new engine; whoever had it before must be done with it."""
    made = _standing()
    app = made.app
    for kept, now in ((made.config, app.config), (made.extensions, app.extensions)):
        now.clear()
        now.update(kept)
    app.wsgi_app = made.wsgi_app  # type: ignore[method-assign]
    app._got_first_request = False  # Flask takes no database after a first request, and there may have been thousands
    equip(app, settings)
    app.teardown_appcontext_funcs[:] = made.teardowns  # the database's, which have just been added once more
    return app


@functools.cache
def _standing() -> Standing:
    app = create_app(settings_for("sqlite:///:memory:"))
    with app.app_context():
        app.extensions.pop("vestibule_engine").dispose()
    del app.extensions["sqlalchemy"]
    teardowns = list(app.teardown_appcontext_funcs)
    # All of it stays to the end of the run: no collection of garbage needs to look at it again.
    gc.collect()
    gc.freeze()
    return Standing(app, dict(app.config), dict(app.extensions), teardowns, app.wsgi_app)
