"""Bad days: the database is locked, full, read-only or gone; settings are missing or wrong; nothing is half done."""

from __future__ import annotations

import base64
import gc
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from config.database import Base, db
from tests.attacks.answering import accept, accept_message
from tests.attacks.support import assert_refused, on_sqlite, pending
from tests.conftest import Template, dispose, seed, world_of
from tests.support.at_once import at_once
from tests.support.browser import Browser, code_of
from tests.support.idp import ForgingIdP
from tests.support.postgresql import SUPERUSER, Cluster, start_cluster
from tests.support.served import REPOSITORY
from tests.support.world import SECRET_KEYS, World, settings_for
from wsgi import create_app

LOCKED_SECONDS = {"sqlite": 5, "postgresql": 10}
"""How long a writer waits for another one: the busy timeout, and the statement timeout."""
MARGIN_SECONDS = 30


def require_unavailable(answer: TestResponse) -> None:
    """503, kindly, with a word about when to come back, and nothing given out."""
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "Set-Cookie" not in answer.headers
    assert "Traceback" not in answer.get_data(as_text=True)
    assert "sql" not in answer.get_data(as_text=True).lower()


def everything(world: World) -> dict[str, int]:
    """How many rows each table has, those that a refusal may write included."""
    return dict(zip(Base.metadata.tables, world.counts(*Base.metadata.tables), strict=True))


@contextmanager
def on_connect(app: Flask, pragma: str) -> Iterator[None]:
    """Say something to every connection of SQLite, until the block ends."""

    def say(connection: Any, _record: Any) -> None:
        connection.execute(pragma).close()

    with app.app_context():
        engine = db.engine
    engine.dispose()
    event.listen(engine, "connect", say)
    try:
        yield
    finally:
        event.remove(engine, "connect", say)
        engine.dispose()


@contextmanager
def another_writer(world: World, database: str) -> Iterator[None]:
    """Another program holds the database, or what a sign-in needs of it."""
    engine = sa.create_engine(world.app.extensions["vestibule_settings"].database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if database == "sqlite" else "BEGIN")
        if database == "postgresql":
            connection.exec_driver_sql("LOCK TABLE exchange, session, attempt IN SHARE ROW EXCLUSIVE MODE")
        yield
        connection.exec_driver_sql("ROLLBACK")
    engine.dispose()


def test_a_locked_database_is_waited_for_and_then_told(world: World, database: str) -> None:
    """Writers get 503 in bounded time, readers are answered, nothing is half done; the same answer then signs in."""
    signed_in, victim = pending(world), pending(world)
    accept(signed_in)
    message, bad, before = victim.response(), victim.response(sign="none"), everything(world)
    began = time.monotonic()
    with another_writer(world, database):
        answers = at_once(
            [
                lambda: victim.send(message),
                lambda: world.browser().post_response(bad),
                lambda: world.browser().get("/saml/login"),
                lambda: signed_in.browser.post("/logout"),
            ]
        )
        assert time.monotonic() - began < LOCKED_SECONDS[database] + MARGIN_SECONDS
        assert signed_in.browser.get("/session").status_code == 200
        assert world.browser().get("/").status_code == 200
    for answer in answers:
        require_unavailable(answer)
    assert everything(world) == before
    accept_message(victim, message)


def test_a_short_lock_is_no_bad_day(world: World, database: str) -> None:
    """Whoever writes for half a second makes others wait for half a second."""
    victim = pending(world)
    message = victim.response()

    def write_for_a_while() -> TestResponse | None:
        with another_writer(world, database):
            time.sleep(0.5)
        return None

    def post_in_it() -> TestResponse | None:
        time.sleep(0.1)
        return victim.send(message)

    _, answer = at_once([write_for_a_while, post_in_it])
    assert answer is not None
    assert answer.status_code == 303


@on_sqlite
@pytest.mark.parametrize("pragma", ["PRAGMA max_page_count = 1", "PRAGMA query_only = ON"], ids=["full", "read-only"])
def test_a_disk_that_takes_nothing(world: World, pragma: str) -> None:
    """Full or read-only: 503 to whoever would write, nothing half done; what only reads goes on."""
    signed_in, victim = pending(world), pending(world)
    accept(signed_in)
    message, bad, before = victim.response(), victim.response(sign="none"), everything(world)
    with on_connect(world.app, pragma):
        require_unavailable(victim.send(message))
        require_unavailable(victim.send(bad))
        assert signed_in.browser.get("/session").status_code == 200
    assert everything(world) == before
    accept_message(victim, message)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_postgresql_that_only_reads(world: World) -> None:
    """As after a fail-over to a replica: 503 to whoever would write, and no error of ours."""
    victim = pending(world)
    message, before = victim.response(), everything(world)
    with world.app.app_context(), db.engine.connect() as connection:
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
        connection.execute(sa.text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    with world.app.app_context():
        db.engine.dispose()
    require_unavailable(victim.send(message))
    require_unavailable(world.browser().get("/saml/login"))
    assert everything(world) == before
    with world.app.app_context(), db.engine.connect() as connection:
        connection.execute(sa.text("SET default_transaction_read_only = off"))
        connection.execute(sa.text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
    with world.app.app_context():
        db.engine.dispose()
    accept_message(victim, message)


def crash(cluster: Cluster, name: str) -> None:
    """End it at once; what it was told before is on disk, which this cluster does not see to by itself."""
    with psycopg.connect(host=str(cluster.folder), user=SUPERUSER, dbname=name, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    cluster.crash()


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL of this module alone, which it may stop."""
    cluster = start_cluster()
    yield cluster
    cluster.stop()


def test_a_postgresql_that_goes_and_comes_back(own_cluster: Cluster, idps: tuple[ForgingIdP, ForgingIdP]) -> None:
    """While it is gone: 503 at once, and the service says that it is not ready; it comes back without anybody's help."""
    world = new_world(own_cluster.create("gone"), idps)
    signed_in, victim = pending(world), pending(world)
    accept(signed_in)
    message, before = victim.response(), everything(world)
    crash(own_cluster, "gone")
    began = time.monotonic()
    for answer in (
        victim.send(message),
        world.browser().get("/saml/login"),
        world.browser().get("/"),
        signed_in.browser.get("/session"),
        signed_in.browser.post("/logout"),
    ):
        require_unavailable(answer)
    assert time.monotonic() - began < MARGIN_SECONDS
    app_host = Browser(world.app, None)
    assert app_host.get("/healthz").status_code == 200
    assert app_host.get("/readyz").status_code == 503
    own_cluster.start()
    assert signed_in.browser.get("/session").status_code == 200
    assert everything(world) == before
    accept_message(victim, message)
    assert app_host.get("/readyz").status_code == 200
    dispose(world.app)


def test_a_restart_of_postgresql_costs_nobody_a_sign_in(own_cluster: Cluster, idps: tuple[ForgingIdP, ForgingIdP]) -> None:
    """Connections from before are dead and nobody has noticed: the first request after it is answered."""
    world = new_world(own_cluster.create("restarted"), idps)
    victims = [pending(world) for _ in range(6)]
    at_once([lambda: world.browser().get("/saml/login") for _ in range(6)])
    crash(own_cluster, "restarted")
    own_cluster.start()
    answers = at_once(
        [
            partial(victim.send, victim.response(name_id=f"n{n}", attributes={"mail": [f"n{n}@acme.test"]}))
            for n, victim in enumerate(victims)
        ]
    )
    assert [answer.status_code for answer in answers] == [303] * len(victims)
    dispose(world.app)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # closes what other threads had in hand when the dead pool was thrown away


@on_sqlite
def test_a_sqlite_file_that_is_not_there(world: World, tmp_path: Path) -> None:
    """Its folder is gone: 503 everywhere, and no empty database is made in its place that somebody would sign in to."""
    folder = tmp_path / "gone"
    app = create_app(settings_for(f"sqlite:///{folder}/vestibule.db"))
    for path in ("/", "/saml/login", "/session"):
        require_unavailable(Browser(app, "acme").get(path))
    require_unavailable(Browser(app, "acme").post_response(world.response(None)))
    assert Browser(app, None).get("/readyz").status_code == 503
    assert Browser(app, None).get("/healthz").status_code == 200
    assert not folder.exists()
    dispose(app)


# What is missing or wrong in the settings


def test_a_tenant_without_an_identity_provider(world: World) -> None:
    """Its pages say that sign-in is not set up; its metadata is there already, since the identity provider needs it first."""
    made = {"slug": "initech", "name": "Initech", "email_domains": ["initech.test"]}
    assert world.api("POST", "/tenants", json=made).status_code == 201
    browser = Browser(world.app, "initech")
    assert browser.get("/").status_code in {200, 409}
    assert (browser.get("/saml/login").status_code, code_of(browser.get("/saml/login"))) == (409, "identity_provider_missing")
    assert code_of(browser.get("/saml/login?idp=main")) == "identity_provider_missing"
    before = world.rows()
    answer = browser.post_response(world.response(None))
    refused = assert_refused(world, answer, "identity_provider_missing", before)
    assert (answer.status_code, refused.check, refused.lines[-1]["actual"]) == (409, "provider", "none")
    assert browser.get("/saml/metadata").status_code == 200
    assert browser.get("/client-config.json").get_json()["sso_enabled"] is False


def test_an_identity_provider_that_is_switched_off(world: World) -> None:
    """From the next request on, also for those who are on their way."""
    victim = pending(world)
    body = {"display_name": "Company login", "metadata_xml": world.acme.idp.metadata_xml(), "enabled": False}
    assert world.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 200
    before = world.rows()
    refused = assert_refused(world, victim.send(victim.response()), "identity_provider_missing", before)
    assert (refused.check, refused.lines[-1]["actual"]) == ("provider", "the one that was asked is switched off now")
    for path in ("/saml/login", "/saml/login?idp=main"):
        page = world.browser().get(path)
        assert (code_of(page), "Single sign-on is switched off" in page.get_data(as_text=True)) == (
            "identity_provider_missing",
            True,
        )
    assert world.rows() == before


def test_the_sign_in_page_says_that_single_sign_on_is_switched_off_and_who_can_help(world: World) -> None:
    """It is set up, so nobody is told that it is not; whoever has a password is told that it goes on working."""
    body = {"display_name": "Company login", "metadata_xml": world.acme.idp.metadata_xml(), "enabled": False}
    assert world.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 200
    page = world.browser().get("/").get_data(as_text=True)
    assert "<b>Single sign-on is switched off.</b>" in page
    assert "Until then nobody can sign in here." in page
    assert "not set up" not in page
    assert world.api("PATCH", "/tenants/acme/access", json={"way": "local"}).status_code == 200
    page = world.browser().get("/").get_data(as_text=True)
    assert "If you have a password for this page, it works as ever." in page
    other = {"display_name": "Other login", "metadata_xml": world.globex.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/other", json=other).status_code == 201
    assert "switched off" not in world.browser().get("/").get_data(as_text=True)
    closed = world.browser().get("/saml/login?idp=main")
    assert (code_of(closed), "This way to sign in is closed" in closed.get_data(as_text=True)) == (
        "identity_provider_missing",
        True,
    )


@on_sqlite
def test_settings_without_any_signature_are_refused_with_the_reason(world: World) -> None:
    """In one step and in two: with neither, anyone could sign in as anyone."""
    path = "/tenants/acme/identity-providers/main/saml-settings"
    both_off = {"want_assertions_signed": False, "want_messages_signed": False}
    for body in (both_off, {"want_assertions_signed": False}):
        answer = world.api("PATCH", path, json=body)
        assert (answer.status_code, code_of(answer)) == (422, "settings_invalid")
        assert "anyone could sign in as anyone" in answer.get_data(as_text=True)
    victim, before = pending(world), world.rows()
    assert_refused(world, victim.send(victim.response(sign="none")), "signature_missing", before)


def start_service(folder: Path, database_url: str, **environment: str) -> str:
    """What `vestibule check` says, which looks at what `serve` looks at before it listens; it has to refuse."""
    values = {**os.environ, "PYTHONPATH": str(REPOSITORY), "DATABASE_URL": database_url, "SECRET_KEYS": "", **environment}
    command = [sys.executable, "-m", "command", "check"]
    done = subprocess.run(command, cwd=folder, env=values, capture_output=True, timeout=120, check=False)
    told = (done.stdout + done.stderr).decode()
    assert done.returncode != 0, told
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize("keys", ["", "k1:QUJDREVGR0g="], ids=["none", "too short"])
def test_without_proper_secret_keys_it_does_not_start(tmp_path: Path, keys: str) -> None:
    """And says in one sentence how to make one; the wrong value itself is not repeated."""
    told = start_service(tmp_path, f"sqlite:///{tmp_path}/x.db", SECRET_KEYS=keys)
    assert "SECRET_KEYS" in told
    assert "/dev/urandom" in told
    assert "QUJDREVGR0g=" not in told
    assert not (tmp_path / "x.db").exists()


def test_with_the_keys_of_another_database_it_does_not_start(sqlite_template: Template, tmp_path: Path) -> None:
    """Well-formed and wrong: told at the start, and not to the first person who signs in."""
    shutil.copyfile(sqlite_template.source, tmp_path / "x.db")
    other = "k9:" + base64.b64encode(os.urandom(32)).decode()
    assert "SECRET_KEYS" in start_service(tmp_path, f"sqlite:///{tmp_path}/x.db", SECRET_KEYS=other)


def test_without_a_schema_it_does_not_start(tmp_path: Path) -> None:
    """It says which command makes one."""
    keys = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in SECRET_KEYS.items())
    assert "vestibule migrate" in start_service(tmp_path, f"sqlite:///{tmp_path}/x.db", SECRET_KEYS=keys)


def new_world(url: str, idps: tuple[ForgingIdP, ForgingIdP]) -> World:
    """Both tenants in a database of its own."""
    return world_of(create_app(settings_for(url)), Template(url, seed(url, idps)), idps)
