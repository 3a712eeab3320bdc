"""Attempts with a local account are on record as all others are: an administrator finds out why somebody is not let in (D1)."""

from __future__ import annotations

from typing import Any

from tests.support.browser import code_of
from tests.support.console import staff_client
from tests.support.half_minutes import wrong_code
from tests.support.local_accounts import LocalPerson, allow_local, change_deployment
from tests.support.world import World


def attempts_of(world: World, query: str) -> list[dict[str, Any]]:
    """A tenant's attempts, the newest one first."""
    items: list[dict[str, Any]] = world.api("GET", f"/tenants/acme/attempts?{query}").get_json()["items"]
    return items


def explained(world: World, attempt: dict[str, Any]) -> dict[str, Any]:
    """One attempt with receipt and advice."""
    found: dict[str, Any] = world.api("GET", f"/tenants/acme/attempts/{attempt['id']}").get_json()
    return found


def test_each_refusal_is_found_at_its_person_and_says_what_was_wrong(world: World) -> None:
    """No password yet, another one, another code, a lost first step, the account off: each has its line and its advice."""
    allow_local(world)
    lin, admin = LocalPerson(world), staff_client(world)
    path = lin.invited()
    assert code_of(lin.give_password()) == "sign_in_failed"
    lin.follow(path)
    lin.give_password("not the password at all")
    lin.sign_in()
    assert lin.set_up_app().status_code == 200
    browser = world.browser()
    lin.give_password(browser=browser)
    assert code_of(lin.give(browser, code=wrong_code(lin.secret))) == "sign_in_failed"
    assert world.api("PATCH", f"/tenants/acme/users/{lin.user_id}", json={"active": False}).status_code == 200
    assert code_of(lin.give(browser, code=lin.code())) == "sign_in_lost"
    assert code_of(lin.give_password(browser=browser)) == "user_inactive"
    found = [explained(world, item) for item in attempts_of(world, f"email={lin.email}")]
    failed = [line["id"] for item in found for line in item["checks"] if not line["passed"]]
    assert failed == ["active", "local_factor", "local_password", "local_password_set"]
    assert [item["code"] for item in found] == ["user_inactive", "sign_in_failed", None, "sign_in_failed", "sign_in_failed"]
    assert {(item["way"], item["idp"], item["directory"]) for item in found} == {("local", None, None)}
    said = [item["advice"]["happened"] for item in found if item["code"] == "sign_in_failed"]
    assert ["second factor" in said[0], "another one" in said[1], "no password yet" in said[2]] == [True] * 3
    assert all("not the password" not in str(item) for item in found)
    page = admin.get(f"/admin/tenants/acme/people/{lin.user_id}").get_data(as_text=True)
    assert page.count("Local account</td>") == 5
    assert "1 refused because the account was switched off" in page


def test_a_name_that_nobody_has_is_nobodys_and_too_many_tries_are_the_persons(world: World) -> None:
    """What was typed is not kept; that somebody is made to wait is what their administrator looks for."""
    change_deployment(world, rate_limits=True)
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.give_password(browser=world.browser(), name="nobody-at-all")
    (unknown,) = attempts_of(world, "result=refused")
    assert (unknown["user_id"], "nobody-at-all" in str(explained(world, unknown))) == (None, False)
    assert explained(world, unknown)["checks"][-1]["id"] == "local_name"
    stranger = world.browser()
    codes = {code_of(lin.give_password("a guess that is long enough", browser=stranger)) for _ in range(12)}
    assert codes == {"sign_in_failed", "rate_limited"}
    waiting = attempts_of(world, f"email={lin.email}&code=rate_limited")
    assert waiting
    told = explained(world, waiting[0])
    assert told["checks"][-1]["id"] == "local_tries"
    assert "Too many tries" in told["advice"]["happened"]
