"""Attacks on a local sign-in between its steps: what ran out, was used, taken away or changed there opens nothing after it."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
import time_machine

from config.database import transaction, write
from identity.local_accounts.account_records import change_account
from identity.local_accounts.break_glass_records import withdraw_admin
from identity.local_accounts.models import LocalPasskey
from identity.local_accounts.sign_in_records import LIFETIME
from identity.local_sign_in.accounts import take_factors
from tests.attacks.test_races_at_the_doors import attacked
from tests.support.browser import code_of
from tests.support.half_minutes import wrong_code
from tests.support.local_accounts import LocalPerson, allow_local, means_of, tenant_of
from tests.support.world import World, utc_now

OTHER = "seven herons rest upstream"


@pytest.fixture
def lin(world: World) -> LocalPerson:
    """Somebody with a password and an app, in a browser that is known."""
    allow_local(world)
    person = LocalPerson(world).enrolled()
    person.sign_in()
    assert person.set_up_app().status_code == 200
    return person


def test_a_sign_in_under_way_runs_out(world: World, lin: LocalPerson) -> None:
    """Ten minutes after the password, the code is no use; a browser that was left open is no way in."""
    late = world.browser()
    assert lin.give_password(browser=late).status_code == 303
    with time_machine.travel(utc_now() + LIFETIME + dt.timedelta(seconds=1), tick=False):
        assert code_of(lin.give(late, code=lin.code())) == "sign_in_lost"
        assert not lin.is_in(late)


def test_a_challenge_is_used_up_by_the_first_try(world: World, lin: LocalPerson) -> None:
    """A wrong answer takes it away; the right one, which somebody has copied, comes too late."""
    lin.set_up_passkey()
    thief = world.browser()
    options = lin.options("/sign-in/passkey/options", thief)
    right = lin.passkey.use(options)
    assert code_of(lin.send("/sign-in/passkey", thief, passkey="{}")) == "sign_in_failed"
    assert code_of(lin.send("/sign-in/passkey", thief, passkey=right)) == "sign_in_lost"
    assert lin.give_password(browser=thief).status_code == 303
    right = lin.passkey.use(lin.options("/sign-in/second-factor/options", thief))
    assert code_of(lin.give(thief, code=wrong_code(lin.secret))) == "sign_in_failed"
    assert code_of(lin.give(thief, passkey=right)) == "sign_in_lost"
    assert not lin.is_in(thief)


def test_what_is_taken_away_between_the_steps_opens_nothing(world: World, lin: LocalPerson) -> None:
    """A break-glass name, the second factors, the organisation's way: each after the password was right."""
    tenant_id, late = _tenant_id(world), world.browser()
    lin.named()
    assert lin.break_glass(late).location == "/sign-in/second-factor"
    with world.app.app_context(), transaction():
        assert withdraw_admin(tenant_id, lin.user_id)
    assert code_of(lin.give(late, code=lin.code())) == "sign_in_way_not_allowed"
    assert lin.give_password(browser=late).status_code == 303
    allow_local(world, way="sso")
    assert code_of(lin.give(late, recovery_code=lin.codes[0])) == "sign_in_way_not_allowed"
    allow_local(world)
    assert lin.give_password(browser=late).status_code == 303
    with world.app.app_context(), transaction():
        take_factors(tenant_of(world), lin.user_id, means_of(world), actor="test", now=utc_now())
    assert code_of(lin.give(late, recovery_code=lin.codes[0])) == "sign_in_lost"
    assert not lin.is_in(late)
    assert not lin.is_in()


def test_whoever_may_break_the_glass_comes_in_by_no_password_alone(world: World, lin: LocalPerson) -> None:
    """Nor by the ordinary form, where others need none; and that form makes nobody an administrator."""
    mal = LocalPerson(world, name="mal").enrolled()
    assert mal.sign_in().location == "/"
    mal.named()
    assert code_of(mal.give_password(browser=world.browser())) == "second_factor_missing"
    assert code_of(mal.break_glass(world.browser())) == "second_factor_missing"
    lin.named()
    ordinary = world.browser()
    assert lin.sign_in(ordinary).status_code == 303
    assert ordinary.get("/admin/").status_code == 403


def test_a_changed_password_ends_what_waits(world: World, lin: LocalPerson) -> None:
    """Links that were asked for before, and a second step that somebody else has begun with the former one."""
    thief, path = world.browser(), lin.another_link()
    assert lin.give_password(browser=thief).status_code == 303
    changed = lin.send("/account/sign-in/password", present=lin.password, password=OTHER)
    assert changed.status_code == 303
    assert code_of(thief.get(path)) == "link_invalid"
    assert code_of(lin.give(thief, code=lin.code())) == "sign_in_lost"


@pytest.mark.parametrize("step", ["password", "own page"])
def test_a_password_that_is_changed_at_that_moment_opens_and_changes_nothing(world: World, lin: LocalPerson, step: str) -> None:
    """Comparing takes a while: whoever knows the former one comes too late with it, at the door and on the account's page."""
    tenant_id, thief = _tenant_id(world), world.browser()

    def change() -> None:
        change_account(tenant_id, lin.user_id, {"password_hash": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"})

    if step == "password":
        answer = attacked(world, change, lambda: lin.give_password(browser=thief))
        assert code_of(answer) == "sign_in_failed"
    else:
        answer = attacked(world, change, lambda: lin.send("/account/sign-in/recovery-codes", present=lin.password))
        assert code_of(answer) in ("state_conflict", "second_factor_invalid")
        assert "<li><code>" not in answer.get_data(as_text=True)


def test_a_passkey_that_is_removed_at_that_moment_opens_nothing(world: World, lin: LocalPerson) -> None:
    """It was stolen, and its owner takes it away while it is used."""
    lin.set_up_passkey()
    tenant_id, thief = _tenant_id(world), world.browser()
    used = lin.passkey.use(lin.options("/sign-in/passkey/options", thief))

    def remove() -> None:
        write(sa.delete(LocalPasskey).where(LocalPasskey.tenant_id == tenant_id))

    assert code_of(attacked(world, remove, lambda: lin.send("/sign-in/passkey", thief, passkey=used))) == "sign_in_failed"
    assert not lin.is_in(thief)


def _tenant_id(world: World) -> int:
    with world.app.app_context():
        return tenant_of(world).id
