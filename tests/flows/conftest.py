"""A real directory for all flows that ask one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.slapd import Slapd, start_slapd

PEOPLE = ("ada", "bob", "cyd")


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """One for all tests of this process; each test adds people of its own."""
    running = start_slapd(tmp_path_factory.mktemp("slapd") / "slapd", PEOPLE)
    yield running
    running.stop()
