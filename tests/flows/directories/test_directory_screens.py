"""The console's screen of directories: connected, tried, changed, synchronised and taken away by its forms."""

from __future__ import annotations

import html

import pytest
from werkzeug.test import TestResponse

from tests.flows.console.walking import token_of
from tests.flows.directories.conftest import DirectoryWorld
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.organisations import accepted, made, set_access
from tests.support.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
HOME = "/admin/directories"


def post(browser: Browser, path: str, **fields: str) -> TestResponse:
    """A form as a page sends it."""
    return browser.post(path, data={"csrf_token": token_of(browser, f"{HOME}/"), **fields})


def text(answer: TestResponse) -> str:
    """What a page says."""
    return html.unescape(answer.get_data(as_text=True))


def form(directories: DirectoryWorld, **changes: str) -> dict[str, str]:
    """The whole form, good unless `changes` say otherwise."""
    slapd = directories.slapd
    good = {
        "name": "main",
        "display_name": "Company directory",
        "enabled": "on",
        "organisation_id": "",
        "urls": f"{slapd.ldaps}\r\n{slapd.starttls}",
        "ca_certificates": slapd.authority,
        "bind_dn": SERVICE,
        "password": SERVICE_PASSWORD,
        "base_dn": PEOPLE,
        "scope": "subtree",
        "user_filter": "(uid={username})",
        "disabled_filter": "",
        "subject_attribute": "entryUUID",
        "jit_provisioning": "on",
        "profile_update": "every_login",
        "map_username": "uid",
        "map_email": "mail\r\nmailAlternateAddress",
        "map_first_name": "givenName",
        "map_last_name": "sn",
        "map_phone": "",
        "group_attribute": "",
        "group_base_dn": "",
        "group_filter": "",
        "rule_attributes": "",
        "sync_hours": "",
        "sync_filter": "",
        "max_gone_percent": "20",
    }
    return good | changes


def test_an_administrator_connects_tries_and_takes_away_a_directory(directories: DirectoryWorld) -> None:
    """All of it without a script; the password is on no page."""
    admin = tenant_client(directories.world)
    assert "Active Directory" in text(admin.get(f"{HOME}/"))
    assert "objectGUID" in text(admin.get(f"{HOME}/new?like=active-directory"))
    made = post(admin, f"{HOME}/new", **form(directories))
    assert made.status_code == 303, text(made)
    shown = text(admin.get(f"{HOME}/main"))
    assert directories.slapd.starttls in shown
    assert "Nobody signs in by it yet" in shown
    tried = text(post(admin, f"{HOME}/main/test", username="ada"))
    assert tried.count("<small>good</small>") == 5
    assert "ada@acme.test" in tried
    edited = text(admin.get(f"{HOME}/main/edit"))
    assert "mail\nmailAlternateAddress</textarea>" in edited
    assert SERVICE_PASSWORD not in edited + shown + tried
    changed = post(admin, f"{HOME}/main/edit", **form(directories, password="", sync_hours="6", disabled_filter="(uid=off)"))
    assert changed.status_code == 303, text(changed)
    assert "every 6 hours" in text(admin.get(f"{HOME}/main"))
    assert post(admin, f"{HOME}/main/sync").status_code == 303
    assert directories.run() == 1
    assert "3 entries" in text(admin.get(f"{HOME}/main"))
    assert post(admin, f"{HOME}/main/remove").status_code == 303
    assert "No directory" in text(admin.get(f"{HOME}/"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "new"),
        ("name", "Über"),
        ("display_name", ""),
        ("urls", "http://x.example"),
        ("base_dn", "people"),
        ("user_filter", "(uid=x)"),
        ("password", ""),
        ("map_email", ""),
        ("map_phone", "userPassword"),
        ("sync_hours", "often"),
        ("sync_hours", "500"),
        ("max_gone_percent", ""),
        ("ca_certificates", "no PEM"),
        ("group_filter", "(member={dn})"),
    ],
)
def test_faults_stand_at_their_field(directories: DirectoryWorld, field: str, value: str) -> None:
    """422 with what was typed still there, but for the password; nothing is saved."""
    admin = tenant_client(directories.world)
    answer = post(admin, f"{HOME}/new", **form(directories, **{field: value}))
    assert answer.status_code == 422
    said = text(answer)
    marked = {"map_phone": "rule_attributes"}.get(field, field)
    fault = said.partition(f'id="{marked}-fault"')[2].partition(">")[2].partition("</p>")[0]
    assert fault, marked
    assert SERVICE_PASSWORD not in said
    assert directories.world.count("directory") == 0


def test_the_second_of_two_who_change_it_is_told(directories: DirectoryWorld) -> None:
    """By the form and by the API, which may leave the version out; a sync and another password change none."""
    world, admin, path = directories.world, tenant_client(directories.world), "/tenants/acme/directories/main"
    seen = directories.put().get_json()["version"]
    assert directories.put(password=SERVICE_PASSWORD, version=seen).get_json()["version"] == seen
    assert f'name="version" value="{seen}"' in text(admin.get(f"{HOME}/main/edit"))
    assert directories.put(jit_provisioning=False, version=seen).status_code == 200
    present = world.api("GET", path).get_json()
    assert present["version"] != seen
    refused = directories.put(display_name="Mine", version=seen)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "directory_changed")
    assert refused.get_json()["facts"] == {"version": present["version"]}
    late = post(admin, f"{HOME}/main/edit", **form(directories, display_name="Mine", version=seen))
    assert (late.status_code, "somebody has changed it meanwhile" in text(late)) == (409, True)
    assert world.api("GET", path).get_json() == present
    assert directories.put(name="other", version=seen).get_json()["code"] == "directory_changed"
    assert directories.put(display_name="Mine").status_code == 200
    shown = world.api("GET", path).get_json()["version"]
    answer = post(admin, f"{HOME}/main/edit", **form(directories, display_name="Ours", version=shown))
    assert answer.status_code == 303, text(answer)


def test_who_may_only_look_does_only_look(directories: DirectoryWorld) -> None:
    """A viewer and support see it; support may have it compared, and neither sees people in a test nor changes it."""
    assert directories.put().status_code == 201
    viewer, support = tenant_client(directories.world, role="viewer"), staff_client(directories.world, "support")
    assert "Test the connection" not in text(viewer.get(f"{HOME}/main"))
    for path in ("main/edit", "main/test", "main/sync", "main/remove", "new"):
        assert post(viewer, f"{HOME}/{path}").status_code == 403, path
    theirs = "/admin/tenants/acme/directories"
    token = token_of(support, f"{theirs}/")
    tried = {path: support.post(f"{theirs}/main/{path}", data={"csrf_token": token}).status_code for path in ("test", "sync")}
    assert tried == {"test": 403, "sync": 303}


def test_without_python_ldap_it_is_said(directories: DirectoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings can be saved; whatever would ask a directory says what is missing."""
    admin = tenant_client(directories.world)
    directories.connect()
    monkeypatch.setattr("tenants.directories.door.ldap", None)
    assert "without python-ldap" in text(admin.get(f"{HOME}/"))
    assert "without python-ldap" in text(admin.get(f"{HOME}/main"))
    assert post(admin, f"{HOME}/main/test").status_code == 409
    answer = directories.world.api("POST", "/tenants/acme/directories/main/sync")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "directory_support_missing")
    assert directories.sign_in("ada") == "directory_support_missing"
    assert directories.run() == 0


def test_its_page_says_whose_people_sign_in_by_it(directories: DirectoryWorld) -> None:
    """Where new people belong to an organisation that does not, nobody new comes in: said before anybody tries."""
    admin = tenant_client(directories.world)
    assert directories.put(sync_hours=1).status_code == 201
    sales = made(directories.world, "Sales")
    accepted(set_access(directories.world, sales, way="ldap", directory="main"))
    shown = text(admin.get(f"{HOME}/main"))
    assert "Nobody new comes in by it" in shown
    assert "compared with the directory every hour." in shown
    assert directories.put(organisation_id=sales).status_code == 200
    shown = text(admin.get(f"{HOME}/main"))
    assert "comes in by it" not in shown
    assert "<dt>By it sign in people of</dt><dd><bdi>Sales</bdi></dd>" in shown
