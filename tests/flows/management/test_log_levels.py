"""Log levels at run time: set by command, API and console, followed by processes, ended by themselves, on record."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy import event

from admin_ui.log_levels.levels import follow_levels
from admin_ui.log_levels.models import LogLevel
from config.database import DATABASE_ERRORS, db
from config.log_levels import apply_levels
from tests.flows.console.walking import token_of
from tests.flows.management.support import token_for
from tests.support.console import staff_client
from tests.support.world import World, utc_now

SAML = "vestibule.identity.saml"
LEVELS = "/log-levels"
HALF_HOUR = {"level": "DEBUG", "expires_in": "30m"}


@pytest.fixture(autouse=True)
def nothing_set() -> Iterator[None]:
    """No level of a test outlives it in this process."""
    yield
    apply_levels([], utc_now())


def _follow(world: World, after: dt.timedelta = dt.timedelta(0)) -> str:
    """Do what each process does every other second, and give the level of the SAML checks' logger here."""
    with world.app.app_context():
        follow_levels(utc_now() + after)
    return logging.getLevelName(logging.getLogger(SAML).getEffectiveLevel())


@contextmanager
def _away(world: World) -> Iterator[None]:
    """The database takes no connection until the block ends."""

    def refuse(dialect: Any, *_: Any) -> None:
        raise dialect.loaded_dbapi.OperationalError("away")

    with world.app.app_context():
        engine = db.engine
    engine.dispose()
    event.listen(engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(engine, "do_connect", refuse)


def _events(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    with world.app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT type, actor, detail FROM staff_event ORDER BY id")).all()
    details = [row.detail if isinstance(row.detail, dict) else json.loads(row.detail) for row in rows]
    return [(row.type, row.actor, detail) for row, detail in zip(rows, details, strict=True)]


def test_the_command_of_the_issue_works_as_it_stands(world: World) -> None:
    """Set by a short name, listed, followed, let go of; each on record with who did it."""
    run = world.app.test_cli_runner().invoke
    done = run(args=["log", "identity.saml", "DEBUG", "--for", "30m"])
    assert (done.exit_code, done.stdout.split("\t")[:2]) == (0, [SAML, "DEBUG"]), done.output
    assert _follow(world) == "DEBUG"
    listed = {line.split("\t")[0]: line.split("\t")[1] for line in run(args=["log"]).stdout.splitlines()}
    assert listed[SAML] == "DEBUG"
    assert listed["vestibule"] == listed["vestibule.access"] == "INFO"
    assert run(args=["log", SAML]).stdout.startswith(f"{SAML}\tDEBUG\tuntil ")
    assert run(args=["log", "identity.saml", "--reset"]).stdout.startswith(f"{SAML}\tINFO\t-")
    assert _follow(world) == "INFO"
    (set_event, reset_event) = _events(world)
    assert set_event[0] == "log_level.set"
    assert set_event[1].startswith("cli:")
    assert (set_event[2]["logger"], set_event[2]["level"]) == (SAML, "DEBUG")
    assert (reset_event[0], reset_event[2]) == ("log_level.reset", {"logger": SAML})


def test_a_level_alone_is_for_all(world: World) -> None:
    """`vestibule log debug`; one that there is not, and a time beyond a day, are refused with a sentence."""
    run = world.app.test_cli_runner().invoke
    assert run(args=["log", "debug", "--for", "10m"]).stdout.startswith("vestibule\tDEBUG\t")
    assert _follow(world) == "DEBUG"
    for words, said in (
        (["log", "saml2", "DEBUG"], "logger_unknown"),
        (["log", "identity.saml", "DEBUG", "--for", "25h"], "a day at most"),
        (["log", "identity.saml", "DEBUG", "--for", "0m"], "a day at most"),
        (["log", "identity.saml", "DEBUG", "--for", "soon"], "duration_invalid"),
        (["log", "identity.saml", "CRITICAL"], "CRITICAL"),
        (["log", "identity.saml", "INFO", "--reset"], "without a level"),
    ):
        refused = run(args=words)
        assert (refused.exit_code, said in refused.output) == (2, True), refused.output


def test_the_api_sets_shows_and_lets_go(world: World) -> None:
    """A PUT again replaces the one before; every logger is in the list, with what it says."""
    made = world.api("PUT", f"{LEVELS}/identity.saml", json=HALF_HOUR)
    assert (made.status_code, made.get_json()["logger"], made.get_json()["level"]) == (200, SAML, "DEBUG")
    later = world.api("PUT", f"{LEVELS}/{SAML}", json={"level": "WARNING", "expires_in": "2h"})
    assert later.get_json()["until"] > made.get_json()["until"]
    assert world.count("log_level") == 1
    items = {item["logger"]: item for item in world.api("GET", LEVELS).get_json()["items"]}
    assert (items[SAML]["level"], items["vestibule.api"]["until"]) == ("WARNING", None)
    assert all(item["says"] for item in items.values())
    assert world.api("GET", f"{LEVELS}/identity.saml").get_json() == items[SAML]
    for _ in range(2):
        gone = world.api("DELETE", f"{LEVELS}/identity.saml")
        assert (gone.status_code, gone.get_json()["level"], gone.get_json()["set_by"]) == (200, "INFO", None)
    assert [event[0] for event in _events(world)] == ["log_level.set", "log_level.set", "log_level.reset"]


def test_the_api_refuses_what_would_last_or_leak(world: World) -> None:
    """Libraries' loggers, other levels, more than a day, other roles; nothing is kept."""
    for path, body, status, code in (
        (f"{LEVELS}/saml2", HALF_HOUR, 404, "logger_unknown"),
        (f"{LEVELS}/sqlalchemy.engine", HALF_HOUR, 404, "logger_unknown"),
        (f"{LEVELS}/{SAML}", HALF_HOUR | {"level": "CRITICAL"}, 422, "validation_failed"),
        (f"{LEVELS}/{SAML}", HALF_HOUR | {"expires_in": "25h"}, 422, "validation_failed"),
        (f"{LEVELS}/{SAML}", HALF_HOUR | {"expires_in": "for ever"}, 422, "validation_failed"),
        (f"{LEVELS}/{SAML}", {"level": "DEBUG"}, 422, "validation_failed"),
    ):
        answer = world.api("PUT", path, json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), path
    for role, tenant in (("support", None), ("admin", "acme"), ("viewer", "acme")):
        assert world.api("PUT", f"{LEVELS}/{SAML}", token_for(world, role, tenant), json=HALF_HOUR).status_code == 403
    assert world.count("log_level") == world.count("staff_event") == 0


def test_what_is_over_ends_even_while_the_database_is_away(world: World) -> None:
    """Here by the look that each process takes; its timer, which asks nobody either, has a test of its own."""
    world.api("PUT", f"{LEVELS}/{SAML}", json=HALF_HOUR)
    assert _follow(world) == "DEBUG"
    with _away(world), pytest.raises(DATABASE_ERRORS):
        _follow(world)
    assert logging.getLogger(SAML).getEffectiveLevel() == logging.DEBUG, "nobody has ended it"
    with _away(world), pytest.raises(DATABASE_ERRORS):
        _follow(world, after=dt.timedelta(minutes=31))
    assert logging.getLogger(SAML).getEffectiveLevel() == logging.INFO
    with time_machine.travel(utc_now() + dt.timedelta(minutes=31), tick=False):
        assert world.api("GET", f"{LEVELS}/{SAML}").get_json()["level"] == "INFO"
        world.api("PUT", f"{LEVELS}/vestibule.api", json=HALF_HOUR)
        world.api("DELETE", f"{LEVELS}/vestibule.api")
    assert world.count("log_level") == 0, "rows that are over go with the next one"


def test_a_row_from_elsewhere_reaches_no_library(world: World) -> None:
    """Whoever writes to the table cannot have pysaml2 print messages."""
    with world.app.app_context(), db.engine.begin() as connection:
        values = {"level": "DEBUG", "until": utc_now() + dt.timedelta(days=999), "set_at": utc_now(), "set_by": "nobody"}
        connection.execute(sa.insert(LogLevel.__table__).values(logger="saml2", **values))
    _follow(world)
    assert logging.getLogger("saml2").getEffectiveLevel() == logging.CRITICAL


def test_owners_change_levels_in_the_console(world: World) -> None:
    """The form sets, the list shows who did, a button lets go; faults stand beside their fields."""
    owner = staff_client(world)
    form = {"csrf_token": token_of(owner, "/admin/log-levels/")}
    sent = owner.post("/admin/log-levels/", data=form | {"logger": SAML, "level": "DEBUG", "expires_in": "2h"})
    assert sent.status_code == 303
    page = owner.get("/admin/log-levels/").get_data(as_text=True)
    assert "set by <bdi>Sam Staff</bdi>" in page
    assert _follow(world) == "DEBUG"
    for wrong in ({"logger": "saml2"}, {"level": "TRACE"}, {"expires_in": "48h"}):
        refused = owner.post(
            "/admin/log-levels/", data=form | {"logger": SAML, "level": "DEBUG", "expires_in": "2h"} | wrong
        )
        assert refused.status_code in (404, 422), wrong
    assert owner.post("/admin/log-levels/reset", data=form | {"logger": SAML}).status_code == 303
    assert "set by" not in owner.get("/admin/log-levels/").get_data(as_text=True)
    assert _follow(world) == "INFO"
