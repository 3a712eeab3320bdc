"""CSV files of people: read, compared, shown, applied whole or not at all (P7)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import Any

import pytest

from admin_ui.screen import MAX_FORM
from config.database import transaction
from identity.import_records import claim_import
from identity.people_import import run_due_imports
from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, events_of, token_for
from tests.support.browser import code_of
from tests.support.console import tenant_client
from tests.support.world import World, utc_now

IMPORTS = "/tenants/acme/people-imports"
USERS = "/tenants/acme/users"


def upload(world: World, file: str | bytes, *, token: str | None = None, run: bool = True) -> dict[str, Any]:
    """Send a file and let a worker compare it."""
    content = file.encode() if isinstance(file, str) else file
    answer = world.api("POST", IMPORTS, token, data=content, content_type="text/csv")
    assert answer.status_code == 202, answer.get_data(as_text=True)
    if run:
        work(world)
    found: dict[str, Any] = world.api("GET", f"{IMPORTS}/{answer.get_json()['id']}").get_json()
    return found


def work(world: World) -> int:
    """One run of the job."""
    with world.app.app_context():
        return run_due_imports(utc_now())


def lines(world: World, found: dict[str, Any], outcome: str) -> list[dict[str, Any]]:
    """Lines of a preview."""
    items: list[dict[str, Any]] = world.api("GET", f"{IMPORTS}/{found['id']}/lines?outcome={outcome}").get_json()["items"]
    return items


def apply(world: World, found: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Say yes, and let a worker do it."""
    asked = world.api("POST", f"{IMPORTS}/{found['id']}/apply", json={"fingerprint": found["fingerprint"], **more})
    assert asked.status_code == 202, asked.get_data(as_text=True)
    work(world)
    after: dict[str, Any] = world.api("GET", f"{IMPORTS}/{found['id']}").get_json()
    return after


def people(world: World) -> dict[str, dict[str, Any]]:
    """Everybody at acme by address."""
    return {item["email"]: item for item in world.api("GET", f"{USERS}?limit=200").get_json()["items"]}


def test_a_file_is_shown_and_then_applied(world: World) -> None:
    """Nothing happens before somebody says yes; then all of what was shown does."""
    world.sign_in(world.browser())
    found = upload(world, "email,first_name,last_name\nada@acme.test,Ada,King\nben@acme.test,Ben,\nada@acme.test,Eve,\n")
    assert (found["state"], found["counts"]) == ("ready", {"added": 1, "changed": 1, "unchanged": 0, "refused": 1, "moved": 0})
    assert people(world).keys() == {"ada@acme.test"}
    (changed,) = lines(world, found, "changed")
    assert changed["changes"] == {"last_name": ["Lovelace", "King"]}
    (refused,) = lines(world, found, "refused")
    assert (refused["line"], refused["problems"]) == (4, [{"column": "email", "reason": "The same stands in line 2."}])
    asked = world.api("POST", f"{IMPORTS}/{found['id']}/apply", json={"fingerprint": found["fingerprint"]})
    assert code_in(asked) == (409, "import_has_refusals")
    assert apply(world, found, leave_out_refused=True)["state"] == "applied"
    after = people(world)
    assert after["ada@acme.test"]["last_name"] == "King"
    assert (after["ben@acme.test"]["first_name"], after["ben@acme.test"]["last_login_at"]) == ("Ben", None)
    types = [event["type"] for event in events_of(world)][:3]
    assert sorted(types) == ["people.imported", "user.created", "user.updated"]
    assert events_of(world)[0]["actor"].startswith("token:")


def test_who_was_prepared_is_joined_at_the_first_sign_in(world: World) -> None:
    """The row is theirs from then on (P3)."""
    apply(world, upload(world, "email,phone\nada@acme.test,+44 20 1234\n"))
    prepared = people(world)["ada@acme.test"]
    assert world.sign_in(world.browser()).status_code == 303
    joined = people(world)["ada@acme.test"]
    assert (joined["id"], joined["phone"], joined["name_id"]) == (prepared["id"], "+44 20 1234", "ada@acme.test")


def test_an_export_comes_back_unchanged(world: World) -> None:
    """Formulas are marked on the way out and are what they were on the way in."""
    attributes = {"mail": ["ada@acme.test"], "givenName": ["=1+1"], "sn": ["'=x"], "telephoneNumber": ["+44 20"], "uid": ["-a"]}
    world.sign_in(world.browser(), attributes=attributes)
    world.sign_in(world.browser(), name_id="zoë", attributes={"mail": ["zoe@acme.test"], "givenName": ['Zoë "Z", ; x']})
    answer = world.api("GET", f"{USERS}.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-people.csv"'
    (_head, row, _zoe) = csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline=""))
    assert row[1:6] == ["'-a", "ada@acme.test", "'=1+1", "''=x", "'+44 20"]
    found = upload(world, answer.get_data())
    assert (found["counts"], found["warnings"]) == ({"added": 0, "changed": 0, "unchanged": 2, "refused": 0, "moved": 0}, [])


def test_jsonl_has_values_as_they_are(world: World) -> None:
    """One document a line."""
    world.sign_in(world.browser(), attributes={"mail": ["ada@acme.test"], "givenName": ["=1+1"]})
    (line,) = world.api("GET", f"{USERS}.jsonl").get_data(as_text=True).splitlines()
    assert '"first_name": "=1+1"' in line


def test_an_absent_column_and_an_empty_cell_wipe_nothing(world: World) -> None:
    """Who is switched off stays so, whatever the file says (P8)."""
    world.sign_in(world.browser())
    ada = people(world)["ada@acme.test"]
    world.api("PATCH", f"{USERS}/{ada['id']}", json={"active": False})
    apply(world, upload(world, "email,first_name,last_name,active\nada@acme.test,Augusta,,\n"))
    after = people(world)["ada@acme.test"]
    assert (after["first_name"], after["last_name"], after["active"]) == ("Augusta", "Lovelace", False)
    assert upload(world, "email;active\nada@acme.test;yes\n")["counts"]["refused"] == 1


def test_switching_off_by_file_ends_sessions(world: World) -> None:
    """At once (P8)."""
    browser = world.browser()
    world.sign_in(browser)
    apply(world, upload(world, "email,active\nada@acme.test,no\n"))
    assert browser.get("/session").status_code == 401
    assert world.sign_in(browser).status_code == 403


def test_foreign_addresses_are_refused_without_saying_where(world: World) -> None:
    """Another domain says nothing of who is there; in an own domain it is "in use", wherever."""
    world.sign_in(world.browser(world.globex), world.globex)
    found = upload(world, "email\nada@globex.test\nnobody@globex.test\n")
    reasons = {item["problems"][0]["reason"] for item in lines(world, found, "refused")}
    assert reasons == {"Its domain is not one of this organisation's proven e-mail domains."}


def test_every_fault_is_told_with_line_and_column(world: World) -> None:
    """By the rules of the API."""
    file = (
        'id,email,username,first_name,active\n,not an address,,,\n,"ben@acme.test",,"a\nb",\n,,x,,\n'
        "01a20f9a-3fe8-72ea-b5a6-d20247588e93,,,Zed,\n,cyd@acme.test,,,perhaps\n,dan@acme.test,same,,\n,eve@acme.test,same,,\n"
        f",fay@acme.test,{'u' * 321},,\n"
    )
    found = upload(world, file)
    told = {(item["line"], item["problems"][0]["column"]) for item in lines(world, found, "refused")}
    assert told == {(2, "email"), (3, "first_name"), (5, "email"), (6, "id"), (7, "active"), (9, "username"), (10, "username")}
    assert found["counts"]["added"] == 1


def test_what_moved_under_a_preview_makes_it_another_one(world: World) -> None:
    """Nothing is applied; the file is compared anew and waits to be looked at."""
    world.sign_in(world.browser())
    found = upload(world, "email,last_name\nada@acme.test,King\nben@acme.test,B\n")
    ada = people(world)["ada@acme.test"]
    world.api("PATCH", f"{USERS}/{ada['id']}", json={"first_name": "Augusta"})
    after = apply(world, found)
    assert (after["state"], after["code"], after["fingerprint"]) == ("waiting", "import_outdated", None)
    assert people(world).keys() == {"ada@acme.test"}
    work(world)
    again = world.api("GET", f"{IMPORTS}/{found['id']}").get_json()
    assert again["state"] == "ready"
    stale = world.api("POST", f"{IMPORTS}/{found['id']}/apply", json={"fingerprint": found["fingerprint"]})
    assert code_in(stale) == (409, "import_outdated") or again["fingerprint"] == found["fingerprint"]
    assert apply(world, again)["state"] == "applied"


@pytest.mark.parametrize("by", ["address", "username", "domain"])
def test_what_was_taken_since_the_preview_stops_all_of_it(world: World, by: str) -> None:
    """An address, a username, or the domain itself."""
    found = upload(world, "email,username\nada@acme.test,ada\nben@acme.test,ben\n")
    if by == "address":
        world.sign_in(world.browser(), name_id="x", attributes={"mail": ["ben@acme.test"]})
    elif by == "username":
        world.api("POST", USERS, json={"email": "zed@acme.test", "username": "ben"})
    else:
        world.api("PATCH", "/tenants/acme", json={"email_domains": ["other.test"]})
    before = people(world).keys()
    assert apply(world, found)["state"] == "waiting"
    assert people(world).keys() == before


def test_a_worker_that_dies_is_followed_by_another(world: World) -> None:
    """While its claim holds nobody touches the import; afterwards whoever comes begins again."""
    found = upload(world, "email\nada@acme.test\n", run=False)
    with world.app.app_context():
        with transaction():
            assert claim_import(1, found["id"], utc_now()) is not None
        assert run_due_imports(utc_now()) == 0
    with world.app.app_context():
        assert run_due_imports(utc_now() + dt.timedelta(seconds=121)) == 1
    assert world.api("GET", f"{IMPORTS}/{found['id']}").get_json()["state"] == "ready"


def test_one_preview_is_applied_once(world: World) -> None:
    """A second yes is told that it is not ready."""
    found = upload(world, "email\nada@acme.test\n")
    body = {"fingerprint": found["fingerprint"]}
    assert world.api("POST", f"{IMPORTS}/{found['id']}/apply", json=body).status_code == 202
    assert code_in(world.api("POST", f"{IMPORTS}/{found['id']}/apply", json=body)) == (409, "import_not_ready")
    assert work(world) == 1
    assert code_in(world.api("POST", f"{IMPORTS}/{found['id']}/apply", json=body)) == (409, "import_not_ready")


def test_files_that_wait_are_few_and_can_be_removed(world: World) -> None:
    """Five of a tenant; removing one makes room."""
    made = [upload(world, f"email\np{number}@acme.test\n", run=False) for number in range(5)]
    refused = world.api("POST", IMPORTS, data=b"email\nx@acme.test\n", content_type="text/csv")
    assert code_in(refused) == (409, "too_many_imports")
    assert world.api("DELETE", f"{IMPORTS}/{made[0]['id']}").status_code == 204
    assert world.api("POST", IMPORTS, data=b"email\nx@acme.test\n", content_type="text/csv").status_code == 202


@on_sqlite
def test_the_console_shows_what_is_refused_first(world: World) -> None:
    """Lines that keep a file from being applied, before those that do not; once it is applied, what came of it."""
    browser = tenant_client(world)
    found = upload(world, "email\nnew@acme.test\nnone\n")
    page = browser.get(f"/admin/people-imports/{found['id']}").get_data(as_text=True)
    assert re.search(r'aria-current="page">(\w+)', page.partition('class="tabs"')[2])[1] == "Refused"  # type: ignore[index]
    apply(world, found, leave_out_refused=True)
    page = browser.get(f"/admin/people-imports/{found['id']}").get_data(as_text=True)
    assert re.search(r'aria-current="page">(\w+)', page.partition('class="tabs"')[2])[1] == "Added"  # type: ignore[index]


@on_sqlite
def test_a_form_beyond_all_bounds_is_refused_in_the_console_s_own_words(world: World) -> None:
    """Before it is read, and by what the administrator can do: not by sending them to their administrator."""
    browser = tenant_client(world)
    answer = browser.post("/admin/people/bulk", data={"csrf_token": "x" * MAX_FORM})
    assert (answer.status_code, code_of(answer)) == (413, "too_large")
    page = answer.get_data(as_text=True)
    assert "Choose a smaller one" in page
    assert 'aria-label="Main"' in page


def test_viewers_and_support_look_on(world: World) -> None:
    """They read previews and exports, and neither send nor apply."""
    found = upload(world, "email\nada@acme.test\n")
    for token in (token_for(world, "viewer", "acme"), token_for(world, "support")):
        assert world.api("GET", f"{IMPORTS}/{found['id']}", token).status_code == 200
        assert code_in(world.api("POST", IMPORTS, token, data=b"email\n", content_type="text/csv")) == (403, "forbidden")
        body = {"fingerprint": found["fingerprint"]}
        assert code_in(world.api("POST", f"{IMPORTS}/{found['id']}/apply", token, json=body)) == (403, "forbidden")
        assert world.api("DELETE", f"{IMPORTS}/{found['id']}", token).status_code == 403


def test_the_command_shows_and_applies(world: World, tmp_path: Any) -> None:
    """The same flow by hand."""
    file = tmp_path / "people.csv"
    file.write_text("email\nada@acme.test\n")
    run = world.app.test_cli_runner().invoke
    shown = run(args=["people", "import", str(file), "--tenant", "acme"])
    assert (shown.exit_code, people(world)) == (0, {}), shown.output
    applied = run(args=["people", "import", str(file), "--tenant", "acme", "--apply"])
    assert '"state": "applied"' in applied.output, applied.output
    assert people(world).keys() == {"ada@acme.test"}
    exported = run(args=["people", "export", "--tenant", "acme"])
    assert "ada@acme.test" in exported.output
