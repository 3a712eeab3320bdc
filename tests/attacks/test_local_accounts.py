"""Attacks on local accounts and break-glass: strangers, forwarded links, stolen cookies, other tenants, two clicks at once."""

from __future__ import annotations

import re
import time

import pytest
import sqlalchemy as sa
import time_machine

from config.database import db, transaction, write
from config.isolation import every_tenant
from identity.credentials.patience import FREE_FOR_ACCOUNT, FREE_FOR_BOTH
from identity.local_accounts.models import LocalAttempt, LocalLink
from identity.local_pages.arriving import BROWSER_COOKIE
from identity.local_sign_in.asked_links import run_due_links
from tests.support.at_once import at_once
from tests.support.authenticator import Authenticator
from tests.support.browser import Browser, code_of
from tests.support.half_minutes import wrong_code
from tests.support.local_accounts import REASON, LocalPerson, allow_local, change_deployment, events_of, means_of
from tests.support.world import World, utc_now

WRONG = "not the password at all"
OTHER = "seven herons rest upstream"
SAMPLES = 9


@pytest.fixture
def lin(world: World) -> LocalPerson:
    """Somebody of acme with a password, in a browser that is known."""
    allow_local(world)
    person = LocalPerson(world).enrolled()
    assert person.sign_in().status_code == 303
    return person


def from_address(lin: LocalPerson, address: str, password: str = WRONG, browser: Browser | None = None) -> str | None:
    """One guess from an address; the code of its refusal."""
    using = browser or lin.world.browser()
    answer = using.post(
        "/sign-in",
        data={"name": lin.email, "password": password},
        headers={"Origin": f"http://{using.host}"},
        environ_overrides={"REMOTE_ADDR": address},
    )
    return code_of(answer) if answer.status_code != 303 else None


@pytest.mark.usefixtures("slow_passwords")
def test_nothing_tells_whether_there_is_an_account(world: World, lin: LocalPerson) -> None:
    """The same page, cookies and events for a wrong password, an unknown name, and an account that waits; as much work, too.

    Measured as CPU time of the thread that answers, which other programs on the machine do not change.
    """
    waiting = LocalPerson(world, name="eve")
    waiting.invited()
    names = {"known": lin.email, "username": "lin", "unknown": "nobody@acme.test", "waiting": waiting.email, "odd": "\x00'--"}
    answers, taken = {}, {name: list[float]() for name in names}
    for _ in range(SAMPLES):
        for kind, name in names.items():
            browser = world.browser()
            began = time.thread_time()
            answer = lin.send("/sign-in", browser, name=name, password=WRONG)
            taken[kind].append(time.thread_time() - began)
            page = re.sub(r'value="[^"]*"', "", answer.get_data(as_text=True))
            answers[kind] = (answer.status_code, page, sorted(name for name, _ in answer.headers), browser.cookie_names())
    assert len({str(answer) for answer in answers.values()}) == 1
    least = {kind: min(times) for kind, times in taken.items()}
    assert max(least.values()) < 1.25 * min(least.values()), least
    details = [event.detail for event in events_of(world, "sign_in.refused")]
    assert {tuple(sorted(detail)) for detail in details} == {("cause", "reference", "user", "way")}
    assert not any(WRONG in str(detail) or "nobody@" in str(detail) for detail in details)
    for name in names.values():
        forgotten = lin.send("/sign-in/forgotten", world.browser(), name=name)
        assert (forgotten.status_code, forgotten.location) == (303, "/sign-in/forgotten?asked=1")


@pytest.mark.usefixtures("clock_stands")
def test_strangers_do_not_shut_the_owner_out(world: World, lin: LocalPerson) -> None:
    """From many addresses the account makes everybody wait but the browser that is known; a link makes another one known."""
    change_deployment(world, rate_limits=True)
    for number in range(FREE_FOR_ACCOUNT):
        assert from_address(lin, f"192.0.2.{number + 1}") == "sign_in_failed"
    assert from_address(lin, "198.51.100.7") == "rate_limited"
    assert from_address(lin, "203.0.113.9", lin.password) == "rate_limited"  # the owner, from a new browser
    assert from_address(lin, "203.0.113.9", lin.password, lin.browser) is None
    new = world.browser()
    with world.app.app_context(), transaction(), every_tenant():  # the success above has forgotten the known browser's own only
        assert write(sa.update(LocalAttempt).values(last_at=utc_now(), failures=1_000)).rowcount
    assert from_address(lin, "203.0.113.10", lin.password, new) == "rate_limited"
    assert lin.follow(lin.another_link(), new).status_code == 200
    assert from_address(lin, "203.0.113.10", lin.password, new) is None


@pytest.mark.usefixtures("clock_stands")
def test_a_stolen_browser_cookie_opens_nothing_and_gives_few_guesses(world: World, lin: LocalPerson) -> None:
    """It has a budget of its own, as small as anybody's; a new password makes it worthless."""
    change_deployment(world, rate_limits=True)
    thief, token = world.browser(), lin.device
    assert token
    thief.client.set_cookie(BROWSER_COOKIE, token, domain="acme.localhost")
    assert not lin.is_in(thief)
    codes = [from_address(lin, f"198.51.100.{number}", WRONG, thief) for number in range(FREE_FOR_BOTH + 1)]
    assert codes == ["sign_in_failed"] * FREE_FOR_BOTH + ["rate_limited"]
    assert from_address(lin, "192.0.2.200", lin.password) is None  # whoever has no cookie is not held up by that
    assert lin.follow(lin.another_link()).status_code == 200
    with world.app.app_context(), transaction(), every_tenant():
        write(sa.delete(LocalAttempt))
    other = LocalPerson(world, name="mal").enrolled()
    thief.client.set_cookie(BROWSER_COOKIE, token, domain="acme.localhost")
    for number in range(FREE_FOR_ACCOUNT):
        from_address(lin, f"192.0.2.{number + 1}")
    assert from_address(lin, "198.51.100.50", WRONG, thief) == "rate_limited"
    assert from_address(other, "198.51.100.51", WRONG, thief) == "sign_in_failed"  # somebody else's account


def test_a_link_works_once_at_its_tenant_in_its_time(world: World, lin: LocalPerson) -> None:
    """Forwarded, followed twice, at once, too late, at another tenant, or of somebody who is switched off."""
    allow_local(world, world.globex)
    path = lin.another_link()
    assert code_of(Browser(world.app, "globex").get(path)) == "link_invalid"
    for _ in range(3):  # programs that look at links in mail use nothing up
        assert lin.browser.get(path).status_code == 200
    second = lin.another_link()
    browsers = [world.browser() for _ in range(4)]
    passwords = [f"{OTHER} number {number} of four" for number in range(4)]
    answers = at_once(
        [
            lambda browser=browser, password=password: lin.send(path, browser, password=password, sealed="")
            for browser, password in zip(browsers, passwords, strict=True)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    (chosen,) = [word for word, answer in zip(passwords, answers, strict=True) if answer.status_code == 200]
    assert code_of(world.browser().get(path)) == "link_invalid"
    assert code_of(world.browser().get(second)) == "link_invalid"
    assert not lin.is_in()
    assert [code_of(lin.give_password(word)) for word in passwords if word != chosen] == ["sign_in_failed"] * 3
    assert lin.give_password(chosen).status_code == 303
    late = lin.another_link()
    with world.app.app_context(), transaction(), every_tenant():
        write(sa.update(LocalLink).values(expires_at=utc_now()))
    assert code_of(world.browser().get(late)) == "link_invalid"
    for odd in ("x", "%00", "%C3%A9" * 43, "a" * 500):
        assert code_of(world.browser().get("/sign-in/link/" + odd)) in ("link_invalid", "request_invalid", "not_found")


def test_whoever_is_switched_off_has_nothing_left_that_waits(world: World, lin: LocalPerson) -> None:
    """Link and second step are gone with the switching off, and stay so when the person is switched on again."""
    assert lin.set_up_app().status_code == 200
    path = lin.another_link()
    browser = world.browser()
    assert lin.give_password(browser=browser).status_code == 303
    for active in (False, True):
        world.api("PATCH", f"/tenants/acme/users/{lin.user_id}", json={"active": active})
        assert code_of(world.browser().get(path)) == "link_invalid"
        assert code_of(lin.give(browser, code=lin.code())) == "sign_in_lost"
    assert not lin.is_in()


def test_a_link_that_is_made_for_somebody_switched_off_is_worth_nothing(world: World, lin: LocalPerson) -> None:
    """As long as they are: it neither shows whose it is nor sets a password."""
    world.api("PATCH", f"/tenants/acme/users/{lin.user_id}", json={"active": False})
    path = lin.another_link()
    assert code_of(world.browser().get(path)) == "link_invalid"
    assert code_of(lin.send(path, password=OTHER, sealed="")) == "link_invalid"
    world.api("PATCH", f"/tenants/acme/users/{lin.user_id}", json={"active": True})
    assert lin.sign_in().status_code == 303


@pytest.mark.usefixtures("clock_stands")
def test_a_name_is_counted_however_it_is_written(world: World, lin: LocalPerson) -> None:
    """Case, blanks, accents, and characters that nobody sees, which directories pass over, begin no count of their own."""
    change_deployment(world, rate_limits=True)
    ways = ("lin", " LIN ", "l\u00adin", "l\u200bi\u200dn", "\ufefflin", "\u202elin", "li\u0301n")
    ways += ("li\ufe0fn", "l\u034fin", "l\u3164in")
    for number in range(FREE_FOR_ACCOUNT):
        lin.email = ways[number % len(ways)]
        assert from_address(lin, f"192.0.2.{number + 1}") == "sign_in_failed"
    with world.app.app_context(), every_tenant(), transaction():  # under load, a wait of a second is over too soon
        write(sa.update(LocalAttempt).values(failures=LocalAttempt.failures + FREE_FOR_ACCOUNT))
    for number, lin.email in enumerate(ways):
        assert from_address(lin, f"198.51.100.{number + 1}") == "rate_limited", lin.email


def test_who_may_not_come_in_is_sent_no_link_however_often_it_is_asked_for(world: World, lin: LocalPerson) -> None:
    """Somebody switched off, or whose organisation signs in otherwise, or whose domain is lost; and three at once at most."""
    change_deployment(world, smtp_url="smtp://mail.test")
    users = f"/tenants/acme/users/{lin.user_id}"

    def sent(times: int = 1) -> int:
        for number in range(times):
            name = (lin.email, "lin", " LIN@acme.test ")[number % 3]
            assert lin.send("/sign-in/forgotten", world.browser(), name=name).status_code == 303
        with world.app.app_context():
            return run_due_links(means_of(world), utc_now())

    assert sent(6) == 3
    with world.app.app_context(), transaction(), every_tenant():
        write(sa.delete(LocalLink))
    world.api("PATCH", users, json={"active": False})
    assert sent() == 0
    world.api("PATCH", users, json={"active": True})
    allow_local(world, way="sso")
    assert sent() == 0
    lin.named()
    assert sent() == 1, "break-glass is for when that way is down"
    allow_local(world)
    assert sent() == 1
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": ["acme.example"]}).status_code == 200
    assert sent() == 0


def test_a_link_gets_nobody_past_a_second_factor(world: World, lin: LocalPerson) -> None:
    """Whoever reads somebody's mail sets a password, and is asked for the code all the same."""
    assert lin.set_up_app().status_code == 200
    thief = world.browser()
    lin.password = OTHER
    assert lin.follow(lin.another_link(), thief).status_code == 200
    assert lin.give_password(browser=thief).location == "/sign-in/second-factor"
    assert not lin.is_in(thief)
    answer = lin.send("/sign-in/passkey", thief, passkey="{}")
    assert code_of(answer) in ("sign_in_lost", "sign_in_failed")
    for _ in range(5):
        lin.give(thief, code=wrong_code(lin.secret))
    assert code_of(lin.give(thief, code=lin.code())) == "sign_in_lost"


def test_a_code_opens_one_session_however_often_it_is_sent_at_once(world: World, lin: LocalPerson) -> None:
    """Four browsers with the right password and the same code: one of them is in."""
    assert lin.set_up_app().status_code == 200
    browsers = [world.browser() for _ in range(4)]
    for browser in browsers:
        assert lin.give_password(browser=browser).status_code == 303
    code = lin.code()
    answers = at_once([lambda browser=browser: lin.give(browser, code=code) for browser in browsers])
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]
    assert sum(lin.is_in(browser) for browser in browsers) == 1


def test_passkeys_of_others_are_nobody_s_here(world: World, lin: LocalPerson) -> None:
    """Of another tenant, of another host, of another account as a second factor, with another's handle, or a cloned one."""
    allow_local(world, world.globex)
    assert lin.set_up_passkey().status_code == 200  # the first factor: recovery codes are shown
    gil = LocalPerson(world, world.globex, "gil").enrolled()
    gil.sign_in()
    assert gil.set_up_passkey().status_code == 200
    mal = LocalPerson(world, name="mal").enrolled()
    mal.sign_in()
    assert mal.set_up_passkey().status_code == 200
    good = lin.passkey.use(lin.options("/sign-in/passkey/options", lin.browser))
    assert lin.send("/sign-in/passkey", passkey=good).status_code == 303
    stranger = world.browser()
    for lie, key in (
        ({}, gil.passkey),
        ({}, Authenticator(world.acme.origin, "acme.localhost")),
        ({"origin": world.globex.origin}, lin.passkey),
        ({"party": "globex.localhost"}, lin.passkey),
        ({"handle": mal.user_id.encode()}, lin.passkey),
        ({"flags": 0x01}, lin.passkey),
        ({"count": 1}, lin.passkey),
    ):
        options = lin.options("/sign-in/passkey/options", stranger)
        answer = lin.send("/sign-in/passkey", stranger, passkey=key.use(options, **lie))
        assert code_of(answer) == "sign_in_failed", lie
    assert lin.give_password(browser=stranger).location == "/sign-in/second-factor"
    options = lin.options("/sign-in/second-factor/options", stranger)
    assert code_of(lin.give(stranger, passkey=mal.passkey.use(options))) == "sign_in_failed"
    assert not lin.is_in(stranger)


def test_forms_come_from_this_host_alone(world: World, lin: LocalPerson) -> None:
    """Signing somebody in from a sibling host, from nowhere, or from another scheme: nothing happens, and no cookie is set."""
    right = {"name": lin.email, "password": lin.password}
    lies: tuple[dict[str, str], ...] = (
        {},
        {"Origin": world.globex.origin},
        {"Origin": "null"},
        {"Origin": "https://acme.localhost:8000"},
        {"Origin": world.acme.origin, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
    )
    for headers in lies:
        for path in ("/sign-in", "/break-glass", "/sign-in/forgotten", "/sign-in/passkey/options", "/account/sign-in/password"):
            browser = world.browser()
            answer = browser.post(path, data=right, headers=headers)
            assert (answer.status_code, code_of(answer)) == (400, "csrf_failed"), (headers, path)
            assert "Set-Cookie" not in answer.headers
    assert lin.browser.post("/sign-in", data=right, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_another_tenant_s_people_are_nobody_here(world: World, lin: LocalPerson) -> None:
    """Names, sign-ins under way, browsers and break-glass names of globex mean nothing at acme."""
    allow_local(world, world.globex)
    gil = LocalPerson(world, world.globex, "gil")
    path = gil.invited()
    gil.named()
    gil.follow(path)
    here = world.browser()
    assert code_of(gil.give_password(browser=here)) == "sign_in_failed"
    assert code_of(gil.break_glass(here)) == "sign_in_failed"
    gil.break_glass()
    for name in gil.browser.cookie_names():
        here.client.set_cookie(name, gil.browser.cookie(name) or "", domain="acme.localhost")
    assert code_of(gil.give(here, code=gil.code())) == "sign_in_lost"
    assert world.count("break_glass_use") == 0


def test_break_glass_ends_after_an_hour_and_tells_no_stranger_whom_it_lets_in(world: World, lin: LocalPerson) -> None:
    """However it is used meanwhile; and a named administrator's wrong password looks like nobody's."""
    lin.named()
    assert lin.follow(lin.another_link()).status_code == 200
    pages = {
        name: re.sub(r'value="[^"]*"', "", lin.break_glass(world.browser(), name=name, password=WRONG).get_data(as_text=True))
        for name in (lin.email, "nobody@acme.test")
    }
    assert len(set(pages.values())) == 1
    assert lin.break_glass().location == "/sign-in/second-factor"
    assert lin.give(code=lin.code()).location == "/admin/"
    began = utc_now().timestamp()
    for minutes, is_in in ((30, True), (59, True), (61, False)):
        with time_machine.travel(began + minutes * 60, tick=False):
            assert lin.is_in() is is_in
    assert lin.break_glass(reason="\u202e" * 20).status_code in (303, 422)
    assert [event.detail["why"] for event in events_of(world, "break_glass.used")] == [REASON]


def test_nobody_hides_that_they_broke_the_glass(world: World, lin: LocalPerson) -> None:
    """Whoever came in so does not say themselves that it was in order; what they typed cannot turn the line around."""
    lin.named()
    lin.follow(lin.another_link())
    assert code_of(lin.break_glass(reason="\u202e" * 20)) == "validation_failed"
    lin.break_glass()
    lin.give(code=lin.code())
    shown = lin.page("/admin/break-glass/")
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    (use,) = world.api("GET", "/tenants/acme/break-glass").get_json()["uses"]
    assert "/seen/" not in shown
    assert token
    lin.send(f"/admin/break-glass/seen/{use['id']}", csrf_token=token[1])
    assert world.api("GET", "/tenants/acme/break-glass").get_json()["uses"][0]["seen_at"] is None


def test_a_password_of_the_staff_tenant_opens_no_console_of_staff(world: World, lin: LocalPerson) -> None:
    """Staff come by single sign-on of that tenant; somebody with its local account is sent there first."""
    change_deployment(world, staff_tenant="acme")
    started = Browser(world.app, None).get("/admin/sign-in/sso")
    assert started.location.startswith(world.acme.origin)
    answer = lin.browser.get(started.location.removeprefix(world.acme.origin))
    assert answer.status_code == 303
    assert answer.location.startswith("/saml/login?")


def test_a_name_of_emoji_fits_into_the_picture_for_apps(world: World, lin: LocalPerson) -> None:
    """An organisation may be called what it likes."""
    world.api("PATCH", "/tenants/acme", json={"name": "\U0001f98a" * 200})
    assert 'class="secret"' in lin.page("/account/sign-in")


def test_no_token_password_or_code_is_in_the_log_or_the_database(
    world: World, lin: LocalPerson, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor in an event; the database has hashes and sealed secrets."""
    path = lin.another_link()
    lin.follow(path)
    lin.sign_in()
    lin.set_up_app()
    held = (lin.device or "-", lin.browser.session_token or "-")
    secrets = [path.rpartition("/")[2], lin.password, lin.secret, *held, *lin.codes]
    told = capsys.readouterr()
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        stored = "".join(
            str(row) for table in db.metadata.sorted_tables for row in connection.execute(sa.select(table))
        )
    for secret in secrets:
        assert secret not in told.err + told.out
        assert secret not in stored
    assert "/sign-in/link/" in told.err
