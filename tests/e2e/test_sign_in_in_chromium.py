"""A whole sign-in in Chromium: our service and SimpleSAMLphp in processes of their own, cookies as a browser sends them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.service import Service, start_service
from tests.support.simplesamlphp import ServiceProvider, SimpleSAMLphp, start_simplesamlphp

SESSION_COOKIE, LOGIN_COOKIE = "__Host-vestibule_session", "__Host-vestibule_login"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSAMLphp]:
    """One SimpleSAMLphp for this module."""
    running = start_simplesamlphp(tmp_path_factory.mktemp("simplesamlphp"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, idp: SimpleSAMLphp) -> Iterator[Service]:
    """The service with two workers and two tenants, both at the same identity provider."""
    folder = tmp_path_factory.mktemp("service")
    running = start_service(folder, f"sqlite:///{folder / 'vestibule.db'}", workers=2)
    for slug in ("acme", "globex"):
        tenant = {"slug": slug, "name": slug.title(), "email_domains": [f"{slug}.test"]}
        assert running.api("POST", "/tenants", json=tenant).status_code == 201
        body = {"display_name": "Company login", "metadata_xml": idp.metadata()}
        assert running.api("PUT", f"/tenants/{slug}/identity-providers/main", json=body).status_code == 201
        idp.register(ServiceProvider(running.get("/saml/metadata", slug).content))
    yield running
    running.running.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own for each test, in which anything that goes wrong on a page fails the test."""
    opened = browser.new_context()
    yield opened
    opened.close()


def sign_in(page: Page, service: Service, slug: str, person: str, path: str = "/") -> None:
    """What a person does: open the address, take the button, sign in at the identity provider, land."""
    page.goto(service.origin(slug) + path)
    page.get_by_role("link", name=re.compile("Company login")).click()
    page.locator("input[name=username]").fill(person)
    page.locator("input[name=password]").fill(person)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(service.origin(slug) + "/")


@pytest.mark.parametrize("binding", ["post", "redirect"])
def test_a_person_signs_in_and_out(context: BrowserContext, service: Service, binding: str) -> None:
    """Without typing anything at our side; the landing page says who, through what and until when; then out again."""
    settings = "/tenants/acme/identity-providers/main/saml-settings"
    assert service.api("PATCH", settings, json={"request_binding": binding}).status_code == 200
    page = context.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        place = str(message.location["url"])
        if message.type == "error" and f":{service.port}" in place:  # the identity provider's pages have errors of their own
            problems.append(f"{message.text} at {place}")

    page.on("console", note)
    sign_in(page, service, "acme", "alice")
    main = page.get_by_role("main")
    for text in ("Alice Anderson", "alice@acme.test", "Company login"):
        expect(main).to_contain_text(text)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/?signed_out=everywhere")
    expect(main).to_contain_text("has signed you out too")
    expect(page.get_by_role("link", name=re.compile("Company login"))).to_be_visible()
    assert [cookie["name"] for cookie in context.cookies(service.origin("acme")) if cookie["name"] == SESSION_COOKIE] == []
    assert problems == []


def test_which_cookies_come_with_which_request(context: BrowserContext, service: Service) -> None:
    """With the identity provider's cross-site POST only the login cookie comes; after the 303 the session comes too."""
    page = context.new_page()

    def is_of_acs(request: Request) -> bool:
        return request.method == "POST" and request.url.endswith("/saml/acs")

    sign_in(page, service, "acme", "alice")
    with page.expect_request_finished(is_of_acs) as posted:
        page.goto(service.origin("acme") + "/saml/login?next=/session")
    page.wait_for_url("**/session")
    cookies = posted.value.all_headers().get("cookie", "")
    assert {part.partition("=")[0].strip() for part in cookies.split(";")} == {LOGIN_COOKIE}
    assert "alice@acme.test" in page.content()
    facts = {cookie["name"]: cookie for cookie in context.cookies(service.origin("acme"))}
    assert facts[SESSION_COOKIE]["sameSite"] == "Lax"
    assert facts[LOGIN_COOKIE]["sameSite"] == "None"
    for cookie in (facts[SESSION_COOKIE], facts[LOGIN_COOKIE]):
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert cookie["domain"] == "acme.localhost"


def test_two_tabs_at_once(context: BrowserContext, service: Service) -> None:
    """Two sign-ins under way in one browser do not spoil each other."""
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto(service.origin("acme") + "/saml/login?next=/session")
        page.locator("input[name=username]").wait_for()
    for page in (first, second):
        page.locator("input[name=username]").fill("alice")
        page.locator("input[name=password]").fill("alice")
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url("**/session")
        assert "alice@acme.test" in page.content()


def test_a_sign_in_begun_in_another_browser(browser: Browser, context: BrowserContext, service: Service) -> None:
    """Login CSRF: an attacker's good answer, sent by the victim's browser, signs nobody in and says so kindly."""
    attacker = context.new_page()
    attacker.route("**/saml/acs", lambda route: route.abort())
    attacker.goto(service.origin("acme") + "/saml/login")
    attacker.locator("input[name=username]").fill("alice")
    attacker.locator("input[name=password]").fill("alice")
    with attacker.expect_request("**/saml/acs") as captured:
        attacker.locator("input[name=password]").press("Enter")
    victim_context = browser.new_context()
    victim = victim_context.new_page()
    victim.goto("about:blank")
    fields = dict(part.split("=", 1) for part in (captured.value.post_data or "").split("&"))
    inputs = "".join(f'<input name="{name}" value="{unquote_plus(value)}">' for name, value in fields.items())
    victim.set_content(f'<form method="post" action="{service.origin("acme")}/saml/acs">{inputs}</form>')
    victim.eval_on_selector("form", "form => form.submit()")
    expect(victim.locator('main[data-code="login_state_lost"]')).to_be_visible()
    expect(victim.get_by_role("link", name=re.compile("again", re.IGNORECASE))).to_be_visible()
    assert [cookie["name"] for cookie in victim_context.cookies()] == ["__Host-vestibule_stay"], "neither a session nor a login"
    victim_context.close()


def test_a_former_mydomain_goes_on_working(context: BrowserContext, service: Service) -> None:
    """After the move the identity provider still posts to the old host; the browser ends at the new one, signed in."""
    assert service.api("PATCH", "/tenants/globex", json={"slug": "globex-group"}).status_code == 200
    page = context.new_page()
    page.goto(service.origin("globex") + "/")
    page.wait_for_url(service.origin("globex-group") + "/")
    page.get_by_role("link", name=re.compile("Company login")).click()
    page.locator("input[name=username]").fill("erin")
    page.locator("input[name=password]").fill("erin")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(service.origin("globex-group") + "/")
    expect(page.get_by_role("main")).to_contain_text("erin@globex.test")


def test_where_sign_ins_start_at_the_identity_provider(context: BrowserContext, service: Service, idp: SimpleSAMLphp) -> None:
    """A deep link is gone to, the identity provider's own page asks, and the browser lands where it was going (Q7).

    A silent attempt before that ends at a page which leads there by its button; nothing goes on by itself.
    """
    tenant = {"slug": "initech", "name": "Initech", "email_domains": ["initech.test"]}
    assert service.api("POST", "/tenants", json=tenant).status_code == 201
    main = "/tenants/initech/identity-providers/main"
    body = {"display_name": "Company login", "metadata_xml": idp.metadata()}
    assert service.api("PUT", main, json=body).status_code == 201
    entity_id = idp.register(ServiceProvider(service.get("/saml/metadata", "initech").content))
    idp.add_person("ines", "ines@initech.test")
    deep, page = service.origin("initech") + "/account", context.new_page()
    page.goto(service.origin("initech") + "/saml/login?passive=1&next=/account")
    expect(page.locator('main[data-code="status_not_success"]')).to_contain_text("NoPassive")
    expect(page.get_by_role("link", name="Start again")).to_have_attribute("href", "/saml/login?next=%2Faccount")
    settings = {"allow_idp_initiated": True, "idp_login_url": idp.start_url(entity_id)}
    assert service.api("PATCH", f"{main}/saml-settings", json=settings).status_code == 200
    page.goto(deep)
    assert page.url.startswith(idp.base)
    page.locator("input[name=username]").fill("ines")
    page.locator("input[name=password]").fill("ines")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(deep)
    expect(page.get_by_role("main")).to_contain_text("this device")
