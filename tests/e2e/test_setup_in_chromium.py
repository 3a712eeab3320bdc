"""A customer's IT in Chromium: from the set-up link to the first real sign-in through SimpleSAMLphp, measured in clicks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.console_crawl import faults_of, overflow_of
from tests.e2e.setup_site import Hand, SetupSite, press_on, running_setup

MOST_INTERACTIONS = 8
NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SetupSite]:
    """One for this module."""
    with running_setup(tmp_path_factory.mktemp("setup")) as running:
        yield running


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser with scripts, and one without."""
    opened = browser.new_context(java_script_enabled=request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("proof", ["attested", "dns"])
def test_from_the_link_to_the_first_sign_in(
    site: SetupSite, context: BrowserContext, proof: str, request: pytest.FixtureRequest
) -> None:
    """At most eight interactions beyond those at the identity provider, and nothing typed but the address of its metadata.

    Without scripts the forms that leave for the identity provider have a button, which is the browser's doing and not ours.
    """
    scripts = "without" not in request.node.name
    slug = f"{proof}-{'scripts' if scripts else 'plain'}"
    domain, person = f"{slug}.example", slug.replace("-", "")
    site.idp.add_person(person, f"{person}@{domain}")
    reason = {"attest_reason": "Contract of 3 March"} if proof == "attested" else {}
    link = site.new_customer(slug, domain, **reason)
    page = context.new_page()
    hand = Hand(page, site.service.origin(slug))

    page.goto(link)
    hand.click(page.get_by_role("button", name="Start"))
    assert re.fullmatch(r".*/setup/product", page.url)
    hand.click(page.get_by_role("button", name="SimpleSAMLphp"))
    site.register(slug)
    hand.type(page.get_by_label("Address of the metadata"), site.idp.entity_id)
    hand.click(page.get_by_role("button", name="Check and connect"))
    expect(page.get_by_role("heading", name=re.compile("Connected"))).to_be_visible()
    if proof == "dns":
        site.publish(slug, domain)
        hand.click(page.get_by_role("link", name="Continue: E-mail domains"))
        hand.click(page.get_by_role("button", name="Look for the record"))
        expect(page.get_by_text(f"{domain} is proven.")).to_be_visible()
    hand.click(page.get_by_role("button", name="Test sign-in").first)
    if not scripts:
        press_on(page)
    hand.sign_in_there(person)
    if not scripts:
        press_on(page)
    page.wait_for_url("**/setup/test")
    expect(page.get_by_role("heading", name=re.compile("It works"))).to_be_visible()
    hand.click(page.get_by_role("button", name="Activate sign-in"))
    hand.click(page.get_by_role("link", name="Sign in"))
    if not scripts:
        press_on(page)
        press_on(page)
    page.wait_for_url(site.service.origin(slug) + "/")
    expect(page.get_by_role("main")).to_contain_text(f"{person}@{domain}")

    assert len(hand.acts) <= MOST_INTERACTIONS, hand.acts
    assert hand.typed == [site.idp.entity_id]


def test_a_test_that_leaves_by_redirect(site: SetupSite, browser: Browser) -> None:
    """Chromium applies a page's form-action to redirects after its forms: the test's way out is not stopped by it."""
    slug, person = "redirect", "redirected"
    site.idp.add_person(person, f"{person}@{slug}.example")
    link = site.new_customer(slug, f"{slug}.example", attest_reason="Contract of 3 March")
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="SimpleSAMLphp").click()
    site.register(slug)
    page.get_by_label("Address of the metadata").fill(site.idp.entity_id)
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_role("heading", name=re.compile("Connected"))).to_be_visible()
    settings = f"/tenants/{slug}/identity-providers/main/saml-settings"
    assert site.service.api("PATCH", settings, json={"request_binding": "redirect"}).status_code == 200
    for address, heading in (("test", "It works"), ("second-test", "Somebody who must not get in")):
        page.goto(f"{site.service.origin(slug)}/setup/{address}")
        page.locator(f"form[action='/setup/{address}'] button").first.click()
        page.wait_for_url(f"{site.idp.base}**")
        Hand(page, site.service.origin(slug)).sign_in_there(person)
        page.wait_for_url(f"**/setup/{address}")
        expect(page.get_by_role("heading", name=re.compile(heading))).to_be_visible()
    expect(page.get_by_text("That person would have been let in.")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("scheme", "window"), [("light", {"width": 1280, "height": 800}), ("dark", NARROW)])
def test_every_page_can_be_used_by_everybody(site: SetupSite, browser: Browser, scheme: str, window: dict[str, int]) -> None:
    """axe finds nothing serious, nothing sticks out of the window, each page has one heading, nothing goes wrong."""
    slug = f"pages-{scheme}"
    link = site.new_customer(slug, f"{slug}.example")
    context = browser.new_context(color_scheme=scheme, viewport=window)  # type: ignore[arg-type]  # as the parameters say
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))

    def look() -> None:
        wrong.extend(f"{page.url}: {fault}" for fault in faults_of(page))
        if overflow_of(page) > 0:
            wrong.append(f"{page.url} is wider than its window by {overflow_of(page)} pixels")
        if page.locator("h1").count() != 1:
            wrong.append(f"{page.url} has {page.locator('h1').count()} headings of the first order")

    page.goto(link)
    look()
    page.get_by_role("button", name="Start").click()
    for path in ("product", "connect", "domains", "test", "attributes", "second-test", "activate"):
        page.goto(f"{site.service.origin(slug)}/setup/{path}")
        look()
    page.goto(f"{site.service.origin(slug)}/setup/product")
    page.get_by_role("button", name="Okta").click()
    page.get_by_label("Address of the metadata").fill(site.idp.entity_id)
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_text("This looks like metadata of SimpleSAMLphp")).to_be_visible()
    for path in ("connect", "attributes", "second-test"):
        page.goto(f"{site.service.origin(slug)}/setup/{path}")
        look()
    context.close()
    assert wrong == [], "\n".join(wrong)
