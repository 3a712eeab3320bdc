"""Two at once among staff, what runs out by itself, and the door over HTTPS."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import sqlalchemy as sa

from admin_ui.access_errors import LastOwner
from admin_ui.console_sessions import KNOWN_FOR
from admin_ui.own_account import remove_own_passkey, remove_totp
from admin_ui.principals import staff_principal
from admin_ui.staff_accounts import change_active, change_role
from admin_ui.staff_purge import purge_staff
from admin_ui.staff_records import find_staff
from config.database import transaction
from identity.people_letters import post_of
from tenants.errors import Refusal
from tenants.roles import Role
from tenants.wiring import keys, settings
from tests.support.at_once import at_once
from tests.support.console import staff_client
from tests.support.staff import Colleague, options_in
from tests.support.world import World, utc_now


def ids_of_staff(world: World) -> list[str]:
    """Every account."""
    with world.app.app_context(), transaction() as connection:
        found = connection.execute(sa.text("SELECT id FROM staff_account ORDER BY id")).scalars()
        texts = [str(value).replace("-", "") for value in found]
    return [f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}" for text in texts]


def attempt(world: World, act: object) -> str:
    """What became of it: done, or the refusal's code."""
    with world.app.app_context():
        try:
            act()  # type: ignore[operator]
        except Refusal as refusal:
            return refusal.code
    return "done"


def test_two_owners_who_demote_each_other_leave_one(world: World) -> None:
    """The second one is refused, whichever that is."""
    for email in ("one@vestibule.test", "two@vestibule.test"):
        Colleague(world, email).invited()
    one, two = ids_of_staff(world)

    def demote(whom: str) -> None:
        with transaction():
            change_role(whom, Role.SUPPORT, actor="test", now=utc_now())

    def switch_off(whom: str) -> None:
        with transaction():
            change_active(whom, False, actor="test", now=utc_now())

    results = at_once([lambda: attempt(world, lambda: demote(one)), lambda: attempt(world, lambda: switch_off(two))])
    assert sorted(results) == sorted(["done", LastOwner.code])
    with world.app.app_context():
        left = [staff for staff in map(find_staff, (one, two)) if staff and staff.active and staff.role == "staff"]
    assert len(left) == 1


def test_two_who_remove_both_factors_leave_one(world: World) -> None:
    """App and passkey of one account, from two tabs: one of them stays."""
    sam = Colleague(world).enrolled()
    shown = sam.page("/admin/account/")
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown)
    assert sealed is not None
    answer = sam.passkey.make(options_in(shown))
    assert sam.send("/admin/account/passkeys", shown, sealed=sealed[1], passkey=answer).status_code == 303
    passkey = re.search(r'name="remove" value="([0-9a-f-]{36})"', sam.page("/admin/account/"))
    assert passkey is not None
    with world.app.app_context():
        principal = staff_principal(sam.token or "", utc_now())
    assert principal is not None
    with world.app.app_context():
        post = post_of(settings(), keys())
    results = at_once(
        [
            lambda: attempt(world, lambda: remove_totp(principal, post, utc_now())),
            lambda: attempt(world, lambda: remove_own_passkey(principal, passkey[1], post, utc_now())),
        ]
    )
    assert sorted(results) == ["done", "state_conflict"]


def test_what_has_run_out_is_removed(world: World) -> None:
    """Sign-ins after ten minutes, counters after a day, sessions after three months; what lives stays."""
    sam = Colleague(world).enrolled()
    assert Colleague(world).give_password().status_code == 303
    with world.app.app_context():
        purge_staff()
    assert (world.count("staff_sign_in"), world.count("console_session")) == (1, 1)
    long_ago = utc_now() - KNOWN_FOR - dt.timedelta(days=1)
    with world.app.app_context(), transaction() as connection:
        typed = sa.bindparam("then", type_=sa.DateTime(timezone=True))
        for table in ("staff_sign_in", "console_session"):
            connection.execute(sa.text(f"UPDATE {table} SET expires_at = :then").bindparams(typed), {"then": long_ago})
        row = sa.text("INSERT INTO staff_attempt (key, failures, last_at) VALUES ('k', 3, :then)").bindparams(typed)
        connection.execute(row, {"then": long_ago})
    with world.app.app_context():
        purge_staff()
    assert [world.count(table) for table in ("staff_sign_in", "console_session", "staff_attempt")] == [0, 0, 0]
    assert world.count("staff_account") == 1
    assert not sam.is_in()


def test_the_door_over_https(world: World) -> None:
    """Behind TLS a form has to come from a page of this very origin."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, app_url="https://localhost")
    client = world.app.test_client()
    shown = client.get("/admin/sign-in", base_url="https://localhost")
    assert "max-age" in shown.headers["Strict-Transport-Security"]
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown.get_data(as_text=True))
    assert token is not None
    form = {"csrf_token": token[1], "email": "sam@vestibule.test", "password": "not it at all"}
    for referrer, status in (("https://localhost/admin/sign-in", 403), ("https://acme.localhost/x", 400)):
        answer = client.post("/admin/sign-in", base_url="https://localhost", data=form, headers={"Referer": referrer})
        assert answer.status_code == status, referrer
    assert shown.headers["Referrer-Policy"] == "same-origin", "the form's own Referer is what is asked for"


def test_a_colleague_s_session_is_not_ended_under_another_account(world: World) -> None:
    """The id of one account's session, sent to another account's page, ends nothing."""
    owner, joan = Colleague(world).enrolled(), Colleague(world, "joan@vestibule.test").enrolled()
    ids = ids_of_staff(world)
    pages = {staff: owner.page(f"/admin/staff/{staff}/") for staff in ids}
    theirs = next(staff for staff, page in pages.items() if "joan@vestibule.test" in page)
    session = re.search(r'name="session" value="([0-9a-f-]{36})"', pages[theirs])
    assert session is not None
    other = next(staff for staff in ids if staff != theirs)
    assert owner.send(f"/admin/staff/{other}/sessions", pages[theirs], session=session[1]).status_code == 303
    assert joan.is_in()
    assert owner.send(f"/admin/staff/{theirs}/sessions", pages[theirs], session=session[1]).status_code == 303
    assert not joan.is_in()


def test_made_up_ids_are_not_there(world: World) -> None:
    """Of accounts, sessions and passkeys."""
    owner = staff_client(world)
    for staff in ("x", "00000000-0000-7000-8000-000000000000", "%00", "1" * 5000):
        assert owner.get(f"/admin/staff/{staff}/").status_code == 404
