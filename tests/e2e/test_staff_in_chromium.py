"""Staff come in through Chromium, with a passkey of its virtual authenticator and with an authenticator app (A1)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from admin_ui.staff_accounts import Invitation, invite
from config.database import transaction
from tenants.roles import Role
from tests.e2e.console_crawl import faults_of, overflow_of
from tests.e2e.console_site import ConsoleSite, running_console
from tests.support.half_minutes import code_of_step, unused_step
from tests.support.staff import PASSWORD
from tests.support.world import utc_now

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
PICTURES = os.environ.get("STAFF_PICTURES")
"""A folder that each page is photographed into, for whoever looks at them."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """A console that knows its port: passkeys belong to an origin."""
    with running_console(tmp_path_factory.mktemp("staff")) as running:
        extensions = running.world.app.extensions
        own = dataclasses.replace(extensions["vestibule_settings"], app_url=f"http://localhost:{running.port}")
        extensions["vestibule_settings"] = own
        yield running


def invitation(site: ConsoleSite, email: str, role: Role = Role.STAFF) -> Invitation:
    """A colleague is invited."""
    with site.world.app.app_context(), transaction():
        return invite(email, "Sam Żółć-Müller", role, actor="test", now=utc_now())


def with_authenticator(context: BrowserContext) -> Page:
    """A page whose device has a finger that fits."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    return page


def judge(page: Page, name: str) -> None:
    """Axe finds nothing, nothing sticks out, one heading; and a picture for whoever asked for one."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    assert faults_of(page) == [], name
    assert overflow_of(page) <= 0, name
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize(("scheme", "window"), [("light", WIDE), ("dark", NARROW)])
def test_a_colleague_with_a_passkey(site: ConsoleSite, browser: Browser, scheme: str, window: dict[str, int]) -> None:
    """Invited, enrolled by passkey, signed out, in again without a password, and with password and passkey."""
    email = f"{scheme}@vestibule.test"
    context = browser.new_context(color_scheme=scheme, viewport=window)  # type: ignore[arg-type]  # as the parameters say
    page = with_authenticator(context)
    page.goto(site.address(invitation(site, email).path))
    judge(page, f"invitation-{scheme}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Use a passkey in place of the app").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    assert page.locator(".codes li").count() == 10
    judge(page, f"recovery-codes-{scheme}")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("main h1")).to_be_visible()
    page.goto(site.address("/admin/account/"))
    judge(page, f"account-{scheme}")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()
    judge(page, f"sign-in-{scheme}")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator(".shell")).to_be_visible()
    page.goto(site.address("/admin/sign-in?again=1&next=/admin/staff/"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("not the right one")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("do not belong together")).to_be_visible()
    assert page.get_by_label("E-mail").input_value() == email
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    judge(page, f"second-step-{scheme}")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Staff")).to_be_visible()
    judge(page, f"staff-{scheme}")
    context.close()


def test_a_colleague_without_scripts(site: ConsoleSite, browser: Browser) -> None:
    """App, password and recovery code need none."""
    context = browser.new_context(java_script_enabled=False, viewport=WIDE)  # type: ignore[arg-type]  # as above
    page = context.new_page()
    page.goto(site.address(invitation(site, "plain@vestibule.test").path))
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Password").fill("too short")
    page.get_by_label("Six digits from the app").fill(code_of_step(secret, unused_step(())))
    page.locator("input[name=password]").evaluate("field => field.removeAttribute('minlength')")
    page.get_by_role("button", name="Set up and sign in").click()
    expect(page.get_by_text("It takes 12 to 200 characters")).to_be_visible()
    assert page.locator("code.secret").inner_text() == secret, "what was scanned stays right"
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Six digits from the app").fill(code_of_step(secret, unused_step(())))
    page.get_by_role("button", name="Set up and sign in").click()
    code = page.locator(".codes li").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    page.locator("aside").get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail").fill("plain@vestibule.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("I have lost my second factor").click()
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Sign in with a recovery code").click()
    expect(page.locator("main h1")).to_be_visible()
    assert page.url.startswith(site.address("/admin/"))
    context.close()


def test_an_owner_looks_after_a_colleague(site: ConsoleSite, browser: Browser) -> None:
    """Invites, changes a role after being asked, and sees what happened."""
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]  # as above
    site.enter(context, "staff")
    page = context.new_page()
    page.goto(site.address("/admin/staff/invite"))
    judge(page, "invite")
    page.get_by_label("Name").fill("Joan 🦊 " + "x" * 80)
    page.get_by_role("textbox", name="E-mail", exact=False).fill("joan@vestibule.test")
    page.get_by_role("radio", name="Owner").check()
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_text("shown this once")).to_be_visible()
    judge(page, "link")
    page.get_by_role("link", name="Done").click()
    judge(page, "colleague")
    page.get_by_role("button", name="Make support").click()
    page.get_by_role("dialog").get_by_role("button", name="Make support").click()
    expect(page.get_by_text("The role was changed")).to_be_visible()
    expect(page.get_by_text("staff.role_changed")).to_be_visible()
    page.goto(site.address("/admin/account/app"))
    judge(page, "app")
    context.close()


@pytest.mark.parametrize(("role", "window"), [("admin", WIDE), ("admin", NARROW), ("viewer", WIDE)])
def test_administrators_are_named(site: ConsoleSite, browser: Browser, role: str, window: dict[str, int]) -> None:
    """At the tenant's own host; a viewer sees the list and no form."""
    context = browser.new_context(viewport=window)  # type: ignore[arg-type]  # as above
    site.enter(context, role, site.world.acme)
    page = context.new_page()
    page.goto(site.address("/admin/administrators/", site.world.acme))
    name = f"{role}-{window['width']}"
    judge(page, f"administrators-{name}")
    if role == "viewer":
        assert page.get_by_role("button", name="Name them").count() == 0
        context.close()
        return
    page.get_by_label("E-mail").fill("x@elsewhere.test")
    page.get_by_role("button", name="Name them").click()
    expect(page.get_by_text("none of this organisation's e-mail domains")).to_be_visible()
    page.get_by_label("E-mail").fill(f"ada{window['width']}@acme.test")
    page.get_by_role("button", name="Name them").click()
    expect(page.get_by_text("is an administrator now")).to_be_visible()
    page.get_by_label("Attribute").fill("groups")
    page.get_by_label("Value").fill(f"SSO admins {window['width']}")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_text("holds from each person's next sign-in")).to_be_visible()
    judge(page, f"administrators-{name}-full")
    context.close()
