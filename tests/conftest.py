"""Fixtures of the whole suite: real databases, two tenants made by the product itself, an identity provider in hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import HealthCheck

from config.database import db
from identity.credentials import passwords
from tests.support.idp import ForgingIdP
from tests.support.postgresql import Cluster, shared_cluster
from tests.support.schema import make_schema
from tests.support.standing import app_for
from tests.support.world import WORKER, Organisation, World, settings_for, utc_now
from wsgi import create_app

# Examples are the same in each run, so that a failure is the change's and not the day's, and how long one takes is no
# failure: machines are busy. `pytest tests/properties --hypothesis-profile=explore` looks further, at random.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
if hypothesis.settings.get_current_profile_name() in ("default", "ci"):
    hypothesis.settings.load_profile("suite")

ACME_IDP = "https://idp.acme.test/metadata"
GLOBEX_IDP = "https://idp.globex.test/metadata"
AS_IN_PRODUCTION = (passwords._hasher, passwords._NOBODY)


LONGEST = (
    "tests/flows/people/test_scale.py",
    "tests/e2e/test_console_pages.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/",
    "tests/flows/test_bad_days.py",
    "tests/flows/test_one_transaction.py",
    "tests/flows/people/",
)
"""Files that take longest go first (`--no-loadscope-reorder` keeps it so): many short ones fill up the end evenly."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; within a file, the order stays."""
    items.sort(key=lambda item: next((at for at, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST)))


@dataclass(frozen=True)
class Template:
    """A database with both tenants in it, to be copied for each test."""

    source: str
    staff_token: str


@pytest.fixture(scope="session")
def idps() -> tuple[ForgingIdP, ForgingIdP]:
    """The identity providers of acme and globex."""
    return ForgingIdP(entity_id=ACME_IDP), ForgingIdP(entity_id=GLOBEX_IDP)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One PostgreSQL for all workers of the run."""
    with shared_cluster(tmp_path_factory.getbasetemp().parent) as running:
        yield running


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, idps: tuple[ForgingIdP, ForgingIdP]) -> Template:
    """A SQLite file with both tenants."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    return Template(str(path), seed(f"sqlite:///{path}", idps))


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster, idps: tuple[ForgingIdP, ForgingIdP]) -> Template:
    """A PostgreSQL database with both tenants."""
    name = f"template_{WORKER}"
    return Template(name, seed(cluster.create(name), idps))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on; every flow runs on both."""
    value: str = request.param
    return value


@pytest.fixture
def world(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, idps: tuple[ForgingIdP, ForgingIdP]
) -> Iterator[World]:
    """A service as good as new for one test, with acme and globex in it, on a database of its own."""
    template: Template = request.getfixturevalue(f"{database}_template")
    if database == "sqlite":
        path = tmp_path / "vestibule.db"
        shutil.copyfile(template.source, path)
        app = app_for(settings_for(f"sqlite:///{path}"))
        yield world_of(app, template, idps)
        dispose(app)
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"test_{WORKER}"
    app = app_for(settings_for(cluster.create(name, template=template.source)))
    yield world_of(app, template, idps)
    dispose(app)
    cluster.drop(name)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Argon2 takes next to nothing: a fifteenth of a second for each password is minutes of a run.

    Where its cost is what a test asks about, `slow_passwords` brings it back.
    """
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", quick)
        patch.setattr(passwords, "_NOBODY", quick.hash("nobody's"))
        yield


@pytest.fixture
def slow_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 as it is in production."""
    for name, value in zip(("_hasher", "_NOBODY"), AS_IN_PRODUCTION, strict=True):
        monkeypatch.setattr(passwords, name, value)


@pytest.fixture
def clock_stands() -> Iterator[None]:
    """It is this moment until the test ends: where waiting is what is asked about, a slow machine has waited for nobody."""
    with time_machine.travel(utc_now(), tick=False):
        yield


@pytest.fixture
def app(world: World) -> Flask:
    """The service of this test."""
    return world.app


def world_of(app: Flask, template: Template, idps: tuple[ForgingIdP, ForgingIdP]) -> World:
    """The world that a seeded database holds."""
    return World(
        app,
        acme=Organisation("acme", "acme.test", idps[0]),
        globex=Organisation("globex", "globex.test", idps[1]),
        staff_token=template.staff_token,
    )


def seed(url: str, idps: tuple[ForgingIdP, ForgingIdP]) -> str:
    """Migrate, make both tenants through the API, and give staff's token."""
    make_schema(url)
    app = create_app(settings_for(url))
    token = app.test_cli_runner().invoke(args=["token", "create", "--role", "staff"]).output.strip()
    world = World(
        app,
        acme=Organisation("acme", "acme.test", idps[0]),
        globex=Organisation("globex", "globex.test", idps[1]),
        staff_token=token,
    )
    for organisation in (world.acme, world.globex):
        created = world.api(
            "POST",
            "/tenants",
            json={"slug": organisation.slug, "name": organisation.slug.title(), "email_domains": [organisation.domain]},
        )
        assert created.status_code == 201, created.get_data(as_text=True)
        connected = world.api(
            "PUT",
            f"/tenants/{organisation.slug}/identity-providers/main",
            json={"display_name": "Company login", "metadata_xml": organisation.idp.metadata_xml()},
        )
        assert connected.status_code == 201, connected.get_data(as_text=True)
    dispose(app)
    return token


def dispose(app: Flask) -> None:
    """Let go of the database."""
    with app.app_context():
        db.engine.dispose()
