"""People in the console, in Chromium: found, added, switched off, joined anew; a file from upload to result."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from identity.people_import import run_due_imports
from tests.e2e.console_site import ConsoleSite, running_console
from tests.support.world import utc_now

POLL_SECONDS = 0.2
PICTURES = os.environ.get("PEOPLE_PICTURES")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """A console with a worker that looks after imports."""
    with running_console(tmp_path_factory.mktemp("people")) as running:
        over = threading.Event()

        def work() -> None:
            with running.world.app.app_context():
                while not over.wait(POLL_SECONDS):
                    run_due_imports(utc_now())

        worker = threading.Thread(target=work)
        worker.start()
        yield running
        over.set()
        worker.join()


@pytest.fixture
def admin(site: ConsoleSite, browser: Browser) -> Iterator[Page]:
    """An administrator of acme."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    site.enter(context, "admin", site.world.acme)
    page = context.new_page()
    yield page
    context.close()


def picture(page: Page, name: str) -> None:
    """For a designer's eye, where one asks for it."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_a_person_is_found_and_looked_after(site: ConsoleSite, admin: Page) -> None:
    """Search, filter, page of the person, edit, off, relink."""
    admin.goto(site.address("/admin/people/", site.world.acme))
    picture(admin, "list")
    admin.get_by_label("Part of a name, e-mail or username").fill("hopp")
    admin.get_by_role("button", name="Show").click()
    expect(admin.locator("tbody tr")).to_have_count(1)
    admin.get_by_role("link", name="Grace Hopper").click()
    expect(admin.get_by_role("heading", level=1)).to_have_text("Grace Hopper")
    picture(admin, "person")
    admin.get_by_role("link", name="Edit", exact=True).click()
    admin.get_by_label("E-mail").fill("grace@globex.test")
    admin.get_by_role("button", name="Save").click()
    expect(admin.locator("[data-fault-of=email]")).to_contain_text("proven e-mail domains")
    picture(admin, "form-fault")
    admin.get_by_label("E-mail").fill("grace@acme.test")
    admin.get_by_role("button", name="Save").click()
    expect(admin.locator("main")).to_contain_text("grace@acme.test")
    admin.get_by_role("button", name="Switch off").click()
    admin.locator("dialog [data-confirm-ok]").click()
    expect(admin.locator("main")).to_contain_text("This account is switched off.")
    admin.get_by_role("button", name="Switch on").click()
    admin.get_by_label("Reason").fill("a new directory")
    admin.get_by_role("button", name="Relink").click()
    admin.locator("dialog [data-confirm-ok]").click()
    expect(admin.locator("main")).to_contain_text("expected")


def test_somebody_is_added_and_a_session_ended(site: ConsoleSite, admin: Page) -> None:
    """A new person by form; a browser of somebody's is signed out from the list of sessions."""
    admin.goto(site.address("/admin/people/new", site.world.acme))
    admin.get_by_label("E-mail").fill("new.person@acme.test")
    admin.get_by_role("button", name="Add this person").click()
    expect(admin.get_by_role("heading", level=1)).to_have_text("new.person@acme.test")
    browser = site.world.browser()
    site.world.sign_in(browser, name_id="zed", attributes={"mail": ["zed@acme.test"]})
    admin.goto(site.address("/admin/sessions/?q=zed", site.world.acme))
    picture(admin, "sessions")
    admin.get_by_role("button", name=re.compile("^End: ")).click()
    expect(admin.locator("main")).to_contain_text("The session has ended.")
    assert browser.get("/session").status_code == 401


def test_a_file_goes_from_upload_to_result(site: ConsoleSite, admin: Page, tmp_path: Path) -> None:
    """Preview with its tabs, then all of it."""
    file = tmp_path / "people.csv"
    rows = [f"csv{number}@acme.test,First{number},Last" for number in range(120)]
    lines = ["email,first_name,last_name", *rows, "person0@acme.test,Augusta,", "x@elsewhere.test,,"]
    file.write_text("\r\n".join(lines))
    admin.goto(site.address("/admin/people-imports/", site.world.acme))
    picture(admin, "import")
    admin.get_by_label("CSV file").set_input_files(str(file))
    admin.get_by_role("button", name="Show what it would do").click()
    apply = admin.get_by_role("button", name="Apply: 120 added, 1 changed")
    expect(apply).to_be_visible()
    picture(admin, "import-preview")
    admin.get_by_role("link", name="Changed 1").click()
    expect(admin.locator("tbody")).to_contain_text("Augusta")
    picture(admin, "import-changed")
    admin.get_by_role("link", name="Refused 1").click()
    expect(admin.locator("tbody")).to_contain_text("proven e-mail domains")
    picture(admin, "import-refused")
    admin.get_by_label("Leave out the refused line").check()
    admin.get_by_role("button", name="Apply: 120 added, 1 changed").click()
    expect(admin.locator("main")).to_contain_text("120 added, 1 changed")
    picture(admin, "import-applied")


def test_a_file_that_is_none_says_why(site: ConsoleSite, admin: Page, tmp_path: Path) -> None:
    """On the page that it was chosen on."""
    file = tmp_path / "people.csv"
    file.write_bytes(b"PK\x03\x04\x00\x00 not a table")
    admin.goto(site.address("/admin/people-imports/", site.world.acme))
    admin.get_by_label("CSV file").set_input_files(str(file))
    admin.get_by_role("button", name="Show what it would do").click()
    expect(admin.locator("[data-faults]")).to_contain_text("NUL")
