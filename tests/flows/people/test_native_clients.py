"""Applications on people's devices get a session of their own: by the system's browser, a code and PKCE (B3; RFC 8252)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from tests.flows.people.test_devices import devices, end, signed_in
from tests.support.at_once import another_worker, at_once
from tests.support.browser import Browser, code_of
from tests.support.logout import request_parts, request_xml, signed_query
from tests.support.native import Application, returned, who
from tests.support.world import World, utc_now

APPLICATION = Application()


def events(world: World, *types: str) -> list[dict[str, Any]]:
    """acme's events of these types, newest first."""
    items: list[dict[str, Any]] = world.api("GET", "/tenants/acme/events").get_json()["items"]
    return [item for item in items if item["type"] in types]


def test_the_whole_way(world: World) -> None:
    """Sign in, say yes, redeem, use, see it among the devices, end it; each half with what it alone has."""
    browser = world.browser()
    to_sign_in = APPLICATION.asks(browser)
    assert to_sign_in.location.startswith("/saml/login?next=%2Fnative%2Fauthorize%3F")
    started = browser.leave_by(browser.get(to_sign_in.location))
    back = browser.post_response(world.response(started), started.relay_state)
    page = browser.get(back.location)
    text = page.get_data(as_text=True)
    assert "Sign in to <bdi>Acme CLI</bdi>?" in text
    assert "Ada Lovelace" in text
    assert "form-action 'self' http://127.0.0.1:49152;" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]

    brought = returned(APPLICATION.answered(browser))
    assert brought.keys() == {"code", "state", "iss"}
    assert (brought["state"], brought["iss"]) == (APPLICATION.state, "http://acme.localhost:8000")
    answer = APPLICATION.redeems(browser, brought["code"])
    body = answer.get_json()
    assert body.keys() == {"access_token", "token_type", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    token = body["access_token"]
    assert token.startswith("vsn_")
    assert who(browser, token).get_json()["user"]["email"] == "ada@acme.test"
    assert who(Browser(world.app, "globex"), token).status_code == 401, "a token is nothing at another tenant"

    assert [words.partition(", since ")[0] for _, words in devices(browser)][1:] == ["Acme CLI (application)"]
    listed = world.api("GET", "/tenants/acme/sessions").get_json()["items"]
    assert sorted(str(item["client"]) for item in listed) == ["Acme CLI", "None"]
    assert token not in str(world.rows())
    assert brought["code"] not in str(world.rows())
    end(browser, session=devices(browser)[1][0])
    gone = who(browser, token)
    assert (gone.status_code, gone.headers["WWW-Authenticate"]) == (401, 'Bearer realm="vestibule"')
    assert browser.get("/session").status_code == 200


def test_signing_out_of_one_leaves_the_other(world: World) -> None:
    """The application's sign-out is its own; the browser's is the browser's; what the identity provider ends is all of them."""
    browser = signed_in(world)
    first, second = APPLICATION.token(browser), APPLICATION.token(browser)
    bearer = {"Cookie": "", "Authorization": f"Bearer {first}"}
    assert browser.post("/native/logout", headers=bearer).status_code == 204
    assert [who(browser, token).status_code for token in (first, second)] == [401, 200]
    assert browser.post("/native/logout").status_code == 401
    browser.post("/logout")
    assert who(browser, second).status_code == 200
    query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key)
    assert world.browser().get("/saml/slo?" + query).status_code == 303
    assert who(browser, second).status_code == 401


def test_a_person_may_say_no(world: World) -> None:
    """The application is told, with its state, and gets nothing; nobody who is signed out can say yes."""
    browser = signed_in(world)
    assert returned(APPLICATION.answered(browser, "no")).keys() == {"error", "state", "iss"}
    assert code_of(APPLICATION.answered(browser, "maybe")) == "native_request_invalid"
    assert APPLICATION.answered(world.browser()).location.startswith("/saml/login?next=")


def test_ipv6_and_any_port(world: World) -> None:
    """The loopback address of either family (RFC 8252, 7.3)."""
    browser = signed_in(world)
    for uri in ("http://[::1]:1/callback", "http://127.0.0.1:65535/callback"):
        application = APPLICATION.with_(redirect_uri=uri)
        assert who(browser, application.token(browser)).status_code == 200
    assert (
        "form-action 'self' http:;"
        in APPLICATION.with_(redirect_uri="http://[::1]:1/callback").asks(browser).headers["Content-Security-Policy"]
    )


def test_the_session_ends_with_its_person_and_its_limits(world: World) -> None:
    """No later than the browser's session would have; idle ones before; and with the account."""
    ends = utc_now() + dt.timedelta(hours=1)
    browser = signed_in(world, session_not_on_or_after=ends)
    answer = APPLICATION.redeems(browser, APPLICATION.code(browser)).get_json()
    assert 3_500 < answer["expires_in"] <= 3_600
    with time_machine.travel(ends + dt.timedelta(seconds=1)):
        assert who(browser, answer["access_token"]).status_code == 401
    user_id = who(browser, answer["access_token"]).get_json()["user"]["id"]
    waits = APPLICATION.code(browser)
    assert world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"active": False}).status_code == 200
    assert who(browser, answer["access_token"]).status_code == 401
    assert code_of(APPLICATION.redeems(browser, waits)) == "native_code_invalid"


REFUSED: dict[str, dict[str, str]] = {
    "another host": {"redirect_uri": "http://evil.test:80/callback"},
    "a name": {"redirect_uri": "http://localhost:49152/callback"},
    "https": {"redirect_uri": "https://127.0.0.1:49152/callback"},
    "another path": {"redirect_uri": "http://127.0.0.1:49152/callback/x"},
    "no port": {"redirect_uri": "http://127.0.0.1/callback"},
    "port 0": {"redirect_uri": "http://127.0.0.1:0/callback"},
    "port too high": {"redirect_uri": "http://127.0.0.1:65536/callback"},
    "a query": {"redirect_uri": "http://127.0.0.1:49152/callback?x=1"},
    "a fragment": {"redirect_uri": "http://127.0.0.1:49152/callback#x"},
    "userinfo": {"redirect_uri": "http://127.0.0.1:49152@evil.test:80/callback"},
    "another loopback": {"redirect_uri": "http://127.0.0.2:49152/callback"},
    "octal": {"redirect_uri": "http://0177.0.0.1:49152/callback"},
    "a scheme of its own": {"redirect_uri": "acme:/callback"},
    "a line break": {"redirect_uri": "http://127.0.0.1:49152/callback\n"},
    "other digits": {"redirect_uri": "http://127.0.0.1:\u0664\u0669152/callback"},
    "plain": {"code_challenge_method": "plain"},
    "lower case": {"code_challenge_method": "s256"},
    "a short challenge": {"code_challenge": "a" * 42},
    "no state": {"state": ""},
    "a short state": {"state": "1234567"},
    "a state that is markup": {"state": "<script>alert(1)</script>"},
    "implicit": {"response_type": "token"},
    "a name that looks like another": {"client_id": "\u0410cme CLI"},
    "a name that is markup": {"client_id": "<b>Acme</b>"},
    "a long name": {"client_id": "a" * 61},
}


def test_what_is_not_safe_is_not_asked(world: World) -> None:
    """Neither by address nor by form; the browser stays here, and no application hears of it."""
    browser = signed_in(world)
    for name, wrong in REFUSED.items():
        application = APPLICATION.with_(more=wrong)
        for answer in (application.asks(browser), application.answered(browser), application.answered(browser, "no")):
            assert code_of(answer) == "native_request_invalid", name
            assert "Location" not in answer.headers
    for left_out in APPLICATION.query:
        query = {name: value for name, value in APPLICATION.query.items() if name != left_out}
        assert code_of(browser.get("/native/authorize", query_string=query)) == "native_request_invalid", left_out
    twice = [*APPLICATION.query.items(), ("redirect_uri", "http://127.0.0.1:1/callback")]
    assert code_of(browser.get("/native/authorize", query_string=twice)) == "native_request_invalid"  # type: ignore[arg-type]
    assert world.count("native_code") == 0


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-site"}, {"Origin": "http://globex.localhost:8000"}])
def test_nobody_else_says_yes(world: World, headers: dict[str, str]) -> None:
    """Not by another site's form, another tenant's included; and the page stands in nobody's frame."""
    browser = signed_in(world)
    assert code_of(APPLICATION.answered(browser, **headers)) == "request_invalid"
    assert world.count("native_code") == 0


def test_a_code_that_comes_again_ends_what_it_opened(world: World) -> None:
    """One of two has stolen it (RFC 6749, 4.1.2); the browser's session goes on, and it is on record."""
    browser = signed_in(world)
    code = APPLICATION.code(browser)
    token = APPLICATION.redeems(browser, code).get_json()["access_token"]
    assert who(browser, token).status_code == 200
    assert code_of(APPLICATION.redeems(browser, code, code_verifier="w" * 43)) == "native_code_invalid"
    assert who(browser, token).status_code == 401
    assert browser.get("/session").status_code == 200
    assert [event["reason"] for event in events(world, "session.ended")] == ["code_replayed"]
    assert "has ended" in events(world, "native_code.refused")[0]["detail"]["cause"]


@pytest.mark.parametrize(
    "wrong",
    [{"code_verifier": "w" * 43}, {"redirect_uri": "http://127.0.0.1:49153/callback"}, {"client_id": "Other"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_stolen_code_is_of_no_use(world: World, wrong: dict[str, str]) -> None:
    """Without the verifier, or elsewhere: refused, and spent; nobody can go on guessing with it."""
    browser = signed_in(world)
    code = APPLICATION.code(browser)
    assert code_of(APPLICATION.redeems(browser, code, **wrong)) == "native_code_invalid"
    assert code_of(APPLICATION.redeems(browser, code)) == "native_code_invalid"
    assert [item["client"] for item in world.api("GET", "/tenants/acme/sessions").get_json()["items"]] == [None]


def test_a_code_injected_into_another_persons_application(world: World) -> None:
    """The attacker's own code, brought to the victim's application, does not fit the victim's verifier."""
    attacker = signed_in(world, name_id="eve@acme.test", attributes={"mail": ["eve@acme.test"]})
    code = APPLICATION.with_(verifier="e" * 43).code(attacker)
    assert code_of(APPLICATION.redeems(world.browser(), code)) == "native_code_invalid"


def test_a_code_of_another_tenant(world: World) -> None:
    """Mixed up by whoever controls one tenant: at the other it is no code, and stays good where it belongs."""
    browser = signed_in(world)
    code = APPLICATION.code(browser)
    assert code_of(APPLICATION.redeems(Browser(world.app, "globex"), code)) == "native_code_invalid"
    assert APPLICATION.redeems(browser, code).status_code == 200


def test_a_code_does_not_outlive_its_minute_or_its_session(world: World) -> None:
    """Sixty seconds; and not where the person has been signed out in between."""
    browser = signed_in(world)
    code = APPLICATION.code(browser)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=61)):
        assert code_of(APPLICATION.redeems(browser, code)) == "native_code_invalid"
    code = APPLICATION.code(browser)
    browser.post("/logout")
    assert code_of(APPLICATION.redeems(browser, code)) == "native_code_invalid"


def test_neither_token_stands_for_the_other(world: World) -> None:
    """A cookie's token is no bearer token, and an application's is no cookie: not here, and not in the console."""
    browser = signed_in(world)
    token = APPLICATION.token(browser)
    assert who(browser, str(browser.session_token)).status_code == 401
    for path in ("/session", "/account", "/admin/"):
        answer = browser.get(path, headers={"Cookie": f"__Host-vestibule_session={token}"})
        assert answer.status_code in (302, 303, 401, 404), path
    assert browser.get("/account", headers={"Cookie": "", "Authorization": f"Bearer {token}"}).status_code == 303
    for header in ("Bearer", "Bearer ", f"Basic {token}", f"Bearer {token}x", "Bearer " + "x" * 500):
        assert browser.get("/session", headers={"Cookie": "", "Authorization": header}).status_code == 401


def test_a_form_of_the_token_that_is_none(world: World) -> None:
    """Each field once, in the body, as a form; whatever else is refused before the database is asked."""
    browser = signed_in(world)
    code = APPLICATION.code(browser)
    wrong: list[dict[str, Any]] = [
        {"grant_type": "password"},
        {"code": "x"},
        {"code_verifier": "v" * 42},
        {"code_verifier": "ü" * 43},
    ]
    wrong += [{name: None} for name in ("grant_type", "code", "code_verifier", "redirect_uri", "client_id")]
    for changes in wrong:
        assert code_of(APPLICATION.redeems(browser, code, **changes)) == "native_request_invalid", changes
    assert code_of(browser.post("/native/token", json={"code": code})) == "native_request_invalid"
    assert (
        code_of(browser.post("/native/token", data=b"x" * 9_000, content_type="application/x-www-form-urlencoded"))
        == "too_large"
    )
    assert browser.get("/native/token").status_code == 405
    assert APPLICATION.redeems(browser, code).status_code == 200


def test_two_at_once_get_one(world: World) -> None:
    """On two workers: one opens a session, the other one ends it."""
    browser = signed_in(world)
    code = APPLICATION.code(browser)
    with another_worker(world.app) as other:
        answers = at_once([lambda app=app: APPLICATION.redeems(Browser(app, "acme"), code) for app in (world.app, other)])
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    token = next(answer.get_json()["access_token"] for answer in answers if answer.status_code == 200)
    assert who(browser, token).status_code == 401


@pytest.mark.usefixtures("clock_stands")
def test_how_often(world: World) -> None:
    """Twenty codes of one person in a minute; another person's are their own."""
    browser = signed_in(world)
    for _ in range(20):
        APPLICATION.code(browser)
    assert code_of(APPLICATION.answered(browser)) == "rate_limited"
    APPLICATION.code(signed_in(world, name_id="bob@acme.test", attributes={"mail": ["bob@acme.test"]}))


def test_where_a_client_finds_it_all(world: World) -> None:
    """The configuration document has each address; what was there before stays."""
    document = world.browser().get("/client-config.json").get_json()
    origin = "http://acme.localhost:8000"
    assert {"sso_enabled", "sso_required", "provider", "login_url"} <= document.keys()
    assert document["issuer"] == origin
    assert document["authorize_url"] == f"{origin}/native/authorize"
    assert document["token_url"] == f"{origin}/native/token"
    assert document["redirect_path"] == "/callback"
    assert document["code_challenge_methods"] == ["S256"]
