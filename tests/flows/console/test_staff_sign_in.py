"""Staff come in: by invitation, password and second factor, passkey, or recovery code (A1)."""

from __future__ import annotations

from tests.support.browser import code_of
from tests.support.staff import Colleague
from tests.support.world import World


def test_an_invitation_makes_an_account_and_signs_in(world: World) -> None:
    """Password and app together; the ten recovery codes are shown once; the link is used up."""
    sam = Colleague(world).enrolled()
    assert sam.is_in()
    assert len(set(sam.codes)) == 10
    assert sam.invitation is not None
    again = Colleague(world).browser.get(sam.invitation.path)
    assert (again.status_code, code_of(again)) == (404, "invitation_invalid")


def test_password_and_app_sign_in(world: World) -> None:
    """In a new browser: both steps, and the place that was asked for."""
    sam = Colleague(world).enrolled()
    other = Colleague(world)
    other.secret, other._steps = sam.secret, sam._steps
    assert not other.is_in()
    first = other.give_password(next="/admin/tenants/?q=acme")
    assert (first.status_code, first.location) == (303, "/admin/sign-in/second-factor")
    assert not other.is_in(), "a password alone is not enough"
    second = other.give(code=other.code())
    assert (second.status_code, second.location) == (303, "/admin/tenants/?q=acme")
    assert other.is_in()
    assert sam.is_in(), "another browser's session goes on"


def test_a_passkey_enrols_and_signs_in_without_a_password(world: World) -> None:
    """User verification makes it both factors."""
    sam = Colleague(world).enrolled(by_passkey=True)
    assert sam.is_in()
    other = Colleague(world)
    options = other.options("/admin/sign-in/passkey/options")
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    answer = other.send("/admin/sign-in/passkey", passkey=sam.passkey.use(options))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert other.is_in()


def test_a_passkey_is_a_second_factor(world: World) -> None:
    """After the password, only the account's own passkeys are asked for."""
    sam = Colleague(world).enrolled(by_passkey=True)
    other = Colleague(world)
    assert other.give_password().status_code == 303
    options = other.options("/admin/sign-in/second-factor/options")
    assert len(options["allowCredentials"]) == 1
    assert other.give(passkey=sam.passkey.use(options)).status_code == 303
    assert other.is_in()


def test_a_recovery_code_stands_in_once(world: World) -> None:
    """However it is typed; the second time it is worth nothing."""
    sam = Colleague(world).enrolled()
    other = Colleague(world)
    assert other.give_password().status_code == 303
    typed = sam.codes[3].upper().replace("-", " ")
    assert other.give(recovery_code=f"  {typed} ").status_code == 303
    assert other.is_in()
    third = Colleague(world)
    assert third.give_password().status_code == 303
    refused = third.give(recovery_code=sam.codes[3])
    assert refused.status_code == 403
    assert not third.is_in()


def test_signing_out_ends_the_session(world: World) -> None:
    """Not the cookie alone: a copy of it is worth nothing afterwards."""
    sam = Colleague(world).enrolled()
    token = sam.token
    assert token
    left = sam.send("/admin/sign-out")
    assert (left.status_code, left.location) == (303, "/admin/sign-in?signed_out=1")
    copy = Colleague(world)
    copy.browser.client.set_cookie("__Host-vestibule_staff", token, domain="localhost", secure=True)
    assert not copy.is_in()
