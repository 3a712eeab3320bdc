"""Fixtures of the tests in a real browser, and the patience of whoever sits before it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM

PATIENCE_MILLISECONDS = 30_000
"""How long anything may take to be seen: a busy machine is slow, and whoever finds what they look for does not wait."""
ACTS = ("check", "click", "fill", "press", "select_option", "set_input_files", "uncheck")
"""What a hand does to a page."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium in place of one that would have to be fetched."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(ARGUMENTS)}


@pytest.fixture(scope="session", autouse=True)
def hands_wait_for_the_page() -> Iterator[None]:
    """Nobody acts on a page that is still being loaded: its scripts run last, and a button pressed before is another one.

    Playwright waits for an element, and for the page that a click leads to to begin; on a busy machine there is time
    between that and the scripts, which ask before a form is sent, or fill a field.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ACTS:
            patch.setattr(Locator, name, _once_loaded(getattr(Locator, name)))
        yield


def _once_loaded(act: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(act)
    def acting(locator: Locator, *args: Any, **options: Any) -> Any:
        locator.page.wait_for_load_state()
        return act(locator, *args, **options)

    return acting
