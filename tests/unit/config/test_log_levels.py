"""Levels at run time in one process: what is set, and how it ends by itself."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Iterator

import pytest

from config import log_levels, logs
from config.log_levels import NAMES, TimedLevel, apply_levels, end_levels, name_of, set_base_level

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
SAML = "vestibule.identity.saml"


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    """Logging as the service has it, and nothing set, before and afterwards."""
    logs.configure_logging("INFO")
    set_base_level("INFO")
    yield
    apply_levels([], NOW)
    assert log_levels._state.timer is None
    set_base_level("INFO")


def level(logger: str = SAML, level: str = "DEBUG", seconds: float = 60) -> TimedLevel:
    """A level that lasts for so long."""
    return TimedLevel(logger, level, NOW + dt.timedelta(seconds=seconds))


def in_force(name: str) -> str:
    """The level that a logger has in this process."""
    return logging.getLevelName(logging.getLogger(name).getEffectiveLevel())


def test_one_logger_is_changed_and_no_other() -> None:
    """And it falls back when nobody wants it any more."""
    apply_levels([level()], NOW)
    assert {name for name in NAMES if in_force(name) == "DEBUG"} == {SAML}
    assert logs.says_debug("identity.saml")
    assert not logs.says_debug("sign_in")
    apply_levels([], NOW)
    assert {in_force(name) for name in NAMES} == {"INFO"}


def test_the_first_name_stands_for_all_without_one_of_their_own() -> None:
    """Also where the deployment's level changes meanwhile."""
    apply_levels([level(logs.ROOT), level("vestibule.access", "ERROR")], NOW)
    assert in_force(SAML) == "DEBUG"
    assert in_force("vestibule.access") == "ERROR"
    set_base_level("WARNING")
    assert in_force(SAML) == "DEBUG"
    apply_levels([], NOW)
    assert {in_force(name) for name in NAMES} == {"WARNING"}


def test_the_audits_lines_are_never_fewer_than_the_deployment_decided() -> None:
    """They have the anchors of seals: whoever sets levels could hide for a day what was cut off. More of them may be had."""
    audit = "vestibule.audit"
    for levels in ([level(logs.ROOT, "ERROR")], [level(audit, "ERROR")], [level(logs.ROOT, "ERROR"), level(audit, "WARNING")]):
        apply_levels(levels, NOW)
        assert in_force(audit) == "INFO"
    assert in_force("vestibule.api") == "ERROR"
    apply_levels([level(logs.ROOT, "DEBUG")], NOW)
    assert in_force(audit) == "DEBUG"
    apply_levels([level(logs.ROOT, "ERROR")], NOW)
    set_base_level("WARNING")
    assert in_force(audit) == "WARNING"


def test_libraries_and_unknown_names_are_out_of_reach() -> None:
    """pysaml2 at DEBUG would print whole messages; a row that says so changes nothing."""
    for name in ("saml2", "saml2.response", "urllib3", "sqlalchemy.engine", "", "root", "vestibule.nothing"):
        assert name_of(name) is None
        before = logging.getLogger(name).getEffectiveLevel()
        apply_levels([level(name)], NOW)
        assert logging.getLogger(name).getEffectiveLevel() == before
    apply_levels([level(level="NOTSET"), level(logs.ROOT, "CRITICAL")], NOW)
    assert {in_force(name) for name in NAMES} == {"INFO"}


def test_names_may_leave_the_prefix_out() -> None:
    """`identity.saml` is what people type."""
    assert name_of("identity.saml") == name_of(SAML) == SAML
    assert name_of("vestibule") == "vestibule"
    assert name_of("identity") is None


def test_a_level_ends_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """By a timer of the process, which nobody has to ask; the log tells both ends."""
    apply_levels([level(seconds=0.5), level("vestibule.api", seconds=3600)], NOW)
    assert in_force(SAML) == "DEBUG"
    limit = time.monotonic() + 30
    while in_force(SAML) == "DEBUG" and time.monotonic() < limit:
        threading.Event().wait(0.01)
    with log_levels._state.lock:
        assert in_force(SAML) == "INFO"
    assert in_force("vestibule.api") == "DEBUG", "the other one goes on"
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["to"]) for line in told if line["of"] == SAML] == [
        ("log_level_set", "DEBUG"),
        ("log_level_ended", "INFO"),
    ]


def test_what_is_over_ends_without_a_timer_too() -> None:
    """A machine that slept, for instance."""
    apply_levels([level()], NOW)
    end_levels(NOW + dt.timedelta(seconds=59))
    assert in_force(SAML) == "DEBUG"
    end_levels(NOW + dt.timedelta(seconds=60))
    assert in_force(SAML) == "INFO"
    apply_levels([level(seconds=-1)], NOW)
    assert in_force(SAML) == "INFO"


def test_the_same_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Each process looks every other second: no line and no new timer each time."""
    apply_levels([level()], NOW)
    timer = log_levels._state.timer
    apply_levels([level()], NOW + dt.timedelta(seconds=2))
    assert log_levels._state.timer is timer
    assert capsys.readouterr().err.count("log_level_set") == 1
