"""Staff come through their own organisation's single sign-on: one code, one browser, one minute, and an account that exists."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from admin_ui.console_sessions import sessions_of
from admin_ui.models import ConsoleSession
from admin_ui.staff_accounts import change_active, invite
from config.database import transaction, write
from config.isolation import every_tenant
from identity.exchanges import hash_of
from identity.models import SessionRow
from tenants.models import Tenant
from tenants.roles import Role
from tests.support.browser import Browser, code_of
from tests.support.console import staff_client
from tests.support.organisations import accepted, made, put, set_access
from tests.support.staff import Colleague
from tests.support.world import World, utc_now

RETURN = "/admin/sign-in/sso/return"


@pytest.fixture(autouse=True)
def acme_is_staff_s(world: World) -> None:
    """Acme is the staff tenant."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, staff_tenant="acme")


def account(world: World, email: str = "ada@acme.test", role: str = "support") -> str:
    """An account that nobody has set a password for."""
    with world.app.app_context(), transaction():
        return invite(email, "Ada Staff", Role(role), actor="test", now=utc_now()).staff_id


def begin(console: Browser, **query: str) -> str:
    """Press the button at the app host; the path at the staff tenant's host."""
    answer = console.get("/admin/sign-in/sso", query_string={"next": "/admin/tenants/", **query})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    parts = urlsplit(answer.location)
    assert f"{parts.scheme}://{parts.netloc}" == "http://acme.localhost:8000"
    return f"{parts.path}?{parts.query}"


def handed(tenant: Browser, path: str) -> str:
    """The code that the staff tenant's host hands over."""
    answer = tenant.get(path)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    parts = urlsplit(answer.location)
    assert answer.location.startswith(f"http://localhost:8000{RETURN}?")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    return parse_qs(parts.query)["code"][0]


def come_back(console: Browser, code: str) -> TestResponse:
    """Bring a code to the app host."""
    return console.get(RETURN, query_string={"code": code})


def is_in(console: Browser) -> bool:
    """Whether the console lets this browser in."""
    return console.get("/admin/tenants/").status_code == 200


def test_staff_come_through_their_own_sign_on(world: World) -> None:
    """From the button to the page that was asked for, with the account's role."""
    account(world)
    console, tenant = Browser(world.app, None), world.browser(world.acme)
    path = begin(console)
    asked = tenant.get(path)
    assert asked.location.startswith("/saml/login?next=%2Fadmin%2Fhand-over%3Ffor%3D")
    target = parse_qs(urlsplit(asked.location).query)["next"][0]
    signed_in = world.sign_in(tenant, world.acme, target=target)
    assert signed_in.location == target
    answer = come_back(console, handed(tenant, path))
    assert (answer.status_code, answer.location) == (303, "/admin/tenants/")
    assert is_in(console)
    assert console.get("/admin/staff/").status_code == 403, "support, as the account says"


def test_who_came_by_sign_on_is_invited_no_more(world: World) -> None:
    """Their invitation is never used; the list, their page and the command call them active all the same."""
    staff_id = account(world)
    owner = staff_client(world)

    def states() -> set[str]:
        listed = world.app.test_cli_runner().invoke(args=["staff", "list"]).stdout
        command = next(line.split("\t")[2] for line in listed.splitlines() if line.startswith(staff_id))
        shown = owner.get(f"/admin/staff/{staff_id}").get_data(as_text=True)
        row = owner.get("/admin/staff/").get_data(as_text=True).partition(f"/admin/staff/{staff_id}")[2].partition("</tr>")[0]
        badges = [re.search(r'<span class="badge \w+">(\w+)', page) for page in (shown, row)]
        return {command, *(found[1].lower() for found in badges if found)}

    assert states() == {"invited"}
    tenant, console = world.browser(world.acme), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    assert come_back(console, handed(tenant, begin(console))).status_code == 303
    assert states() == {"active"}
    with world.app.app_context(), transaction():
        change_active(staff_id, False, actor="test", now=utc_now())
    assert states() == {"inactive", "switched"}


def test_nobody_is_made_by_signing_in(world: World) -> None:
    """The organisation knows the person, and there is no account; or it is switched off."""
    tenant = world.browser(world.acme)
    assert world.sign_in(tenant).status_code == 303
    console = Browser(world.app, None)
    refused = come_back(console, handed(tenant, begin(console)))
    assert (refused.status_code, code_of(refused)) == (403, "staff_unknown")
    staff_id = account(world)
    with world.app.app_context(), transaction():
        change_active(staff_id, False, actor="test", now=utc_now())
    assert code_of(come_back(console, handed(tenant, begin(console)))) == "staff_unknown"
    assert not is_in(console)
    assert world.count("staff_account") == 1


def test_a_code_works_once(world: World) -> None:
    """The second time it is worth nothing, in the very same browser."""
    account(world)
    tenant, console = world.browser(world.acme), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    code = handed(tenant, begin(console))
    assert come_back(console, code).status_code == 303
    assert code_of(come_back(console, code)) == "sign_in_lost"


def test_a_code_is_worth_nothing_in_another_browser(world: World) -> None:
    """Whoever reads it on its way, and whoever is lured to somebody else's link."""
    account(world)
    tenant, console, thief = world.browser(world.acme), Browser(world.app, None), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    path = begin(console)
    code = handed(tenant, path)
    assert code_of(come_back(thief, code)) == "sign_in_lost"
    begin(thief)
    assert code_of(come_back(thief, code)) == "sign_in_lost"
    assert not is_in(thief)
    lured = handed(tenant, begin(thief))
    assert code_of(come_back(console, lured)) == "sign_in_lost", "mallory's link signs nobody else in"
    assert come_back(console, code).status_code == 303


def test_a_code_lives_for_a_minute(world: World) -> None:
    """Later it is over."""
    account(world)
    tenant, console = world.browser(world.acme), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    code = handed(tenant, begin(console))
    with world.app.app_context(), transaction() as connection:
        statement = sa.text("UPDATE staff_sign_in SET code_expires_at = :then")
        typed = statement.bindparams(sa.bindparam("then", type_=sa.DateTime(timezone=True)))
        connection.execute(typed, {"then": utc_now() - dt.timedelta(seconds=1)})
    assert code_of(come_back(console, code)) == "sign_in_lost"


@pytest.mark.parametrize("made_up", ["", "x", "0" * 64, "é" * 64, "g" * 64, "0" * 5000])
def test_a_hand_over_that_nobody_began_is_refused(world: World, made_up: str) -> None:
    """At the staff tenant's host, signed in or not."""
    tenant = world.browser(world.acme)
    assert code_of(tenant.get("/admin/hand-over", query_string={"for": made_up})) == "sign_in_lost"
    assert world.sign_in(tenant).status_code == 303
    assert code_of(tenant.get("/admin/hand-over", query_string={"for": made_up})) == "sign_in_lost"


def test_only_the_staff_tenant_hands_over(world: World) -> None:
    """Another tenant's host is not asked, and does not answer, whoever is signed in there."""
    account(world, "ada@globex.test")
    foreign, console = world.browser(world.globex), Browser(world.app, None)
    assert world.sign_in(foreign, world.globex).status_code == 303
    path = begin(console)
    assert code_of(foreign.get(path)) == "not_found"
    assert console.get(path).status_code in (403, 404)


def test_a_password_s_sign_in_takes_no_hand_over(world: World) -> None:
    """A sign-in that names somebody by password is not turned into another's."""
    account(world)
    sam = Colleague(world).enrolled()
    assert sam.give_password().status_code == 303
    tenant = world.browser(world.acme)
    assert world.sign_in(tenant).status_code == 303
    secret = sam.browser.cookie("__Host-vestibule_staff_sign_in")
    assert secret
    assert code_of(tenant.get("/admin/hand-over", query_string={"for": hash_of(secret)})) == "sign_in_lost"


def test_proof_again_is_asked_of_the_identity_provider(world: World) -> None:
    """With `again`, a session from before is not enough: the identity provider is asked with ForceAuthn."""
    account(world, role="staff")
    tenant, console = world.browser(world.acme), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    path = begin(console, again="1")
    asked = tenant.get(path)
    assert "force=1" in asked.location
    assert asked.location.startswith("/saml/login?")
    assert world.sign_in(tenant).status_code == 303
    assert "force=1" in tenant.get(path).location, "a new session in which it only remembered them is no proof"
    assert world.sign_in(tenant, force=True).status_code == 303
    assert come_back(console, handed(tenant, path)).status_code == 303
    assert console.get("/admin/staff/invite").status_code == 200
    assert "force=1" in tenant.get(begin(console, again="1")).location, "proved before it was asked for again"


def test_an_old_session_elsewhere_is_no_recent_proof(world: World) -> None:
    """Whom the identity provider remembers, or who proved it an hour ago, signs in anew there before managing staff."""
    account(world, role="staff")
    for force in (False, True):
        tenant, console = world.browser(world.acme), Browser(world.app, None)
        assert world.sign_in(tenant, force=force).status_code == 303
        with world.app.app_context(), transaction() as connection:
            statement = sa.text("UPDATE session SET proved_at = :then WHERE tenant_id = 1 AND proved_at IS NOT NULL")
            typed = statement.bindparams(sa.bindparam("then", type_=sa.DateTime(timezone=True)))
            connection.execute(typed, {"then": utc_now() - dt.timedelta(hours=1)})
        assert come_back(console, handed(tenant, begin(console))).status_code == 303
        assert is_in(console)
        asked = console.get("/admin/staff/invite")
        assert asked.location.startswith("/admin/sign-in?again=1"), force


def test_without_the_setting_there_is_no_such_way(world: World) -> None:
    """Neither a link, nor an address."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, staff_tenant=None)
    console = Browser(world.app, None)
    assert "SSO" not in console.get("/admin/sign-in").get_data(as_text=True)
    assert code_of(console.get("/admin/sign-in/sso")) == "staff_sso_unavailable"
    assert code_of(world.browser(world.acme).get("/admin/hand-over?for=" + "0" * 64)) == "not_found"


def entered(world: World, **parts: Any) -> tuple[Browser, Browser]:
    """Somebody of staff in the console, through a new session at the staff tenant's host: that browser, and the console's."""
    tenant, console = world.browser(world.acme), Browser(world.app, None)
    assert world.sign_in(tenant, **parts).status_code == 303
    assert come_back(console, handed(tenant, begin(console))).status_code == 303
    assert is_in(console)
    return tenant, console


def test_the_console_ends_with_what_it_was_entered_through(world: World) -> None:
    """Signed out there, ended by an administrator, switched off, moved where SSO is off, the tenant suspended: at once.

    The identity provider taken away, or the session's row gone: as well. An idle session there goes on here.
    """
    staff_id = account(world)
    user = world.api("GET", "/tenants/acme/users").get_json()["items"]
    assert user == []
    first, console = entered(world)
    user_id = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    set_sessions(world, seen_at=utc_now() - dt.timedelta(days=9))
    assert first.get("/session").status_code == 401
    assert is_in(console), "want of use there is none here"
    with world.app.app_context():
        assert len(sessions_of(staff_id, utc_now())) == 1

    first, console = entered(world)
    assert first.post("/logout").status_code == 303
    assert not is_in(console)

    _, console = entered(world)
    assert world.api("DELETE", f"/tenants/acme/users/{user_id}/sessions").status_code in (200, 204)
    assert not is_in(console)

    _, console = entered(world)
    assert world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"active": False}).status_code == 200
    assert not is_in(console)
    with world.app.app_context():
        assert sessions_of(staff_id, utc_now()) == []
    assert world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"active": True}).status_code == 200
    assert not is_in(console), "and does not come back with the account"

    works = made(world, "Works")
    _, console = entered(world)
    accepted(set_access(world, works, way="local", sso_enabled=False))
    put(world, works, user_id)
    assert not is_in(console)
    accepted(set_access(world, works, way=None, sso_enabled=None))
    put(world, None, user_id)

    _, console = entered(world)
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.delete(SessionRow))
    assert not is_in(console), "erased"

    _, console = entered(world)
    assert world.api("PATCH", "/tenants/acme", json={"state": "suspended"}).status_code == 200
    assert not is_in(console)
    assert world.api("PATCH", "/tenants/acme", json={"state": "active"}).status_code == 200
    _, console = entered(world)
    assert world.api("DELETE", "/tenants/acme/identity-providers/main").status_code in (200, 204)
    assert not is_in(console)


def test_the_console_asks_what_holds_for_its_session_now(world: World) -> None:
    """A session there that its organisation's ways do not admit any more, and that nothing has ended: it came in meanwhile."""
    account(world)
    tenant, console = world.browser(), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    assert come_back(console, handed(tenant, begin(console))).status_code == 303
    assert is_in(console)
    with world.app.app_context(), every_tenant(), transaction():
        changed = {"access": {"sso_enabled": False, "way": "local"}, "version": Tenant.version + 1}
        write(sa.update(Tenant).where(Tenant.slug == "acme").values(**changed))
    assert not is_in(console)
    assert tenant.get("/session").status_code == 401, "nor does it open anything there"


def test_a_code_is_worth_nothing_once_its_session_has_ended(world: World) -> None:
    """Switched off between the hand-over and the console's door; a session of before that does not say through what."""
    account(world)
    tenant, console = world.browser(world.acme), Browser(world.app, None)
    assert world.sign_in(tenant).status_code == 303
    code = handed(tenant, begin(console))
    assert tenant.post("/logout").status_code == 303
    assert code_of(come_back(console, code)) == "sign_in_lost"
    _, console = entered(world)
    with world.app.app_context(), transaction():
        write(sa.update(ConsoleSession).values(origin_tenant_id=None, origin_session_id=None))
    assert not is_in(console)


def set_sessions(world: World, **values: Any) -> None:
    """Set columns of every session at tenants' hosts."""
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(SessionRow).values(**values))
