"""The console with something in it, served in this process: two tenants, their people, what they did, and sessions."""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext
from werkzeug.serving import make_server

from admin_ui.console_sessions import STAFF_COOKIE
from identity.browsers import SESSION_COOKIE
from tests.conftest import ACME_IDP, GLOBEX_IDP, dispose, seed
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.idp import ForgingIdP
from tests.support.schema import content_of
from tests.support.world import Organisation, World, settings_for
from wsgi import create_app

PEOPLE = (
    ("Ada", "Lovelace"),
    ("Grace", "Hopper"),
    ("Vereinigtedonaudampfschifffahrtsgesellschafts" * 3, "Kapitän"),
    ("ליאת", "כהן"),
    ("🦊", "<b>Fox</b>"),
)


@dataclass(frozen=True)
class ConsoleSite:
    """A served console."""

    world: World
    port: int

    def host(self, organisation: Organisation | None) -> str:
        """The app host, or an organisation's."""
        return f"{organisation.slug}.localhost" if organisation else "localhost"

    def address(self, path: str, organisation: Organisation | None = None) -> str:
        """Where a page is."""
        return f"http://{self.host(organisation)}:{self.port}{path}"

    def enter(self, context: BrowserContext, role: str, organisation: Organisation | None = None) -> None:
        """Sign somebody in: staff or support at the app host, admin or viewer at an organisation's."""
        if organisation is None:
            client, name = staff_client(self.world, role), STAFF_COOKIE
        else:
            client, name = tenant_client(self.world, organisation, role), SESSION_COOKIE
        context.add_cookies(
            [
                {
                    "name": name,
                    "value": cookie_of(client, name),
                    "url": f"https://{self.host(organisation)}/",  # a secure cookie; Chromium sends it to a loopback name
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )


def cookie_of(client: Browser, name: str) -> str:
    """A cookie that a client holds."""
    cookie = client.client.get_cookie(name, domain=client.host.partition(":")[0])
    assert cookie is not None
    return str(cookie.value)


@contextmanager
def running_console(folder: Path) -> Iterator[ConsoleSite]:
    """Serve a console with something in it until the block ends."""
    content, idps, token = _seeded()
    (folder / "console.db").write_bytes(content)
    app = create_app(settings_for(f"sqlite:///{folder / 'console.db'}"))
    acme, globex = Organisation("acme", "acme.test", idps[0]), Organisation("globex", "globex.test", idps[1])
    world = World(app, acme, globex, token)
    _let_people_come(world)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield ConsoleSite(world, server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        dispose(app)


@functools.cache
def _seeded() -> tuple[bytes, tuple[ForgingIdP, ForgingIdP], str]:
    """What a database with both tenants holds, their identity providers and staff's token: made once, which takes 2 s."""
    idps = ForgingIdP(entity_id=ACME_IDP), ForgingIdP(entity_id=GLOBEX_IDP)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "console.db"
        token = seed(f"sqlite:///{path}", idps)
        return content_of(path), idps, token


def _let_people_come(world: World) -> None:
    """Good sign-ins and bad ones, so that lists, receipts and charts have something to show."""
    for number, (first, last) in enumerate(PEOPLE):
        email = f"person{number}@acme.test"
        attributes = {"mail": [email], "givenName": [first], "sn": [last], "uid": [f"person{number}"]}
        assert world.sign_in(world.browser(), name_id=email, attributes=attributes).status_code == 303
    for parts in (
        {"attributes": {"mail": ["mallory@elsewhere.test"]}},
        {"attributes": {"displayName": ["Nobody"]}},
        {"sp_entity_id": "https://other.example/metadata"},
    ):
        assert world.sign_in(world.browser(), **parts).status_code >= 400
