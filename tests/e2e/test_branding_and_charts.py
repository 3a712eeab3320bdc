"""Branding and charts in Chromium: the preview follows what is typed, a chosen logo is seen, charts speak to keyboards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.e2e.console_site import ConsoleSite, running_console
from tests.support.pictures import ATTACKS, picture


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """One console for this module."""
    with running_console(tmp_path_factory.mktemp("branding")) as running:
        yield running


@pytest.fixture
def page(site: ConsoleSite, browser: Browser) -> Iterator[Page]:
    """An administrator of acme, in a window whose console has to stay silent."""
    context = browser.new_context()
    site.enter(context, "admin", site.world.acme)
    opened, complaints = context.new_page(), list[str]()

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "422" not in message.text:
            complaints.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    assert complaints == []
    context.close()


def _button(page: Page, theme: str) -> str:
    """The colour of the button in one half of the preview."""
    locator = page.locator(f".preview.{theme} .preview-button")
    return str(locator.evaluate("element => getComputedStyle(element).backgroundColor"))


def test_the_preview_follows_what_is_typed_and_saves_nothing(site: ConsoleSite, page: Page) -> None:
    """Colour, name and picture are seen in both themes before anything is sent; the sentence says what was changed."""
    page.goto(site.address("/admin/branding/", site.world.acme))
    before = site.world.api("GET", "/tenants/acme").get_json()
    page.get_by_label("Colour", exact=True).fill("#8a8f98")
    expect(page.locator('[data-preview-words="light"]')).to_contain_text("has a contrast of")
    assert _button(page, "light") != "rgb(138, 143, 152)"
    page.get_by_label("Colour", exact=True).fill("#0b5c3b")
    expect(page.locator('[data-preview-words="light"]')).to_contain_text("has your colour")
    expect(page.locator(".preview.light .preview-button")).to_have_css("background-color", "rgb(11, 92, 59)")
    page.get_by_label("Name required").fill("شركة النور 🦊")
    expect(page.locator(".preview.dark [data-preview-name]")).to_have_text("شركة النور 🦊")
    page.get_by_label("Logo").set_input_files({"name": "l.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.locator(".preview.dark [data-preview-logo]")).to_be_visible()
    expect(page.locator(".preview.dark [data-preview-logo]")).to_have_js_property("naturalWidth", 300)
    assert site.world.api("GET", "/tenants/acme").get_json() == before


def test_a_logo_is_saved_and_people_see_it(site: ConsoleSite, page: Page, browser: Browser) -> None:
    """From the form to the sign-in page, in its own shape; then a bad one is refused and the good one stays."""
    page.goto(site.address("/admin/branding/", site.world.acme))
    page.get_by_label("Logo").set_input_files({"name": "l.webp", "mimeType": "image/webp", "buffer": picture("WEBP")})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    people = browser.new_context().new_page()
    people.goto(site.address("/", site.world.acme))
    logo = people.locator("img.logo")
    assert logo.evaluate("picture => [picture.naturalWidth, picture.naturalHeight]") == [300, 120]
    box = logo.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(300 / 120, rel=0.02)
    page.get_by_label("Logo").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": ATTACKS["svg"][0]})
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#logo-fault")).to_contain_text("Export the logo as PNG")
    people.reload()
    assert people.locator("img.logo").evaluate("picture => picture.naturalWidth") == 300
    people.context.close()


def test_branding_works_without_scripts(site: ConsoleSite, browser: Browser, tmp_path: Path) -> None:
    """The button shows the preview, and the form is saved."""
    context = browser.new_context(java_script_enabled=False)
    site.enter(context, "admin", site.world.acme)
    page = context.new_page()
    page.goto(site.address("/admin/branding/", site.world.acme))
    page.locator('[name="brand_colour"]').fill("#aa0044")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".preview.light .preview-button")).to_have_css("background-color", "rgb(170, 0, 68)")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    assert site.world.api("GET", "/tenants/acme").get_json()["brand_colour"] == "#aa0044"
    context.close()


def test_a_chart_is_walked_by_arrow_keys_and_read_as_a_table(site: ConsoleSite, page: Page) -> None:
    """One stop for Tab, one bar for each arrow, its numbers beside it; and all of them in a table."""
    assert site.world.sign_in(site.world.browser()).status_code == 303  # today, whenever the others came
    page.goto(site.address("/admin/overview/", site.world.acme))
    bars = page.locator("[data-chart]").first.locator("li")
    expect(bars).to_have_count(30)
    bars.last.focus()
    expect(bars.last.locator(".tip")).to_have_css("opacity", "1")
    expect(bars.last.locator(".tip")).to_contain_text(re.compile(r"[1-9]\d* signed in"))
    page.keyboard.press("ArrowLeft")
    expect(bars.nth(28)).to_be_focused()
    expect(bars.last.locator(".tip")).to_have_css("opacity", "0")
    page.keyboard.press("Home")
    expect(bars.first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(bars.first).to_be_focused()
    page.get_by_text("Show as a table").first.click()
    expect(page.locator(".chart-table tbody").first.locator("tr")).to_have_count(30)


def test_staff_find_a_tenant_and_go_there(site: ConsoleSite, browser: Browser) -> None:
    """By the box at the top of every page, reached with a slash."""
    context = browser.new_context()
    site.enter(context, "staff")
    page = context.new_page()
    page.goto(site.address("/admin/service/"))
    page.keyboard.press("/")
    page.keyboard.type("glob")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Globex").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Globex")
    context.close()
