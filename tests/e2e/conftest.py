"""Fixtures of the tests in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium in place of one that would have to be fetched."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(ARGUMENTS)}
