"""Rules are written, foreseen and saved in a real browser, without scripts; and the front page leads on (P6, H1)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.console_site import ConsoleSite, running_console

PICTURES = os.environ.get("PICTURES")
"""A folder where what was seen is to be kept."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """The console, with people who came."""
    with running_console(tmp_path_factory.mktemp("placement")) as running:
        yield running


def _kept(page: object, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_rules_are_written_foreseen_and_saved(browser: Browser, site: ConsoleSite, scheme: str, width: int) -> None:
    """One form without scripts: what it would do is shown before it is saved, and nothing stands out of a narrow page."""
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]  # as it takes
        viewport={"width": width, "height": 800},
        java_script_enabled=False,
    )
    site.enter(context, "admin", site.world.acme)
    page = context.new_page()
    page.goto(site.address("/admin/authentication-placement/main", site.world.acme))
    row = page.get_by_role("group", name="(new)").first
    row.get_by_label("Attribute").fill("uid")
    row.get_by_label("One of these values").fill("person0\nperson1")
    row.get_by_label("Role in the console").select_option("none" if width == 360 else "viewer")
    row.get_by_label("Access").select_option("no")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
    expect(page.get_by_role("row", name="person1@acme.test")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "only the table scrolls"
    _kept(page, f"placement-{width}-{scheme}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("It holds from the next sign-in on.")).to_be_visible()
    context.close()


def test_the_front_page_leads_on(browser: Browser, site: ConsoleSite) -> None:
    """From an address to the organisation's page, which is remembered until it is forgotten; without scripts."""
    context = browser.new_context(java_script_enabled=False)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    arrived = "<title>acme's own page</title>"  # where the service is configured to be, which is another port here
    page.route("http://acme.localhost:8000/**", lambda route: route.fulfill(body=arrived, content_type="text/html"))
    page.goto(site.address("/"))
    page.get_by_label("e-mail").fill("nobody@nowhere.test")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("That leads to no sign-in page here.")).to_be_visible()
    page.get_by_label("e-mail").fill("ada@acme.test")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("acme's own page")
    expect(page).to_have_url(re.compile(r"^http://acme\.localhost:8000/\?hint=v1\."))
    page.goto(site.address("/"))
    expect(page.get_by_role("link", name="acme")).to_be_visible()
    page.get_by_role("button", name="Forget acme").click()
    expect(page.get_by_role("link", name="acme")).to_have_count(0)
    assert not [url for url in asked if "ada%40" in url or "ada@" in url]
    context.close()
