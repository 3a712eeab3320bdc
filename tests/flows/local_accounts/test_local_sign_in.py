"""Local accounts, end to end: invitation, password, second factors, one's own page, forgotten passwords (G2)."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read, transaction
from config.isolation import every_tenant
from identity.local_accounts.models import LocalLink
from identity.local_sign_in.accounts import take_account, take_factors
from identity.local_sign_in.asked_links import run_due_links
from identity.people import change_active
from tenants.notices.sending import run_due_deliveries
from tests.support.browser import code_of
from tests.support.half_minutes import wrong_code
from tests.support.local_accounts import (
    LocalPerson,
    allow_local,
    change_deployment,
    events_of,
    means_of,
    tenant_of,
)
from tests.support.mail_server import MailServer, mail_server
from tests.support.world import World, utc_now

OTHER = "seven herons rest upstream"


def test_an_invitation_leads_to_a_password_and_that_to_a_session(world: World) -> None:
    """The link sets a password once, the form signs in, and the session is like any other; events tell it."""
    allow_local(world)
    lin = LocalPerson(world)
    path = lin.invited()
    assert code_of(lin.send(path, password="short", sealed="")) == "password_not_allowed"
    assert lin.give_password().status_code == 403
    done = lin.follow(path)
    assert "Your password is set" in done.get_data(as_text=True)
    assert code_of(lin.browser.get(path)) == "link_invalid"
    shown = lin.page("/")
    assert 'action="/sign-in"' in shown
    wrong = lin.give_password("not the password at all")
    assert (wrong.status_code, code_of(wrong)) == (403, "sign_in_failed")
    assert not lin.is_in()
    entered = lin.give_password(next="/reports?a=1")
    assert (entered.status_code, entered.location) == (303, "/reports?a=1")
    assert lin.browser.get("/session").get_json()["user"]["email"] == lin.email
    by_username = world.browser()
    assert lin.give_password(browser=by_username, name="lin").status_code == 303
    opened = events_of(world, "session.opened")
    assert [item.detail["way"] for item in opened] == ["local", "local"]
    refused = events_of(world, "sign_in.refused")
    assert {item.reason for item in refused} == {"sign_in_failed"}
    assert len(events_of(world, "local_account.link_followed")) == 1


def test_the_second_step_takes_a_code_a_recovery_code_or_a_passkey_once_each(world: World) -> None:
    """An app set up on one's own page is asked for from then on; so is a passkey, which is also enough alone."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    assert lin.set_up_app().status_code == 200
    assert len(lin.codes) == 10
    assert lin.set_up_passkey().status_code == 303
    browser = world.browser()
    first = lin.give_password(browser=browser)
    assert first.location == "/sign-in/second-factor"
    assert not lin.is_in(browser)
    assert code_of(lin.give(browser, code=wrong_code(lin.secret))) == "sign_in_failed"
    code = lin.code()
    assert lin.give(browser, code=code).status_code == 303
    assert lin.is_in(browser)
    again = world.browser()
    lin.give_password(browser=again)
    assert code_of(lin.give(again, code=code)) == "sign_in_failed"
    assert lin.give(again, recovery_code=lin.codes[0]).status_code == 303
    third = world.browser()
    lin.give_password(browser=third)
    assert code_of(lin.give(third, recovery_code=lin.codes[0])) == "sign_in_failed"
    answer = lin.passkey.use(lin.options("/sign-in/second-factor/options", third))
    assert lin.give(third, passkey=answer).status_code == 303
    alone = world.browser()
    answer = lin.passkey.use(lin.options("/sign-in/passkey/options", alone))
    assert lin.send("/sign-in/passkey", alone, passkey=answer).status_code == 303
    assert lin.is_in(alone)
    hows = [item.detail["how"] for item in events_of(world, "session.opened")]
    assert hows == ["password", "password_totp", "password_recovery", "password_passkey", "passkey"]


def test_one_s_own_page_changes_the_password_and_ends_other_sessions(world: World) -> None:
    """It takes the present password; others lose their sessions, and the token of this browser is another one."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    elsewhere = world.browser()
    lin.sign_in(elsewhere)
    before = lin.browser.session_token
    refused = lin.send("/account/sign-in/password", present="wrong", password=OTHER)
    assert code_of(refused) == "second_factor_invalid"
    assert lin.send("/account/sign-in/password", present=lin.password, password=OTHER).status_code == 303
    assert lin.is_in()
    assert not lin.is_in(elsewhere)
    assert lin.browser.session_token != before
    assert code_of(lin.give_password(browser=elsewhere)) == "sign_in_failed"
    assert lin.give_password(OTHER, elsewhere).status_code == 303
    lin.password = OTHER
    lin.sign_in()  # the change ended this one
    assert lin.set_up_app().status_code == 200
    assert lin.send("/account/sign-in/app", present=OTHER, remove="yes").status_code == 303
    assert len(events_of(world, "local_account.second_factor_changed")) == 2
    assert code_of(world.browser().get("/account/sign-in")) == "unauthenticated"


def test_where_a_second_factor_is_required_the_link_sets_it_up(world: World) -> None:
    """A password alone does not come in, and the last factor cannot be given up."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    allow_local(world, require_second_factor=True)
    assert code_of(lin.give_password()) == "second_factor_missing"
    assert lin.follow(lin.another_link()).status_code == 200
    assert len(lin.codes) == 10
    assert lin.sign_in().status_code == 303
    assert code_of(lin.send("/account/sign-in/app", present=lin.password, remove="yes")) == "state_conflict"


def test_organisations_that_sign_in_otherwise_refuse_a_local_account(world: World) -> None:
    """Where SSO is required, or the way is another one; said to nobody who does not know the password."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    allow_local(world, sso_required=True)
    assert code_of(lin.give_password()) == "sign_in_way_not_allowed"
    assert 'action="/sign-in"' not in lin.page("/?signed_out=1")
    assert code_of(lin.send("/sign-in/passkey/options")) == "sign_in_way_not_allowed"
    allow_local(world)
    with world.app.app_context(), transaction():
        change_active(tenant_of(world).id, lin.user_id, False, actor="test", now=utc_now())
    assert code_of(lin.give_password("not the password at all")) == "sign_in_failed"
    assert code_of(lin.give_password()) == "user_inactive"


def test_whoever_has_forgotten_a_password_gets_a_link_by_mail(world: World) -> None:
    """One mail to the address of the account, none for anybody else; following it ends every session and tells the owner."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    with mail_server() as server:
        change_deployment(world, smtp_url=server.url())
        stranger = world.browser()
        for name in (lin.email, "nobody@acme.test", "nobody"):
            answer = lin.send("/sign-in/forgotten", stranger, name=name)
            assert (answer.status_code, answer.location) == (303, "/sign-in/forgotten?asked=1")
        with world.app.app_context():
            assert run_due_links(means_of(world), utc_now()) == 1
            assert run_due_links(means_of(world), utc_now()) == 0
        text = sent(world, server)
        path = text[text.index("/sign-in/link/") :].split()[0]
        lin.password = OTHER
        assert lin.follow(path, stranger).status_code == 200
        assert not lin.is_in()
        assert "your password was changed" in sent(world, server)
    assert lin.sign_in().status_code == 303
    with world.app.app_context(), every_tenant():
        assert read(sa.select(LocalLink.user_id)).all() == []


def test_administrators_take_factors_and_accounts_away(world: World) -> None:
    """Lost factors go, with every session; so does an account, with all that belongs to it."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    lin.set_up_app()
    with world.app.app_context(), transaction():
        take_factors(tenant_of(world), lin.user_id, means_of(world), actor="test", now=utc_now())
    assert not lin.is_in()
    assert lin.sign_in().location == "/"
    with world.app.app_context(), transaction():
        take_account(tenant_of(world), lin.user_id, means_of(world), actor="test", now=utc_now())
    assert not lin.is_in()
    assert code_of(lin.give_password()) == "sign_in_failed"
    assert [world.count(name) for name in ("local_account", "local_recovery_code", "local_browser")] == [0, 0, 0]


def sent(world: World, server: MailServer) -> str:
    """The text of the last mail, once what waits has been sent."""
    with world.app.app_context():
        means = means_of(world)
        run_due_deliveries(means.settings, means.keys, utc_now())
    return server.received[-1].text


def test_no_identity_provider_takes_a_local_account_over(world: World) -> None:
    """Joining is for people who were prepared: whoever has a password here is known by it, whatever anybody else asserts."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    before = world.rows()["users"]

    def asserted(**attributes: list[str]) -> str:
        browser = world.browser()
        started = browser.start(idp="main")
        response = world.response(started, name_id="eve", attributes=attributes)
        return code_of(browser.post_response(response, started.relay_state)) or "signed in"

    world.change_settings(jit_provisioning=False)
    assert asserted(mail=[lin.email], uid=["x"]) == "user_not_provisioned"
    assert asserted(mail=["eve@acme.test"], uid=["lin"]) == "user_not_provisioned"
    world.change_settings(jit_provisioning=True)
    assert asserted(mail=[lin.email]) == "email_conflict"
    assert world.rows()["users"] == before
    assert lin.is_in()
