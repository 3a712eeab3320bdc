"""People and their devices in Chromium: an application signs in by the browser, is signed out, and logout comes in a frame."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.service import Service, start_service
from tests.support.simplesamlphp import ServiceProvider, SimpleSAMLphp, start_simplesamlphp
from tests.unit.docs.pages import blocks, page

WAIT_SECONDS = 60
MAPPED = "import socket\n_real = socket.getaddrinfo\nsocket.getaddrinfo = lambda host, *a, **k: _real('127.0.0.1', *a, **k)\n"
"""The system's resolver may not know *.localhost, as browsers do: the example is run as it stands, with this beside it."""


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSAMLphp]:
    """SimpleSAMLphp, which tells the others of a sign-out in frames of its page."""
    running = start_simplesamlphp(tmp_path_factory.mktemp("simplesamlphp"), logout_type="iframe")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, idp: SimpleSAMLphp) -> Iterator[Service]:
    """The service with two tenants at one identity provider, where one person has an address at both."""
    folder = tmp_path_factory.mktemp("service")
    running = start_service(folder, f"sqlite:///{folder / 'vestibule.db'}")
    idp.add_person("both", "both@acme.test", otherMail="both@globex.test", givenName="Bo", sn="Thea")
    for slug in ("acme", "globex"):
        tenant = {"slug": slug, "name": slug.title(), "email_domains": [f"{slug}.test"]}
        assert running.api("POST", "/tenants", json=tenant).status_code == 201
        main = f"/tenants/{slug}/identity-providers/main"
        body = {"display_name": "Company login", "metadata_xml": idp.metadata()}
        assert running.api("PUT", main, json=body).status_code == 201
        idp.register(ServiceProvider(running.get("/saml/metadata", slug).content))
    other = {"attribute_map": {"email": ["otherMail"], "username": ["uid"]}}
    assert running.api("PATCH", "/tenants/globex/identity-providers/main/saml-settings", json=other).status_code == 200
    yield running
    running.running.stop()


def sign_in(page: Page, origin: str) -> None:
    """At the identity provider, which asks for the password where it does not know the browser yet."""
    page.goto(f"{origin}/saml/login?next=/account")
    page.wait_for_load_state()
    if page.locator("input[name=username]").count():
        page.locator("input[name=username]").fill("both")
        page.locator("input[name=password]").fill("both")
        page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{origin}/account")


def test_the_example_signs_in_by_the_browser(browser: Browser, service: Service, tmp_path: Path) -> None:
    """As it stands in the guide: the page asks, the application gets its session, and the person signs it out."""
    (tmp_path / "client.py").write_text(blocks(page("how-to/native.md"), "python")[0])
    (tmp_path / "sitecustomize.py").write_text(MAPPED)
    opened = tmp_path / "opened"
    opener = tmp_path / "opener.sh"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    environment = {**os.environ, "BROWSER": f"{opener} %s", "PYTHONPATH": str(tmp_path)}
    origin = service.origin("acme")
    command = [sys.executable, "client.py", origin]
    context = browser.new_context()
    tab = context.new_page()
    sign_in(tab, origin)
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as client:
        ends = time.monotonic() + WAIT_SECONDS
        while not opened.exists():
            assert client.poll() is None, "the example ended before it opened a page"
            assert time.monotonic() < ends, "the example opened no page"
            time.sleep(0.05)
        tab.goto(opened.read_text())
        expect(tab.get_by_role("heading", name="Sign in to Example CLI?")).to_be_visible()
        tab.get_by_role("button", name="Sign in", exact=True).click()
        expect(tab.get_by_text("You may close this window")).to_be_visible()
        said, _ = client.communicate(timeout=WAIT_SECONDS)
    assert said.strip() == "Signed in as both@acme.test"
    tab.goto(f"{origin}/account")
    tab.get_by_role("button", name="Sign out Example CLI (application)").click()
    expect(tab.get_by_role("status")).to_have_text("1 device is signed out.")
    expect(tab.get_by_text("Example CLI")).to_have_count(0)
    tab.get_by_role("button", name=re.compile("this device")).click()
    tab.wait_for_url("**/?signed_out=*")
    context.close()


def test_a_logout_in_a_frame(browser: Browser, service: Service, idp: SimpleSAMLphp) -> None:
    """The identity provider shows the other tenant's answer in a frame of its own page; without a cookie the session ends."""
    context = browser.new_context()
    tab = context.new_page()
    for slug in ("acme", "globex"):
        sign_in(tab, service.origin(slug))
    framed: list[str] = []
    tab.on("framenavigated", lambda frame: framed.append(frame.url) if frame.parent_frame else None)
    tab.goto(service.origin("acme") + "/")
    tab.get_by_role("button", name="Sign out").click()
    tab.locator("#logout-all, #logout-type-selector").first.wait_for(state="attached")
    tab.locator("#logout-all").click()
    tab.wait_for_url("**/?signed_out=everywhere", timeout=WAIT_SECONDS * 1000)
    assert framed, "nothing was shown in a frame"
    tab.goto(service.origin("globex") + "/account")
    assert not tab.url.startswith(service.origin("globex") + "/account"), idp.log()
    context.close()
