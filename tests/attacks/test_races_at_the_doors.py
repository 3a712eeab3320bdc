"""Attacks that come in the moment between an end and its commit: each door waits, and then finds that it is closed.

What ends is done in a transaction that is held open; the attack begins meanwhile, has read what was true before, and goes on
after the commit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from contextlib import contextmanager, suppress
from typing import TypeVar

import pytest
import sqlalchemy as sa

from admin_ui.own_account import change_password
from admin_ui.principals import staff_principal
from admin_ui.staff_accounts import reset
from admin_ui.staff_entry import Door
from config.database import transaction
from identity.local_sign_in.links import issue_link
from identity.native_clients import _redeemed
from identity.native_request import Redemption
from identity.people import change_active, edit_person, end_persons_sessions
from identity.people_letters import post_of
from identity.sessions import BrowserFacts
from tenants.access_tokens import revoke_tenant_token
from tenants.errors import Refusal
from tenants.wiring import keys, settings
from tests.attacks.test_what_outlasts import CSRF, SECRET, TOKENS, made_with, works
from tests.flows.management.support import token_for
from tests.flows.people.test_devices import alive, signed_in
from tests.support.at_once import at_once
from tests.support.browser import code_of
from tests.support.console import tenant_client
from tests.support.local_accounts import LocalPerson, allow_local, change_deployment, means_of, tenant_of
from tests.support.native import Application, who
from tests.support.staff import Colleague
from tests.support.world import World, utc_now

T = TypeVar("T")
MEANWHILE = 0.4
"""Seconds for the attack to come as far as it can; where that is too short, the test proves less, and does not fail."""


@contextmanager
def held(world: World, act: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread's transaction, which is committed at the end of the block."""
    done, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with world.app.app_context(), transaction():
            act()
            done.set()
            assert go_on.wait(120)

    with ThreadPoolExecutor(1) as thread:
        holding = thread.submit(hold)
        assert done.wait(120) or holding.result()
        try:
            yield
        finally:
            go_on.set()
        holding.result()


def attacked(world: World, ending: Callable[[], object], attack: Callable[[], T]) -> T:
    """What comes of an attack that begins before the ending is committed."""
    with ThreadPoolExecutor(1) as thread:
        with held(world, ending):
            attacking = thread.submit(attack)
            with suppress(NotDone):
                attacking.result(MEANWHILE)
        return attacking.result()


def switch_off(world: World, user_id: str) -> Callable[[], object]:
    """The ending of somebody's account."""
    with world.app.app_context():
        tenant_id = tenant_of(world).id
    return lambda: change_active(tenant_id, user_id, False, actor="test", now=utc_now())


def id_in(browser: object) -> str:
    """Whose session a browser has."""
    user_id: str = browser.get("/session").get_json()["user"]["id"]  # type: ignore[attr-defined]
    return user_id


@pytest.mark.parametrize("door", ["sso", "password", "code", "passkey", "link"])
def test_nobody_comes_in_who_is_switched_off_at_that_moment(world: World, door: str) -> None:
    """By no way; and switched on again, they find nothing that a race has left."""
    if door == "sso":
        first, late = signed_in(world), world.browser()
        user_id, started = id_in(first), late.start()
        answer = attacked(
            world, switch_off(world, user_id), lambda: late.post_response(world.response(started), started.relay_state)
        )
        assert code_of(answer) == "user_inactive"
    else:
        allow_local(world)
        lin = LocalPerson(world).enrolled()
        lin.sign_in()
        late, user_id = world.browser(), lin.user_id
        if door == "password":
            answer = attacked(world, switch_off(world, user_id), lambda: lin.give_password(browser=late))
            assert code_of(answer) in ("user_inactive", "sign_in_failed")
        elif door == "code":
            lin.set_up_app()
            lin.give_password(browser=late)
            answer = attacked(world, switch_off(world, user_id), lambda: lin.give(late, code=lin.code()))
            assert code_of(answer) in ("user_inactive", "sign_in_lost")
        elif door == "passkey":
            lin.set_up_passkey()
            used = lin.passkey.use(lin.options("/sign-in/passkey/options", late))
            answer = attacked(world, switch_off(world, user_id), lambda: lin.send("/sign-in/passkey", late, passkey=used))
            assert code_of(answer) == "user_inactive"
        else:
            path = lin.another_link()
            fields = {"password": "seven herons rest upstream", "sealed": ""}
            answer = attacked(world, switch_off(world, user_id), lambda: lin.send(path, late, **fields))
            assert code_of(answer) == "link_invalid"
    assert alive(late) == [False]
    assert world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"active": True}).status_code == 200
    assert alive(late) == [False]


@pytest.mark.parametrize("ending", ["switched off", "sessions ended", "signed out elsewhere"])
def test_no_application_comes_in_with_a_session_that_ends_at_that_moment(world: World, ending: str) -> None:
    """The code was given in it; whoever has copied the cookie redeems one code after the other."""
    browser = signed_in(world)
    user_id, application = id_in(browser), Application()
    code = application.code(browser)
    with world.app.app_context():
        tenant_id = tenant_of(world).id
    acts: dict[str, Callable[[], object]] = {
        "switched off": switch_off(world, user_id),
        "sessions ended": lambda: end_persons_sessions(tenant_id, user_id, actor="test", now=utc_now()),
        "signed out elsewhere": lambda: end_persons_sessions(tenant_id, user_id, actor="test", now=utc_now()),
    }
    answer = attacked(world, acts[ending], lambda: application.redeems(browser, code))
    assert code_of(answer) == "native_code_invalid"
    assert world.api("GET", "/tenants/acme/sessions").get_json()["items"] == []


def test_an_application_that_was_first_ends_with_all_sessions(world: World) -> None:
    """The other way round: its session is being opened while all of the person's are ended, which waits for it."""
    browser = signed_in(world)
    user_id, application = id_in(browser), Application()
    code = application.code(browser)
    opened: list[str] = []

    def redeem() -> None:
        redemption = Redemption(code, application.verifier, application.redirect_uri, application.client)
        tenant = tenant_of(world)
        tree = world.app.extensions["vestibule_trusts"].trust_of(tenant).organisations
        session, cause = _redeemed(tenant, tree, redemption, BrowserFacts("test", "127.0.0.1"), utc_now())
        assert session is not None, cause
        opened.append(session.token)

    def end_all() -> int:
        return world.api("DELETE", f"/tenants/acme/users/{user_id}/sessions").status_code

    assert attacked(world, redeem, end_all) in (200, 204)
    assert who(browser, opened[0]).status_code == 401


def test_no_token_is_left_by_whoever_is_switched_off_at_that_moment(world: World) -> None:
    """An administrator's form is on its way."""
    admin = tenant_client(world)
    form = CSRF.search(admin.get("/admin/tokens/").get_data(as_text=True))
    assert form is not None
    fields = {"csrf_token": form[1], "role": "admin", "label": "mine", "expires_in": "90d"}
    answer = attacked(world, switch_off(world, id_in(admin)), lambda: admin.post("/admin/tokens/", data=fields))
    found = SECRET.search(answer.get_data(as_text=True))
    assert found is None or not works(world, found[0])
    assert answer.status_code in (302, 401)


def test_a_token_that_is_revoked_makes_no_other_at_that_moment(world: World) -> None:
    """Its thief makes one more just then."""
    thief, thief_id = made_with(world, token_for(world, "admin", "acme"))
    with world.app.app_context():
        tenant_id = tenant_of(world).id

    def revoke() -> None:
        revoke_tenant_token(tenant_id, thief_id, actor="test", now=utc_now())

    body = {"role": "admin", "label": "late", "expires_in": "10m"}
    assert attacked(world, revoke, lambda: world.api("POST", TOKENS, thief, json=body).status_code) == 401
    assert not any(item["label"] == "late" for item in world.api("GET", TOKENS).get_json()["items"])


def test_a_link_goes_to_the_address_of_its_moment(world: World) -> None:
    """It is asked for while the address is changed: it goes to the new one, or is worth nothing."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    with world.app.app_context():
        tenant, post = tenant_of(world), means_of(world).post

    def change() -> None:
        edit_person(tenant, lin.user_id, {"email": "new@acme.test"}, post, actor="test", now=utc_now())

    def mailed_to() -> str | None:
        with world.app.app_context(), transaction():
            asked = {"show": False, "by_staff": False, "actor": "test", "now": utc_now()}
            return issue_link(tenant_of(world), lin.user_id, means_of(world), **asked).mailed_to  # type: ignore[arg-type]

    change_deployment(world, smtp_url="smtp://mail.test")
    assert attacked(world, change, mailed_to) == "new@acme.test"


def test_a_reset_takes_the_password_from_whoever_is_changing_it(world: World) -> None:
    """An owner resets a colleague's account at the moment when somebody at the colleague's laptop sets a new password."""
    sam = Colleague(world).enrolled()
    with world.app.app_context():
        principal = staff_principal(sam.token or "", utc_now())
    assert principal is not None
    door = Door(browser=BrowserFacts("test", "127.0.0.1"), now=utc_now(), limited=False)
    with world.app.app_context():
        post = post_of(settings(), keys())

    def change() -> str:
        with world.app.app_context():
            try:
                change_password(principal, sam.password, "seven herons rest upstream", post, door)
            except Refusal as refusal:
                return refusal.code
        return "changed"

    assert attacked(world, lambda: reset(principal.id, post, actor="test", now=utc_now()), change) == "state_conflict"
    with world.app.app_context(), transaction() as connection:
        assert connection.execute(sa.text("SELECT password_hash FROM staff_account")).scalar_one() is None


def test_a_recovery_code_stands_in_once_however_often_it_is_sent_at_once(world: World) -> None:
    """Of a local account in four browsers, and of one of staff in two."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    lin.set_up_app()
    browsers = [world.browser() for _ in range(4)]
    for browser in browsers:
        assert lin.give_password(browser=browser).status_code == 303
    answers = at_once([lambda browser=browser: lin.give(browser, recovery_code=lin.codes[0]) for browser in browsers])
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]
    sam = Colleague(world).enrolled()
    tabs = [Colleague(world), Colleague(world)]
    for tab in tabs:
        assert tab.give_password().status_code == 303
    shown = [tab.page("/admin/sign-in/second-factor") for tab in tabs]
    sent = at_once(
        [
            lambda tab=tab, page=page: tab.send("/admin/sign-in/second-factor", page, recovery_code=sam.codes[0])
            for tab, page in zip(tabs, shown, strict=True)
        ]
    )
    assert sorted(answer.status_code for answer in sent) == [303, 403]
