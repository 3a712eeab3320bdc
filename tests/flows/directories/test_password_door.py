"""One form at a tenant's door: names and passwords go to the way of whose they are, and are counted alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from tests.flows.directories.conftest import DirectoryWorld
from tests.support.browser import Browser
from tests.support.local_accounts import LocalPerson

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def give(browser: Browser, name: str, password: str, **fields: str) -> TestResponse:
    """The form, as a browser sends it."""
    body = {"name": name, "password": password, **fields}
    return browser.post("/sign-in", data=body, headers={"Origin": f"http://{browser.host}"})


def test_somebody_comes_in_by_the_form(directories: DirectoryWorld) -> None:
    """The page has a form and no way to set a password anew here; whoever comes in gets to where they were going."""
    browser = directories.world.browser()
    assert 'name="password"' not in browser.get("/").get_data(as_text=True)
    directories.connect()
    page = browser.get("/").get_data(as_text=True)
    assert 'action="/sign-in"' in page
    assert "Forgotten" not in page
    assert "passkey" not in page
    wrong = give(browser, "ada", "wrong")
    assert (wrong.status_code, 'data-code="sign_in_failed"' in wrong.get_data(as_text=True)) == (403, True)
    answer = give(browser, "ada", "ada-password", next="/somewhere")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/somewhere")
    user = browser.get("/session").get_json()["user"]
    assert (user["email"], user["username"], user["name_id"]) == ("ada@acme.test", "ada", None)
    assert "ada@acme.test" in browser.get("/").get_data(as_text=True)
    assert directories.people()["ada"]["directory"] == "main"
    attempts = directories.world.api("GET", "/tenants/acme/attempts").get_json()["items"]
    assert [attempt["code"] for attempt in attempts] == [None, "sign_in_failed"]
    receipt = directories.world.api("GET", f"/tenants/acme/attempts/{attempts[0]['id']}").get_json()
    assert [check["id"] for check in receipt["checks"]][:3] == ["directory_answers", "directory_entry", "directory_password"]
    assert "ada-password" not in str(directories.world.rows())


@ON_SQLITE
def test_a_form_from_elsewhere_asks_no_directory(directories: DirectoryWorld) -> None:
    """Somebody else's page signs nobody in."""
    directories.connect()
    browser = directories.world.browser()
    body = {"name": "ada", "password": "ada-password"}
    assert browser.post("/sign-in", data=body, headers={"Origin": "http://globex.localhost:8000"}).status_code == 400
    assert browser.get("/session").status_code == 401


@ON_SQLITE
def test_a_directory_that_is_down_is_a_page_of_its_own(directories: DirectoryWorld) -> None:
    """503 without the cause, which the receipt has; and it is no guess that makes people wait."""
    extensions = directories.world.app.extensions
    extensions["vestibule_settings"] = replace(extensions["vestibule_settings"], rate_limits=True)
    directories.connect(urls=["ldaps://localhost:1"])
    browser = directories.world.browser()
    for _ in range(8):
        answer = give(browser, "ada", "ada-password")
        shown = answer.get_data(as_text=True)
        assert (answer.status_code, 'data-code="directory_unavailable"' in shown) == (503, True)
        assert "localhost:1" not in shown
    (latest, *_) = directories.world.api("GET", "/tenants/acme/attempts").get_json()["items"]
    assert latest["code"] == "directory_unavailable"
    directories.connect()
    assert give(browser, "ada", "ada-password").status_code == 303


@ON_SQLITE
@pytest.mark.usefixtures("clock_stands")
def test_guesses_wait_and_strangers_shut_nobody_out(directories: DirectoryWorld) -> None:
    """Five wrong ones for a name from an address, whether it is somebody's or not; a browser that was in goes on."""
    directories.connect()
    own = directories.world.browser()
    assert give(own, "ada", "ada-password").status_code == 303
    extensions = directories.world.app.extensions
    extensions["vestibule_settings"] = replace(extensions["vestibule_settings"], rate_limits=True)
    for name in ("ada", "nobody"):
        stranger = directories.world.browser()
        codes = [give(stranger, name, "wrong").status_code for _ in range(6)]
        assert codes == [403] * 5 + [429], name
    assert give(own, "ada", "ada-password").status_code == 303


@ON_SQLITE
def test_a_company_mixes_local_accounts_and_a_directory(directories: DirectoryWorld) -> None:
    """Sales by the directory, IT by local accounts, at one door; no way is taken in place of another."""
    world = directories.world
    assert directories.put().status_code == 201
    person = LocalPerson(world, name="grace")
    directories.set_access({"way": "local"})
    person.enrolled()
    sales = directories.add_organisation("Sales", {"way": "ldap", "directory_id": directories.id_of("main")})
    assert directories.put(organisation_id=sales).status_code == 200
    assert give(world.browser(), "ada", "ada-password").status_code == 303
    assert give(world.browser(), "grace@acme.test", person.password).status_code == 303
    assert give(world.browser(), "grace@acme.test", "wrong").status_code == 403
    assert give(world.browser(), "ada", person.password).status_code == 403
    assert directories.people()["ada"]["active"]
