"""Staff onboard a customer in Chromium: one form, a link for somebody else, and both sides see how far it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.console_crawl import faults_of, overflow_of
from tests.e2e.console_site import ConsoleSite, running_console


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """One console for this module."""
    with running_console(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_staff_begin_a_customer_and_its_it_goes_on(site: ConsoleSite, browser: Browser, scheme: str, width: int) -> None:
    """A fault shows while typing; the link works in another browser; staff see it in use, confirm a domain, revoke it."""
    size = {"width": width, "height": 800}
    staff_context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]  # as the parameters say
    site.enter(staff_context, "staff")
    staff, slug = staff_context.new_page(), f"umbrella-{width}"

    def look() -> None:
        assert faults_of(staff) == []
        assert overflow_of(staff) <= 0, staff.url

    staff.goto(site.address("/admin/tenants/"))
    staff.get_by_role("link", name="New customer").click()
    staff.get_by_label("MyDomain").fill("www")
    expect(staff.get_by_text("This MyDomain is taken or reserved.")).to_be_visible()
    look()
    staff.get_by_label("MyDomain").fill(slug)
    expect(staff.get_by_text("This MyDomain is taken or reserved.")).to_be_hidden()
    staff.get_by_role("textbox", name=re.compile("^Name")).fill("Umbrella 🦊 \u05d0")
    staff.get_by_label("Domains, one on each line").fill(f"{slug}.example")
    staff.get_by_label("Their e-mail address").fill("grace@customer.example")
    staff.get_by_role("button", name="Make the tenant and the link").click()
    link = staff.locator("code", has_text="/setup/").inner_text()
    look()
    staff.get_by_role("link", name="To the onboarding").click()
    expect(staff.get_by_text("Not started yet")).to_be_visible()
    look()

    customer = browser.new_context().new_page()
    customer.goto(link.replace(":8000", f":{site.port}"))
    customer.get_by_role("button", name="Start").click()
    customer.get_by_role("button", name="Keycloak").click()
    expect(customer.get_by_role("heading", name="Connect Keycloak")).to_be_visible()

    staff.reload()
    expect(staff.get_by_text("In use")).to_be_visible()
    expect(staff.get_by_text("Keycloak")).to_be_visible()
    staff.goto(site.address(f"/admin/tenants/{slug}/domains/"))
    staff.get_by_text("Confirm it without DNS").click()
    staff.get_by_label("How you know that it is theirs").fill("Contract of 3 March")
    staff.get_by_role("button", name="Confirm", exact=True).click()
    expect(staff.get_by_text("Confirmed by staff")).to_be_visible()
    look()
    staff.goto(site.address(f"/admin/tenants/{slug}/onboarding/"))
    staff.get_by_role("button", name="Revoke").click()
    staff.locator("#confirm").get_by_role("button", name="Revoke").click()
    expect(staff.get_by_text("The link opens nothing any more.").first).to_be_visible()
    customer.reload()
    expect(customer.get_by_role("heading", name="This set-up link was withdrawn")).to_be_visible()
    customer.context.close()
    staff_context.close()
