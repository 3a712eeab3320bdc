"""Attacks on staff's passkeys: answers of others, answers that lie, answers that come again (A1)."""

from __future__ import annotations

import pytest

from tests.flows.console.test_staff_attacks import same_account
from tests.support.authenticator import Authenticator
from tests.support.staff import Colleague
from tests.support.world import World

PRESENT, VERIFIED = 0x01, 0x04
LIES = {
    "another_challenge": {"challenge": "A" * 43},
    "another_origin": {"origin": "http://acme.localhost:8000"},
    "another_party": {"party": "acme.localhost"},
    "not_verified": {"flags": PRESENT},
    "nobody_present": {"flags": VERIFIED},
    "another_ceremony": {"type": "webauthn.create"},
    "counter_goes_back": {"count": 0},
}


def test_a_passkey_of_another_account_is_no_second_factor(world: World) -> None:
    """Sam's password with mallory's passkey, and mallory's key that claims to be sam."""
    sam = Colleague(world).enrolled(by_passkey=True)
    mallory = Colleague(world, "mallory@vestibule.test").enrolled(by_passkey=True)
    other = same_account(sam)
    assert other.give_password().status_code == 303
    for handle in (mallory.passkey.handle, sam.passkey.handle):
        options = other.options("/admin/sign-in/second-factor/options")
        assert other.give(passkey=mallory.passkey.use(options, handle=handle)).status_code == 403
    alone = Colleague(world)
    options = alone.options("/admin/sign-in/passkey/options")
    lied = alone.send("/admin/sign-in/passkey", passkey=mallory.passkey.use(options, handle=sam.passkey.handle))
    assert lied.status_code == 403
    assert not other.is_in()
    assert not alone.is_in()


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES.keys())
def test_an_answer_that_lies_is_refused(world: World, lies: dict[str, object]) -> None:
    """Each thing that WebAuthn 7.2 has a relying party compare."""
    sam = Colleague(world).enrolled(by_passkey=True)
    first = same_account(sam)
    options = first.options("/admin/sign-in/passkey/options")
    assert first.send("/admin/sign-in/passkey", passkey=sam.passkey.use(options)).status_code == 303
    other = same_account(sam)
    options = other.options("/admin/sign-in/passkey/options")
    assert other.send("/admin/sign-in/passkey", passkey=sam.passkey.use(options, **lies)).status_code == 403
    assert not other.is_in()


def test_an_answer_works_once(world: World) -> None:
    """The challenge is used up by the first try, right or wrong."""
    sam = Colleague(world).enrolled(by_passkey=True)
    other = same_account(sam)
    options = other.options("/admin/sign-in/passkey/options")
    answer = sam.passkey.use(options)
    assert other.send("/admin/sign-in/passkey", passkey="{}").status_code == 403
    assert other.send("/admin/sign-in/passkey", passkey=answer).status_code == 403
    assert not other.is_in()


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", "{" * 20_000, '{"id": 5}', '{"id": "x"}', "x" * 40_000, '"\\ud800"']
)
def test_what_is_no_answer_is_refused(world: World, answer: str) -> None:
    """Broken JSON, deep JSON, long JSON, unknown credentials."""
    other = Colleague(world)
    other.options("/admin/sign-in/passkey/options")
    assert other.send("/admin/sign-in/passkey", passkey=answer).status_code == 403


def test_one_authenticator_serves_one_account(world: World) -> None:
    """A credential id that somebody has cannot be enrolled by another."""
    sam = Colleague(world).enrolled(by_passkey=True)
    mallory = Colleague(world, "mallory@vestibule.test").invited()
    mallory.passkey = Authenticator()
    mallory.passkey.credential_id = sam.passkey.credential_id
    assert mallory.follow(by_passkey=True).status_code == 422
    assert mallory.invitation is not None
    assert mallory.browser.get(mallory.invitation.path).status_code == 200, "the invitation is not used up"
