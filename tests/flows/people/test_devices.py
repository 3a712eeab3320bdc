"""People see the devices that they are signed in on, and end them: one, all others, all (S2)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.browser import Browser, code_of
from tests.support.logout import sent_by
from tests.support.world import World

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
    " Mobile/15E148 Safari/604.1"
)
ELSEWHERE = (
    {"Origin": "http://globex.localhost:8000", "Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.test"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "null"},
)


def signed_in(world: World, agent: str = FIREFOX, **parts: Any) -> Browser:
    """A browser with a session at acme."""
    browser = world.browser()
    browser.client.environ_base["HTTP_USER_AGENT"] = agent
    assert world.sign_in(browser, **parts).status_code == 303
    return browser


def devices(browser: Browser) -> list[tuple[str, str]]:
    """(id, words) of each device that the page shows, in order."""
    text = browser.get("/account").get_data(as_text=True)
    return re.findall(r'name="session" value="([0-9a-f-]{36})" aria-label="Sign out ([^"]+)"', text)


def alive(*browsers: Browser) -> list[bool]:
    """Which of them are signed in."""
    return [browser.get("/session").status_code == 200 for browser in browsers]


def end(browser: Browser, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    """What a button of the page sends."""
    return browser.post("/account/sessions", data=fields, headers=headers or {"Sec-Fetch-Site": "same-origin"})


def reasons(world: World) -> list[tuple[str, Any]]:
    """Type and reason of acme's events about ended sessions, newest first."""
    items = world.api("GET", "/tenants/acme/events").get_json()["items"]
    return [(item["type"], item["reason"]) for item in items if item["type"] in ("session.ended", "sessions.ended")]


def test_people_see_their_devices_and_end_them(world: World) -> None:
    """In words, this one first; one by one, all others, all; nobody else's are shown or touched."""
    here, phone, old = signed_in(world), signed_in(world, IPHONE), signed_in(world, "curl/8.5")
    bob = signed_in(world, name_id="bob@acme.test", attributes={"mail": ["bob@acme.test"]})
    shown = devices(here)
    names = ["Firefox 132 on Linux, this device", "curl 8, since", "Safari 18 on iPhone, since"]
    assert [re.sub(r"since \d.* UTC$", "since", words) for _, words in shown] == names, "two alike are told apart by their time"
    assert "127.0.0.1" in here.get("/account").get_data(as_text=True)
    assert '<a href="/account">Your devices</a>' in here.get("/").get_data(as_text=True)

    answer = end(here, session=shown[2][0])
    assert (answer.status_code, answer.location) == (303, "/account?ended=1")
    assert "1 device is signed out" in here.get(answer.location).get_data(as_text=True)
    assert alive(here, phone, old, bob) == [True, False, True, True]
    assert end(here, session=shown[2][0]).status_code == 404, "it has ended already"
    assert end(here, session=devices(bob)[0][0]).status_code == 404, "somebody else's"

    assert end(here, which="others").location == "/account?ended=1"
    assert alive(here, phone, old, bob) == [True, False, False, True]
    assert reasons(world) == [("sessions.ended", "ended_by_person"), ("session.ended", "ended_by_person")]

    again = signed_in(world, IPHONE)
    left = end(here, which="all")
    assert left.location.startswith("/saml/logout?request=_"), "as signing out does: the identity provider is told"
    assert sent_by(here.get(left.location), "SAMLRequest").location == world.acme.idp.slo_url
    assert alive(here, again, bob) == [False, False, True]
    assert reasons(world)[:2] == [("session.ended", "signed_out"), ("sessions.ended", "ended_by_person")]


def test_this_device_is_signed_out(world: World) -> None:
    """The cookie goes, and the identity provider is told."""
    here = signed_in(world)
    left = end(here, session=devices(here)[0][0])
    assert left.location.startswith("/saml/logout?request=_")
    assert here.session_token is None


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_no_other_site_ends_anything(world: World, headers: dict[str, str]) -> None:
    """Another tenant's page is the same site to a browser, and another origin to us."""
    here, other = signed_in(world), signed_in(world, IPHONE)
    for fields in ({"which": "others"}, {"which": "all"}, {"session": devices(here)[1][0]}):
        assert code_of(end(here, headers, **fields)) == "request_invalid"
    assert alive(here, other) == [True, True]


def test_what_is_asked_has_to_be_one_thing(world: World) -> None:
    """Neither nothing, nor two things, nor anything else; and not too much of it."""
    here, other = signed_in(world), signed_in(world, IPHONE)
    session_id = devices(here)[1][0]
    for fields in ({}, {"which": "everybody"}, {"session": "x"}, {"session": session_id, "which": "others"}):
        assert code_of(end(here, **fields)) == "request_invalid"
    assert code_of(end(here, session="x" * 5_000)) == "too_large"
    assert here.get("/account/sessions").status_code == 405
    assert alive(here, other) == [True, True]


def test_nobody_is_shown_nothing(world: World) -> None:
    """Whoever is not signed in goes to sign in and comes back; another tenant's cookie is nothing here."""
    here = signed_in(world)
    stranger = world.browser()
    assert stranger.get("/account").location == "/saml/login?next=%2Faccount"
    assert end(stranger, which="all").location == "/saml/login?next=%2Faccount"
    cookie = {"Cookie": f"__Host-vestibule_session={here.session_token}"}
    assert world.browser(world.globex).get("/account", headers=cookie).status_code == 303
    for ended in ("-1", "1e3", "999999999", "<b>", "\u0663"):
        assert "signed out." not in here.get("/account", query_string={"ended": ended}).get_data(as_text=True)
    assert Browser(world.app, None).get("/account").status_code == 404
