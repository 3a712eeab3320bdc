"""Goes through the console as somebody with a mouse would: every link of every page, a few of each kind."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException

from admin_ui.rendering import SCREENS
from admin_ui.screen import TenantScreen
from tests.e2e.console_site import ConsoleSite
from tests.support.world import Organisation

AXE = (Path(__file__).with_name("vendor") / "axe.min.js").read_text("utf-8")
OF_EACH_KIND = 2
"""Pages of one kind that are looked at: the first two differ in what they show, the hundredth does not."""
SERIOUS = frozenset({"serious", "critical"})
_RUN_AXE = "options => axe.run(document, options).then(found => found.violations)"
_OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
"""What passed is not handed over, and no stylesheet fetched again: that serves rules on sound and orientation, none serious."""
OF_LAYOUT = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "aria-hidden-focus", "target-size")
"""Rules of axe that the window's width and colours decide; to all others it is the same page."""
_AT_REST = """() => Promise.race([new Promise(over => setTimeout(over, 5000)), Promise.allSettled(document.getAnimations()
  .filter(one => Number.isFinite(one.effect.getComputedTiming().endTime)).map(one => one.finished))])"""
"""Colours on their way from one theme to the other are neither's."""
_SIDEWAYS = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel || one.className)"
_UNTOLD = "all => all.filter(one => !one.ariaLabel || one.ariaLabel === one.innerText).map(one => one.outerHTML)"
_LINKS = "links => links.filter(link => !link.hasAttribute('download')).map(link => link.href)"


def crawl(
    site: ConsoleSite,
    page: Page,
    organisation: Organisation | None,
    is_wanted: Callable[[str], bool] = lambda _kind: True,
) -> Iterator[str]:
    """Open every kind of page that can be reached from the console's beginning, and give its address each time.

    Args:
        is_wanted: kinds to go through; of all others, where one begins is opened and nothing else.
    """
    start = site.address("/admin/", organisation)
    waiting, seen, kinds = deque([start]), {start}, Counter[str]()
    while waiting:
        address = waiting.popleft()
        kind = kind_of(site, address)
        if kind is None or kinds[kind] >= OF_EACH_KIND or (address != start and not is_wanted(kind)):
            continue
        kinds[kind] += 1
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, f"{address}: {answer.status}"
        for link in page.eval_on_selector_all("a[href]", _LINKS):
            bare = link.partition("#")[0]
            if bare.startswith(start) and bare not in seen:
                seen.add(bare)
                waiting.append(bare)
        yield page.url


def kind_of(site: ConsoleSite, address: str) -> str | None:
    """The endpoint that an address leads to; None where it is none of the console's screens."""
    parts = urlsplit(address)
    try:
        endpoint, _ = site.world.app.url_map.bind(parts.netloc).match(parts.path, method="GET")
    except HTTPException:
        return None
    return str(endpoint)


def is_of_tenants(site: ConsoleSite, kind: str) -> bool:
    """Whether a kind of page is a tenant's, which its own people see at their host, too."""
    return isinstance(site.world.app.extensions[SCREENS].get(kind.partition(".")[0]), TenantScreen)


def faults_of(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds on the page that is open, where it is serious; by some of its rules, or by all."""
    page.wait_for_load_state()
    page.evaluate(_AT_REST)
    if not page.evaluate("'axe' in window"):  # half a megabyte, which goes through three processes
        page.evaluate(f"(() => {{ {AXE} }})()")
    options = _OPTIONS | ({"runOnly": list(rules)} if rules else {})
    found: list[dict[str, Any]] = page.evaluate(_RUN_AXE, options)
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:160]}: {node['failureSummary'][:200]}"
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def untold_of(page: Page) -> list[str]:
    """Buttons and boxes in rows of a table that do not say by themselves whom or what they are about."""
    found: list[str] = page.eval_on_selector_all("main tbody :is(button, input[type=checkbox])", _UNTOLD)
    return found


def overflow_of(page: Page) -> int:
    """By how many pixels the page is wider than its window, once its stylesheets are there.

    Text can be read before: Chromium then measures the page without them.
    """
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def sideways_of(page: Page) -> list[str]:
    """Tables that have to be pushed sideways to be read: in a narrow window their rows ought to stand as cards."""
    found: list[str] = page.eval_on_selector_all(".scroll", _SIDEWAYS)
    return found
