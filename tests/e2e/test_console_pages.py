"""Every page of the console in Chromium: for people with assistive technology, in the dark, on a telephone, without scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from tests.e2e.console_crawl import OF_LAYOUT, crawl, faults_of, is_of_tenants, kind_of, overflow_of, sideways_of, untold_of
from tests.e2e.console_site import ConsoleSite, running_console

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
LOOKS = (("light", WIDE, ()), ("dark", NARROW, OF_LAYOUT))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """One console for this module."""
    with running_console(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.mark.parametrize(("role", "of_tenant"), [("staff", False), ("admin", True)])
def test_everybody_can_use_every_page(site: ConsoleSite, browser: Browser, role: str, of_tenant: bool) -> None:
    """axe finds nothing serious, nothing sticks out of the window, and nothing goes wrong on any page.

    Each page is looked at in the light on a wide window, then in the dark as on a telephone. Of what staff see as a tenant's
    own people do, one of each kind has axe's time.
    """
    organisation = site.world.acme if of_tenant else None
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]  # as it takes
    site.enter(context, role, organisation)
    page = context.new_page()
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    seen = Counter[str]()
    for address in crawl(site, page, organisation):
        kind = kind_of(site, address) or ""
        seen[kind] += 1
        again = seen[kind] > 1 and not of_tenant and is_of_tenants(site, kind)
        for scheme, window, rules in LOOKS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # as the looks say
            page.set_viewport_size(window)  # type: ignore[arg-type]
            wrong += [] if again else [f"{address}, {scheme}: {fault}" for fault in faults_of(page, rules)]
            if overflow_of(page) > 0:
                wrong.append(f"{address} is wider than its window of {window['width']} by {overflow_of(page)} pixels")
        wrong += [f"{address}: {table} scrolls sideways on a telephone" for table in sideways_of(page)]
        wrong += [f"{address}: which row? {button}" for button in untold_of(page)]
        if page.locator("h1").count() != 1:
            wrong.append(f"{address} has {page.locator('h1').count()} headings of the first order")
    context.close()
    assert wrong == [], "\n".join(wrong)
    assert len(seen) > 0


@pytest.mark.parametrize(("role", "of_tenant"), [("staff", False), ("viewer", True)])
def test_every_page_works_without_scripts(site: ConsoleSite, browser: Browser, role: str, of_tenant: bool) -> None:
    """Lists, forms and ways on are there; nothing waits for a script to fill it."""
    organisation = site.world.acme if of_tenant else None
    context = browser.new_context(java_script_enabled=False)
    site.enter(context, role, organisation)
    page = context.new_page()
    for address in crawl(site, page, organisation):
        assert page.locator("main h1").is_visible(), address
    context.close()


def test_colours_of_the_systems_choosing_hide_nothing(site: ConsoleSite, browser: Browser) -> None:
    """Windows' high contrast takes backgrounds away: a switch that is on still looks unlike one that is off."""
    context = browser.new_context(forced_colors="active", viewport=WIDE)  # type: ignore[arg-type]  # as it takes
    site.enter(context, "admin", site.world.acme)
    page = context.new_page()
    page.goto(site.address("/admin/saml-attributes/main/edit", site.world.acme))
    on, off = (page.locator(f"input[role=switch]{state}").first for state in (":checked", ":not(:checked)"))
    assert on.screenshot() != off.screenshot()
    present, other = (page.locator(f"nav a{which}").first for which in ("[aria-current]", ":not([aria-current])"))
    assert [link.evaluate("link => getComputedStyle(link).outlineStyle") for link in (present, other)] == ["solid", "none"]
    context.close()
