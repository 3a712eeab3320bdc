"""A local account in Chromium: invitation, password, app, passkey, own page; and break-glass while the provider is down."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from config.database import transaction, write
from config.isolation import every_tenant
from tenants.models import IdentityProvider
from tests.e2e.console_crawl import faults_of, overflow_of
from tests.e2e.console_site import ConsoleSite, running_console
from tests.e2e.take_console_pictures import small
from tests.e2e.test_staff_in_chromium import NARROW, WIDE, with_authenticator
from tests.support.half_minutes import code_of_step, unused_step
from tests.support.local_accounts import REASON, LocalPerson, allow_local

PASSWORD = "three otters knit quietly"
PICTURES = os.environ.get("LOCAL_PICTURES")
"""A folder that each page is photographed into, for whoever looks at them; some stand in docs/images/local-accounts."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """A console that knows its port: passkeys and forms belong to an origin."""
    with running_console(tmp_path_factory.mktemp("local")) as running:
        extensions = running.world.app.extensions
        port = {"app_url": f"http://localhost:{running.port}", "tenant_url": f"http://{{slug}}.localhost:{running.port}"}
        extensions["vestibule_settings"] = dataclasses.replace(extensions["vestibule_settings"], **port)
        allow_local(running.world)
        yield running


def judge(page: Page, name: str) -> None:
    """Axe finds nothing, nothing sticks out, one heading; and a picture for whoever asked for one."""
    if PICTURES:
        small(page.screenshot(full_page=True)).save(Path(PICTURES) / f"{name}.png", optimize=True)
    assert faults_of(page) == [], name
    assert overflow_of(page) <= 0, name
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize(("scheme", "window"), [("light", WIDE), ("dark", NARROW)])
def test_from_the_invitation_to_break_glass(
    site: ConsoleSite, browser: Browser, scheme: str, window: dict[str, int]
) -> None:
    """Everything that a person sees, in either theme, on a wide screen and on a telephone."""
    acme = site.world.acme
    lin = LocalPerson(site.world, name=f"lin-{scheme}")
    context = browser.new_context(color_scheme=scheme, viewport=window)  # type: ignore[arg-type]  # as the parameters say
    page = with_authenticator(context)

    page.goto(site.address(lin.invited(), acme))
    page.get_by_label("Password").fill(PASSWORD)
    judge(page, f"link-{scheme}")
    page.get_by_role("button", name="Set the password").click()
    judge(page, f"done-{scheme}")
    page.get_by_role("link", name="Sign in").click()
    judge(page, f"sign-in-{scheme}")
    page.get_by_label("E-mail or username").fill(lin.email)
    page.get_by_label("Password").fill("wrong, and long enough")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("do not belong together")).to_be_visible()
    judge(page, f"sign-in-wrong-{scheme}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    page.goto(site.address("/account", acme))
    judge(page, f"devices-{scheme}")

    page.goto(site.address("/account/sign-in", acme))
    page.locator("summary", has_text="Authenticator app").click()
    secret = page.locator("code.secret").first.inner_text()
    page.locator("#p-app").fill(PASSWORD)
    judge(page, f"account-app-{scheme}")
    first = unused_step(())
    page.get_by_label("Six digits from the app").fill(code_of_step(secret, first))
    page.get_by_role("button", name="Use this app").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    judge(page, f"codes-{scheme}")
    page.get_by_role("link", name="I have kept them").click()
    page.locator("summary", has_text="Passkeys").click()
    page.get_by_label("Name of a new passkey").fill("Work laptop")
    page.locator("#p-passkey").fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey was added.")).to_be_visible()
    judge(page, f"account-{scheme}")

    context.clear_cookies()
    page.goto(site.address("/sign-in", acme))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()

    lin.named()
    allow_local(site.world, sso_required=True)
    _provider(site, enabled=False)
    try:
        context.clear_cookies()
        page.goto(site.address("/", acme))
        judge(page, f"provider-down-{scheme}")
        page.get_by_role("link", name="Emergency access").click()
        page.get_by_label("E-mail or username").fill(lin.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Why is it needed?").fill(REASON)
        judge(page, f"break-glass-{scheme}")
        page.get_by_role("button", name="Go on to the second factor").click()
        judge(page, f"second-factor-{scheme}")
        page.get_by_label("Code from your authenticator app").fill(code_of_step(secret, unused_step([first])))
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_text("Break-glass was used").first).to_be_visible()
        judge(page, f"overview-{scheme}")
        page.goto(site.address("/admin/break-glass/", acme))
        judge(page, f"console-break-glass-{scheme}")
        page.goto(site.address(f"/admin/local-accounts/{lin.user_id}", acme))
        judge(page, f"console-account-{scheme}")
        page.goto(site.address("/admin/local-accounts/", acme))
        judge(page, f"console-accounts-{scheme}")
    finally:
        _provider(site, enabled=True)
        allow_local(site.world)
        context.close()


def _provider(site: ConsoleSite, *, enabled: bool) -> None:
    """The identity provider stops, or is back."""
    with site.world.app.app_context(), transaction(), every_tenant():
        write(sa.update(IdentityProvider).values(enabled=enabled))
