"""Log levels in real processes: all of them follow within five seconds, those without jobs too, and all fall back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from admin_ui.log_levels.levels import FOLLOW_SECONDS
from tests.support.served import served, working
from tests.support.world import World

HOLDS_SECONDS = 5
BUSY = 6
"""How many times as long a machine may take that has other work."""
LASTS_SECONDS = 3
PATIENCE_SECONDS = 120
SAML = "vestibule.identity.saml"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_every_process_follows_and_falls_back(world: World, tmp_path: Path) -> None:
    """Two that serve without jobs and one that only works; a sign-in meanwhile tells its checks, one afterwards does not."""
    url = world.app.extensions["vestibule_settings"].database_url
    host = f"{world.acme.slug}.localhost"
    with served(url, tmp_path, workers=2, jobs=False) as server, working(url, tmp_path):
        logs = (tmp_path / "served.log", tmp_path / "worker.log")
        began = time.monotonic()
        _set_debug(world, "1h")
        _wait(lambda: [_count(log, "log_level_set") for log in logs] == [2, 1])
        assert 2 * FOLLOW_SECONDS + 1 <= HOLDS_SECONDS
        assert time.monotonic() - began < HOLDS_SECONDS * BUSY
        refused = server.finish(host, server.begin(host), b"<no/>")
        assert refused.status_code == 400
        _wait(lambda: _count(logs[0], "check") > 0)
        began = time.monotonic()
        _set_debug(world, f"{LASTS_SECONDS}s")
        _wait(lambda: [_count(log, "log_level_ended") for log in logs] == [2, 1])
        assert time.monotonic() - began < LASTS_SECONDS + HOLDS_SECONDS * BUSY
        told = _count(logs[0], "check")
        assert server.finish(host, server.begin(host), b"<no/>").status_code == 400
        _wait(lambda: _count(logs[0], "refused") == 2)
        assert _count(logs[0], "check") == told


def _set_debug(world: World, lasting: str) -> None:
    done = world.app.test_cli_runner().invoke(args=["log", "identity.saml", "DEBUG", "--for", lasting])
    assert done.exit_code == 0, done.output


def _count(log: Path, event: str) -> int:
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return sum(line["event"] == event and line.get("of", SAML) == SAML for line in lines)


def _wait(until: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not until():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.05)
