"""What an attacker would try at staff's door: guessing, replaying, fixing, forging, racing."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial

import pytest
import sqlalchemy as sa
import time_machine

from admin_ui.console_sessions import STAFF_COOKIE
from admin_ui.sign_in_records import SIGN_IN_COOKIE
from config.database import transaction
from tests.support.at_once import at_once
from tests.support.browser import Browser, code_of
from tests.support.half_minutes import wrong_code
from tests.support.staff import PASSWORD, Colleague
from tests.support.world import World, utc_now

_TOKEN = re.compile(r'name="csrf_token" value="[^"]+"')
NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC)
DOOR = (
    *("/admin/sign-in", "/admin/sign-in/passkey", "/admin/sign-in/passkey/options", "/admin/sign-in/second-factor"),
    *("/admin/sign-in/second-factor/options", "/admin/sign-out", "/admin/invitation/x"),
)


def same_account(sam: Colleague) -> Colleague:
    """Another browser of the same person."""
    other = Colleague(sam.world, sam.email)
    other.secret, other._steps, other.passkey = sam.secret, sam._steps, sam.passkey
    return other


@pytest.mark.parametrize("path", DOOR)
def test_forms_of_others_are_refused(world: World, path: str) -> None:
    """Without a token, with a made-up one, with another browser's, and from another site."""
    sam, other = Colleague(world).enrolled(), Colleague(world)
    shown = other.page("/admin/sign-in")
    before = world.rows()
    for fields in ({}, {"csrf_token": "made-up"}):
        answer = sam.browser.post(path, data=fields)
        assert (answer.status_code, code_of(answer)) == (400, "csrf_failed")
    assert code_of(sam.send(path, shown)) == "csrf_failed"
    own = sam.page("/admin/sign-in?again=1")
    token = own.partition('name="csrf_token" value="')[2].partition('"')[0]
    for site in ("cross-site", "same-site"):
        answer = sam.browser.post(path, data={"csrf_token": token}, headers={"Sec-Fetch-Site": site})
        assert code_of(answer) == "csrf_failed"
    assert world.rows() == before


@pytest.mark.parametrize("path", DOOR)
def test_the_door_is_at_the_app_host_alone(world: World, path: str) -> None:
    """At a customer's host nothing of it is there."""
    answer = Browser(world.app, "acme").post(path, data={})
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


def test_a_session_that_was_put_there_is_not_taken_up(world: World) -> None:
    """Fixation: whatever the cookies held before, signing in makes new secrets, and the former session ends."""
    mallory = Colleague(world, "mallory@vestibule.test").enrolled("support")
    sam = Colleague(world).enrolled()
    victim = same_account(sam)
    planted = mallory.token
    assert planted
    victim.browser.client.set_cookie(STAFF_COOKIE, planted, domain="localhost", secure=True)
    victim.browser.client.set_cookie(SIGN_IN_COOKIE, "p" * 43, domain="localhost", secure=True)
    assert victim.give_password().status_code == 303
    assert victim.browser.cookie(SIGN_IN_COOKIE) != "p" * 43
    assert victim.give(code=victim.code()).status_code == 303
    assert victim.token != planted
    assert not mallory.is_in(), "the session that was planted has ended"


def test_cookies_are_bound_to_the_host(world: World) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite, no Domain."""
    sam = Colleague(world).enrolled()
    first = sam.give_password()
    second = sam.give(code=sam.code())
    for answer, name in ((first, SIGN_IN_COOKIE), (second, STAFF_COOKIE)):
        (cookie,) = (value for value in answer.headers.getlist("Set-Cookie") if value.startswith(name + "="))
        assert name.startswith("__Host-")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie


def test_a_code_works_once(world: World) -> None:
    """Seen over a shoulder and typed again, in its own half minute: refused; so is an earlier one after a later one."""
    sam = Colleague(world).enrolled()
    earlier, used, later = sam.codes_around()
    for code, status in ((earlier, 403), (used, 303), (used, 403), (earlier, 403), (later, 303), (used, 403)):
        other = same_account(sam)
        assert other.give_password().status_code == 303
        assert other.give(code=code).status_code == status, code
        assert other.is_in() == (status == 303)


@pytest.mark.parametrize(
    "code", ["", "another", "12345", "1234567", "abcdef", "１２３４５６", "0" * 10_000, "\x00" * 6, "-00001", "1e5555"]
)
def test_what_is_no_code_is_refused(world: World, code: str) -> None:
    """Whatever is typed, in the same words."""
    sam = Colleague(world).enrolled()
    other = same_account(sam)
    assert other.give_password().status_code == 303
    answer = other.give(code=wrong_code(sam.secret) if code == "another" else code)
    assert answer.status_code == 403
    assert "This code is not right" in answer.get_data(as_text=True)
    assert not other.is_in()


def test_five_wrong_codes_end_the_sign_in(world: World) -> None:
    """The password is asked again; the sixth try does not count, even if it is right."""
    sam = Colleague(world).enrolled()
    other = same_account(sam)
    assert other.give_password().status_code == 303
    for _ in range(5):
        assert other.give(code=wrong_code(sam.secret)).status_code == 403
    last = other.give(code=other.code())
    assert (last.status_code, code_of(last)) == (403, "sign_in_lost")
    assert not other.is_in()


def test_the_second_step_needs_the_first(world: World) -> None:
    """No cookie, a made-up one, and one of a sign-in that is over."""
    sam = Colleague(world).enrolled()
    other = same_account(sam)
    assert code_of(other.give(code=sam.code())) == "sign_in_lost"
    other.browser.client.set_cookie(SIGN_IN_COOKIE, "x" * 43, domain="localhost", secure=True)
    assert code_of(other.give(code=sam.code())) == "sign_in_lost"
    assert other.give_password().status_code == 303
    secret = other.browser.cookie(SIGN_IN_COOKIE)
    assert secret
    sam._steps.clear()
    assert other.give(recovery_code=sam.codes[0]).status_code == 303
    third = same_account(sam)
    third.browser.client.set_cookie(SIGN_IN_COOKIE, secret, domain="localhost", secure=True)
    assert code_of(third.give(recovery_code=sam.codes[1])) == "sign_in_lost"


def test_a_recovery_code_at_once_in_two_browsers_lets_one_in(world: World) -> None:
    """The database decides."""
    sam = Colleague(world).enrolled()
    browsers = [same_account(sam) for _ in range(4)]
    shown = [browser.page("/admin/sign-in") for browser in browsers]
    for browser in browsers:
        assert browser.give_password().status_code == 303
    answers = at_once(
        [
            lambda browser=browser, page=page: browser.send(
                "/admin/sign-in/second-factor", page, recovery_code=sam.codes[0]
            ).status_code
            for browser, page in zip(browsers, shown, strict=True)
        ]
    )
    assert sorted(answers) == [303, 403, 403, 403]


def test_an_invitation_at_once_in_two_browsers_makes_one_account(world: World) -> None:
    """The first one's password and factor hold, the others are told."""
    sam = Colleague(world).invited()
    assert sam.invitation is not None
    browsers = [Colleague(world) for _ in range(3)]
    for number, browser in enumerate(browsers):
        browser.invitation, browser.password = sam.invitation, f"{number} {PASSWORD}"
    shown = [browser.page(sam.invitation.path) for browser in browsers]  # before the first one uses it up
    calls = [partial(browser.follow, page) for browser, page in zip(browsers, shown, strict=True)]
    statuses = [answer.status_code for answer in at_once(calls)]
    assert sorted(statuses) == [200, 404, 404]
    assert world.count("staff_recovery_code") == 10
    assert world.count("console_session") == 1


@pytest.mark.parametrize("token", ["x", "", "é", "a" * 43, "A" * 5000, "%00", "../sign-in"])
def test_an_invitation_cannot_be_guessed(world: World, token: str) -> None:
    """Unknown, empty and odd ones are the same."""
    answer = Colleague(world).browser.get(f"/admin/invitation/{token}")
    assert answer.status_code in (404, 308), answer.status


def test_looking_at_an_invitation_uses_nothing_up(world: World) -> None:
    """A mail scanner that opens every link changes nothing."""
    sam = Colleague(world).invited()
    assert sam.invitation is not None
    before = world.rows()
    for _ in range(3):
        sam.page(sam.invitation.path)
    assert world.rows() == before
    assert sam.enrolled().is_in()


def test_an_invitation_of_yesterday_is_over(world: World) -> None:
    """After 24 hours, and after another one was made."""
    sam = Colleague(world).invited()
    with world.app.app_context(), transaction() as connection:
        statement = sa.text("UPDATE staff_account SET invitation_expires_at = :then")
        typed = statement.bindparams(sa.bindparam("then", type_=sa.DateTime(timezone=True)))
        connection.execute(typed, {"then": utc_now() - dt.timedelta(seconds=1)})
    assert sam.invitation is not None
    assert code_of(sam.browser.get(sam.invitation.path)) == "invitation_invalid"


def test_the_secret_of_another_form_is_not_taken(world: World) -> None:
    """What is sealed into one invitation's form opens in no other's: nobody enrols an app that they know into it."""
    mallory = Colleague(world, "mallory@vestibule.test").invited()
    sam = Colleague(world).invited()
    assert mallory.invitation is not None
    shown = mallory.page(mallory.invitation.path)
    sealed = shown.partition('name="sealed" value="')[2].partition('"')[0]
    mallory.secret = shown.partition('<code class="secret">')[2].partition("<")[0].replace(" ", "")
    code = mallory.code()
    for forged in (sealed, "", "v1.test.AAAA", "x" * 5000):
        assert sam.follow(sealed=forged, code=code).status_code == 422
    assert world.count("console_session") == 0


PASSWORDS = (
    *("short", "password1234", "aaaaaaaaaaaaaaaa", "123456789012345", "qwertyuiopasdf", "sam@vestibule.test"),
    *("vestibule admin", "x" * 201, "correcthorsebatterystaple", "abcabcabcabcabc", "tab\tis no\tletter!"),
)


@pytest.mark.parametrize("password", PASSWORDS)
def test_passwords_that_would_be_tried_first_are_refused(world: World, password: str) -> None:
    """With a sentence beside the field; the invitation stays."""
    sam = Colleague(world).invited()
    answer = sam.follow(password=password)
    assert answer.status_code == 422
    assert sam.enrolled().is_in()


def test_a_password_may_be_written_in_two_ways(world: World) -> None:
    """NFKC: an accent that a keyboard composes is the one that another keyboard has."""
    sam = Colleague(world)
    sam.password = "caf\u00e9 otters knit quietly \U0001f9a6"
    sam.enrolled()
    assert same_account(sam).give_password("cafe\u0301 otters knit quietly \U0001f9a6").status_code == 303
    assert same_account(sam).give_password("cafe otters knit quietly \U0001f9a6").status_code == 403




@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.test/", "//evil.test", "/\\evil.test", "/saml/login", "/admin/sign-in", "javascript:x"),
        *("/administration/", "/metrics"),
        "/admin/../x\r\nSet-Cookie: a=b",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(world: World, wanted: str) -> None:
    """`next` is a page of the console, or it is not followed."""
    sam = Colleague(world).enrolled()
    other = same_account(sam)
    assert other.give_password(next=wanted).status_code == 303
    answer = other.give(recovery_code=sam.codes[0])
    assert (answer.status_code, answer.location) == (303, "/admin/")


def test_a_form_is_good_for_twelve_hours(world: World) -> None:
    """As long as a session at most: a page of yesterday sends nothing."""
    sam = Colleague(world)
    page = sam.page("/admin/sign-in")
    with time_machine.travel(utc_now() + dt.timedelta(hours=12, minutes=1)):
        answer = sam.send("/admin/sign-in", page, email=sam.email, password=sam.password)
        assert (answer.status_code, code_of(answer)) == (400, "csrf_failed")


@pytest.mark.usefixtures("slow_passwords")
def test_no_secret_is_kept_or_logged_as_it_is(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """Tokens and codes as hashes, the app's secret sealed, the password by Argon2id; nothing of it in events and logs."""
    sam = Colleague(world).enrolled()
    Colleague(world, "joan@vestibule.test").invited()
    assert sam.give_password().status_code == 303
    assert sam.invitation is not None
    text, logged = repr(world.rows()), capfd.readouterr().err
    pending = sam.browser.cookie(SIGN_IN_COOKIE)
    secrets = [sam.secret, sam.password, sam.token, pending, sam.invitation.token, *sam.codes]
    for secret in (*secrets, *(code.replace("-", "") for code in sam.codes)):
        assert secret
        assert secret not in text
        assert secret not in logged
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in text
    assert "/admin/invitation/[masked]" in logged
