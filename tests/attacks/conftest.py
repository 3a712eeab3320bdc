"""One service for all attacks of a module: what an attack breaks, the next one meets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from config.database import db
from tests.attacks.listener import Listener
from tests.attacks.signers import CURVES, connect
from tests.conftest import Template
from tests.support.idp import ForgingIdP, key_descriptor_xml
from tests.support.keys import certificate_of, ec_key, rsa_key
from tests.support.world import Organisation, World, settings_for
from wsgi import create_app


@pytest.fixture(scope="module")
def arena(
    sqlite_template: Template, idps: tuple[ForgingIdP, ForgingIdP], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A service on SQLite, shared: for attacks that never get as far as the database. Begin with `settle`."""
    path = tmp_path_factory.mktemp("arena") / "vestibule.db"
    shutil.copyfile(sqlite_template.source, path)
    app = create_app(settings_for(f"sqlite:///{path}"))
    yield World(
        app,
        acme=Organisation("acme", "acme.test", idps[0]),
        globex=Organisation("globex", "globex.test", idps[1]),
        staff_token=sqlite_template.staff_token,
    )
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A place that nobody may visit: the test fails if anybody did."""
    place = Listener()
    yield place
    place.close()
    assert place.visits == 0


@pytest.fixture(scope="module")
def keyring(arena: World) -> World:
    """The service trusting an RSA key and one of each curve, and told of a key that is for encryption only."""
    pinned = [arena.acme.idp.certificate, *(certificate_of(ec_key("acme", curve)) for curve in CURVES)]
    return connect(arena, *pinned, extra_keys=key_descriptor_xml(certificate_of(rsa_key("encryption only")), "encryption"))
