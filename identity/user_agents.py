"""A browser in words, from what it says of itself; shown to people, never relied on."""

from __future__ import annotations

import re
from collections.abc import Sequence

UNKNOWN = "Unknown browser"
_BROWSERS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Edge", r"\bEdg(?:e|A|iOS)?/(\d+)"),
        ("Opera", r"\bOPR/(\d+)"),
        ("Samsung Internet", r"\bSamsungBrowser/(\d+)"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/(\d+)"),
        ("Chrome", r"\b(?:Chrome|CriOS|HeadlessChrome)/(\d+)"),
        ("Safari", r"\bVersion/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"),
        ("curl", r"\bcurl/(\d+)"),
        ("Python", r"\bpython-requests/(\d+)"),
    )
)
_SYSTEMS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("iPhone", r"\biPhone\b"),
        ("iPad", r"\biPad\b"),
        ("Android", r"\bAndroid\b"),
        ("Windows", r"\bWindows NT\b"),
        ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
        ("ChromeOS", r"\bCrOS\b"),
        ("Linux", r"\bLinux\b"),
    )
)


def device_words(user_agent: str, client: str | None) -> str:
    """A browser in words; or an application by the name that it gave itself, which is said to be one."""
    return f"{client} (application)" if client else browser_words(user_agent)


def browser_words(user_agent: str) -> str:
    """For example "Firefox 132 on Windows"."""
    browser = next((f"{name} {found[1]}" for name, form in _BROWSERS if (found := form.search(user_agent))), UNKNOWN)
    system = next((name for name, form in _SYSTEMS if form.search(user_agent)), None)
    return f"{browser} on {system}" if system else browser
