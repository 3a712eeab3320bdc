"""RelayState and `next`: they lead to pages of the tenant's own host, and put nothing into headers or pages (Q6)."""

from __future__ import annotations

import base64
from urllib.parse import quote, urljoin, urlsplit

import pytest

from identity.browsers import SESSION_COOKIE
from tests.attacks.answering import accept_message
from tests.attacks.support import assert_refused, on_sqlite, pending
from tests.support.browser import Browser, Started, code_of
from tests.support.world import World

ORIGIN = "http://acme.localhost:8000"
ELSEWHERE = (
    "https://evil.test",
    "http://evil.test/",
    "HTTPS://evil.test/",
    "//evil.test",
    "///evil.test",
    "////evil.test",
    "/\\evil.test",
    "\\/evil.test",
    "\\\\evil.test",
    "/\\/evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r/evil.test",
    "/ /evil.test",
    "\t//evil.test",
    " //evil.test",
    "/\x00/evil.test",
    "/\x0b/evil.test",
    "/\x85/evil.test",
    "/\u00a0/evil.test",
    "/\u2028/evil.test",
    "/\u202e/evil.test",
    "/\u2215evil.test",
    "/\uff0fevil.test",
    "\u2215\u2215evil.test",
    "https:evil.test",
    "https:/evil.test",
    "https:///evil.test",
    "http:\\\\evil.test",
    "://evil.test",
    ":80",
    "evil.test",
    "evil.test/path",
    "./evil",
    "../evil",
    "?x",
    "#x",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://evil.test/1",
    "mailto:a@evil.test",
    "/ok\r\nSet-Cookie: a=b",
    "/ok\nLocation: https://evil.test",
    "/ok\r\n\r\n<script>alert(1)</script>",
    '/"><script>alert(1)</script>',
    "/<script>alert(1)</script>",
    "/' onmouseover='alert(1)",
    "/x\x7f",
    "/x\\y",
    "/caf\u00e9",
    "/\U0001f600",
    "/" + "a" * 2000,
    "a" * 100_000,
    ORIGIN + ".evil.test/",
    ORIGIN + "@evil.test/",
    ORIGIN + ":80@evil.test/",
    ORIGIN + "//evil.test",
    ORIGIN + "/\\evil.test",
    ORIGIN + "\\@evil.test",
    ORIGIN.replace("http", "https") + "/x",
    ORIGIN.replace("acme", "globex") + "/x",
    ORIGIN.replace(":8000", "") + "/x",
    ORIGIN.replace("acme", "ada@acme") + "/x",
    ORIGIN.upper() + "/x",
    "//acme.localhost:8000/x",
    "/saml/login",
    "/saml/login?next=/",
    "/saml/acs",
    "/logout",
    ORIGIN + "/saml/login",
)
LOCAL = (
    "/",
    "/reports",
    "/reports?year=2026&q=a%20b",
    "/a/b/c#part",
    "/%2F%2Fevil.test",
    "/%5Cevil.test",
    "/%0d%0aSet-Cookie:%20a=b",
    "/.//evil.test",
    "/@evil.test",
    "/x?next=https://evil.test",
    "/x?a=1;b=(2)*3~4!",
    "/samlish",
    "/" + "a" * 1999,
)


def lands_at(location: str) -> str:
    """The host that a browser would go to, as its resolver reads a Location on our page."""
    return urlsplit(urljoin(ORIGIN + "/saml/acs", location.replace("\\", "/"))).netloc


@pytest.fixture
def open_world(world: World) -> World:
    """Where responses may come unasked."""
    world.change_settings(allow_idp_initiated=True)
    return world


@on_sqlite
def test_a_relay_state_that_comes_unasked_leads_nowhere_else(open_world: World) -> None:
    """No other host, scheme, control character, script or endless text: refused, and nobody is signed in."""
    message = open_world.response(None)
    before = open_world.rows()
    for relay_state in ELSEWHERE:
        answer = open_world.browser().post_response(message, relay_state)
        assert code_of(answer) in {"relay_state_invalid", "too_large"}, relay_state[:80]
        assert "Location" not in answer.headers, relay_state[:80]
        assert SESSION_COOKIE not in str(answer.headers)
    assert open_world.rows() == before
    assert open_world.browser().post_response(message).status_code == 303, "the assertion was not burnt"


@on_sqlite
def test_a_next_that_leads_elsewhere_starts_nothing(world: World) -> None:
    """The same texts at the start of a sign-in: no request is sent, no exchange kept."""
    browser, before = world.browser(), world.rows()
    for target in ELSEWHERE:
        if len(target) > 8000:
            continue  # longer than any address may be
        answer = browser.get("/saml/login", query_string={"next": target})
        assert (answer.status_code, code_of(answer)) == (400, "relay_state_invalid"), target[:80]
        assert "Location" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert world.rows() == before


@on_sqlite
@pytest.mark.parametrize("target", LOCAL, ids=range(len(LOCAL)))
def test_a_local_path_leads_there(open_world: World, target: str) -> None:
    """Asked or unasked, as `next` or as RelayState: the same path, on our own host, with no header besides."""
    victim = pending(open_world)
    started = victim.browser.start(target)
    solicited = victim.browser.post_response(victim.world.response(started), started.relay_state)
    unsolicited = open_world.browser().post_response(open_world.response(None), target)
    for answer in (solicited, unsolicited):
        assert answer.status_code == 303
        assert answer.location == target
        assert lands_at(answer.location) == "acme.localhost:8000"
        assert len(answer.headers.getlist("Set-Cookie")) == 1


@on_sqlite
@pytest.mark.parametrize(
    ("url", "path"),
    [(ORIGIN + "/", "/"), (ORIGIN + "/a?b=c", "/a?b=c"), (ORIGIN + "/a?b=/c#d", "/a?b=/c")],
)
def test_an_address_of_our_own_is_its_path(open_world: World, url: str, path: str) -> None:
    """Identity providers are configured with whole URLs; ours, to the letter, stands for its path."""
    assert open_world.browser().post_response(open_world.response(None), url).location == path


@on_sqlite
def test_the_relay_state_of_a_request_is_the_token_that_was_sent(world: World) -> None:
    """Anything else in its place is refused, local paths too, and the sign-in can still be finished."""
    victim = pending(world)
    message, token = victim.response(), victim.started.relay_state
    wrong = (
        "/",
        "/reports",
        token[:-1],
        token + "A",
        token.swapcase(),
        " " + token,
        "A" * 32,
        "https://evil.test",
        "\u00e9" * 20,
    )
    before = world.rows()
    for relay_state in wrong:
        assert_refused(world, victim.send(message, relay_state), "relay_state_invalid", before)
    accept_message(victim, message)


def test_an_identity_provider_that_loses_it_does_no_harm(world: World) -> None:
    """Without RelayState the person still ends where they wanted to go: the target is ours, not the message's."""
    browser = world.browser()
    for relay_state in ("", None):
        started = browser.start("/deep/page")
        assert browser.post_response(world.response(started), relay_state).location == "/deep/page"


def test_a_token_says_nothing(world: World) -> None:
    """Opaque, at most 80 bytes, new each time; neither target nor person can be read out of it (Q6)."""
    browser = world.browser()
    tokens = {browser.start("/secret/plans?for=ada").relay_state for _ in range(5)}
    assert len(tokens) == 5
    for token in tokens:
        assert len(token.encode()) <= 80
        assert "secret" not in token
        assert b"secret" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@on_sqlite
def test_a_token_leads_where_it_was_made_for(world: World) -> None:
    """A token cannot be turned into another target by whoever carries it."""
    browser = world.browser()
    started = browser.start("/one")
    browser.start("/two")
    answer = browser.post_response(world.response(started), started.relay_state)
    assert answer.location == "/one"


def test_a_token_of_another_browser_opens_nothing(world: World) -> None:
    """Where the identity provider starts by itself (Q7), the token is bound to the browser that was sent there."""
    world.change_settings(allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start")
    victim, thief = world.browser(), world.browser()
    away = victim.get("/saml/login", query_string={"next": "/deep"})
    token = away.location.partition("RelayState=")[2]
    message, before = world.response(None), world.rows()
    assert_refused(world, thief.post_response(message, token), "login_state_lost", before)
    assert victim.post_response(message, token).location == "/deep"
    again = victim.post_response(world.response(None), token)
    assert code_of(again) == "in_response_to_mismatch", "a token leads there once"


@on_sqlite
@pytest.mark.parametrize(
    "text", ['"><script>alert(1)</script>', "'onload='alert(1)", "</title><script>alert(1)</script>", "{{7*7}}", "${7*7}"]
)
def test_nothing_that_is_sent_comes_back_in_a_page(world: World, text: str) -> None:
    """No parameter of a link, no field of a form and no path is ever repeated to the person."""
    browser = world.browser()
    query = quote(text)
    answers = [
        browser.get(f"/saml/login?next={query}"),
        browser.get(f"/saml/login?idp={query}"),
        browser.get(f"/saml/login?next=/&login_hint={query}"),
        browser.get(f"/?signed_out={query}"),
        browser.get(f"/{query}"),
        browser.post_response("AAAA", text),
        browser.post_response(text, text),
        browser.post("/saml/acs", data={text: text}),
        browser.get("/", headers={"User-Agent": text, "Referer": text, "Accept-Language": text}),
        Browser(world.app, None).get(f"/{query}"),
    ]
    for answer in answers:
        page = answer.get_data(as_text=True)
        assert "alert(1)" not in page
        assert "49" not in page or "7*7" not in page
        assert text not in page


@on_sqlite
def test_no_header_can_be_added(world: World) -> None:
    """Line breaks in any parameter end up encoded, or nowhere."""
    browser = world.browser()
    breaks = "x%0d%0aX-Evil:%20yes%0d%0a%0d%0a<b>"
    for path in (
        f"/saml/login?next=/{breaks}",
        f"/saml/login?next=/&login_hint={breaks}",
        f"/saml/login?idp={breaks}",
        f"/?signed_out={breaks}",
        f"/{breaks}",
    ):
        answer = browser.get(path)
        assert "X-Evil" not in answer.headers
        assert all("\n" not in value and "\r" not in value for _, value in answer.headers)


@on_sqlite
def test_where_people_choose_an_identity_provider_the_target_comes_along_as_text(world: World) -> None:
    """The page of several providers carries the target in its links, encoded, and refuses one that leads elsewhere."""
    body = {"display_name": "Second", "metadata_xml": world.globex.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=body).status_code == 201
    browser = world.browser()
    page = browser.get("/saml/login", query_string={"next": "/x?a=1&b='2'&c=%22"}).get_data(as_text=True)
    assert "b='2'" not in page
    started: Started = browser.start("/x?a=1&b='2'&c=%22", idp="main")
    assert browser.post_response(world.response(started), started.relay_state).location == "/x?a=1&b='2'&c=%22"
    assert code_of(browser.get("/saml/login", query_string={"next": "//evil.test"})) == "relay_state_invalid"
