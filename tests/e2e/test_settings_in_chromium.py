"""An administrator in Chromium breaks and mends the authentication context: draft, test through SimpleSAMLphp, in force."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from config.database import transaction
from tenants.console_role_records import add_grant
from tenants.records import find_tenant
from tests.e2e.console_crawl import faults_of, overflow_of
from tests.e2e.setup_site import SetupSite, press_on, running_setup
from tests.support.world import utc_now

SLUG = "acme"
ALICE = "alice@acme.test"
NARROW = {"width": 360, "height": 740}
BLANK = "urn:oasis:names:tc:SAML:2.0:ac:classes:"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SetupSite]:
    """The service with one tenant, SimpleSAMLphp, and alice as its administrator."""
    with running_setup(tmp_path_factory.mktemp("settings")) as running:
        body = {"slug": SLUG, "name": "Acme", "email_domains": ["acme.test"]}
        assert running.service.api("POST", "/tenants", json=body).status_code == 201
        connection = {"display_name": "Company login", "metadata_url": running.idp.entity_id}
        answer = running.service.api("PUT", f"/tenants/{SLUG}/identity-providers/main", json=connection)
        assert answer.status_code == 201, answer.text
        running.register(SLUG)
        with running.service.app.app_context():
            tenant = find_tenant(SLUG)
            assert tenant is not None
            with transaction():
                add_grant(tenant.id, ALICE, "admin", granted_by="test", now=utc_now())
        yield running


@pytest.fixture(autouse=True)
def as_at_first(site: SetupSite) -> None:
    """Each test begins with the settings of a new tenant and no draft, whatever became of the one before."""
    settings = f"/tenants/{SLUG}/identity-providers/main/saml-settings"
    assert site.service.api("DELETE", f"{settings}/draft").status_code in (204, 404)
    mended = {"authn_context_class_ref": BLANK + "Password", "require_authn_context": False}
    assert site.service.api("PATCH", settings, json=mended).status_code == 200


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether scripts run."""
    value: bool = request.param
    return value


@pytest.fixture
def context(browser: Browser, scripts: bool) -> Iterator[BrowserContext]:
    """A browser of its own."""
    opened = browser.new_context(java_script_enabled=scripts)
    yield opened
    opened.close()


def past_forms(page: Page, scripts: bool, times: int = 1) -> None:
    """Without scripts, forms that leave for the identity provider and come back from it have a button."""
    for _ in range(0 if scripts else times):
        press_on(page)


def enter(site: SetupSite, context: BrowserContext, scripts: bool, path: str) -> Page:
    """Sign alice in, on the way to a page of the console."""
    page = context.new_page()
    page.goto(f"{site.service.origin(SLUG)}/saml/login?force=1&next={path}")  # a proof, for what reaches far
    past_forms(page, scripts)
    page.locator("input[name=username]").fill("alice")
    page.locator("input[name=password]").fill("alice")
    page.locator("input[name=password]").press("Enter")
    past_forms(page, scripts)
    page.wait_for_url(f"**{path}")
    return page


def test_the_authentication_context_is_broken_and_mended(site: SetupSite, context: BrowserContext, scripts: bool) -> None:
    """The test shows what is wrong before anybody meets it; the mended draft passes and is put in force."""
    settings = f"/tenants/{SLUG}/identity-providers/main/saml-settings"
    page = enter(site, context, scripts, "/admin/saml-attributes/main")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("checkbox", name="Password A password", exact=True).uncheck()
    page.get_by_role("checkbox", name="X509 An X.509 certificate", exact=True).check()
    page.get_by_label("Insist on the class").check()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Not tested")).to_be_visible()
    assert not scripts or faults_of(page) == []

    page.get_by_role("button", name="Test sign-in").click()
    if not scripts:
        page.get_by_role("link", name="Go to Company login").click()
        past_forms(page, scripts, 2)
    expect(page.get_by_role("heading", name="The test did not pass")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("authn_context_mismatch")
    expect(page.get_by_role("main")).to_contain_text("Anderson")
    assert not scripts or faults_of(page) == []
    assert site.service.api("GET", settings).json()["require_authn_context"] is False

    page.get_by_role("link", name="SAML attributes").click()
    page.get_by_role("link", name="Edit the draft").click()
    page.get_by_role("checkbox", name="X509 An X.509 certificate", exact=True).uncheck()
    page.get_by_label("Insist on the class").uncheck()
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("button", name="Test sign-in").click()
    if not scripts:
        page.get_by_role("link", name="Go to Company login").click()
        past_forms(page, scripts, 2)
    expect(page.get_by_role("heading", name="The test passed")).to_be_visible()
    page.get_by_role("button", name="Put the draft in force").click()
    expect(page.get_by_text("The draft is in force")).to_be_visible()
    assert site.service.api("GET", settings).json()["authn_context_class_ref"] == ""

    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_role("main")).to_contain_text(ALICE)
    assert not scripts or faults_of(page) == []
    page.get_by_text("Go back to this version").last.click()
    page.get_by_role("button", name="Go back to version 1", exact=True).click()
    expect(page.get_by_text("The settings of version 1 are in force again")).to_be_visible()
    assert site.service.api("GET", settings).json()["authn_context_class_ref"] == BLANK + "Password"


def test_what_the_server_says_shows_while_typing(site: SetupSite, browser: Browser) -> None:
    """At the field, in the preview, and as a warning; nothing is saved by it."""
    context = browser.new_context()
    page = enter(site, context, True, "/admin/saml-attributes/main")
    page.get_by_role("link", name="Edit").click()
    drawer = page.locator("#drawer")
    expect(drawer).to_be_visible()
    drawer.get_by_label("Signed assertions").uncheck()
    expect(drawer.get_by_text("anyone could sign in as anyone").last).to_be_visible()
    expect(drawer.get_by_text("Check the marked fields")).to_be_visible()
    drawer.get_by_label("Signed assertions").check()
    drawer.get_by_role("checkbox", name="Password A password", exact=True).uncheck()
    expect(drawer.locator("[data-preview]")).not_to_contain_text("RequestedAuthnContext")
    drawer.get_by_label("Signature method").select_option("http://www.w3.org/2000/09/xmldsig#rsa-sha1")
    expect(drawer.get_by_text("SHA-1 is broken for signatures")).to_be_visible()
    assert faults_of(page) == []
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).not_to_be_visible()
    assert site.service.api("GET", f"/tenants/{SLUG}/identity-providers/main/saml-settings/draft").status_code == 404
    context.close()


def test_the_second_of_two_administrators_loses_nothing(site: SetupSite, browser: Browser) -> None:
    """On a telephone: both changes are in the draft in the end."""
    contexts = [browser.new_context(viewport=NARROW) for _ in range(2)]  # type: ignore[arg-type]  # as playwright has it
    first, second = (enter(site, context, True, "/admin/saml-attributes/main/edit") for context in contexts)
    first.get_by_label("Clock skew").fill("45")
    first.get_by_role("button", name="Save draft").click()
    expect(first.get_by_text("The draft was saved")).to_be_visible()
    second.get_by_role("textbox", name="Phone").fill("mobile")
    second.get_by_role("button", name="Save draft").click()
    expect(second.get_by_role("main")).to_contain_text("45 seconds")
    expect(second.get_by_role("textbox", name="Phone")).to_have_value("mobile")
    assert (overflow_of(second), faults_of(second)) == (0, [])
    second.get_by_role("button", name="Save draft").click()
    expect(second.get_by_text("The draft was saved")).to_be_visible()
    draft = f"/tenants/{SLUG}/identity-providers/main/saml-settings/draft"
    changes = site.service.api("GET", draft).json()["changes"]
    assert set(changes) == {"attribute_map", "clock_skew_seconds"}
    assert site.service.api("DELETE", draft).status_code == 204
    for context in contexts:
        context.close()
