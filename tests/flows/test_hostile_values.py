"""Values that no honest browser sends: each is answered or refused, and none is a mistake of ours, on both databases."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from werkzeug.test import TestResponse

from identity.browsers import LOGIN_COOKIE, SESSION_COOKIE, STAY_COOKIE
from tests.support.browser import code_of
from tests.support.world import World

ACME, APP_HOST = "http://acme.localhost:8000", "http://localhost:8000"
FORM = "application/x-www-form-urlencoded"
NUL = "a\x00b"
TEXTS = (NUL, "\x00", "é\xff", "\x01\x1b[31m", "\x85", "x" * 8000)
"""As a server hands header octets on: each octet one character."""


def _ask(world: World, path: str, base: str = ACME, method: str = "GET", body: Any = None, **environ: str) -> TestResponse:
    """A request with CGI variables exactly as given."""
    client = world.app.test_client(use_cookies=False)
    return client.open(path, method=method, base_url=base, data=body, environ_overrides=environ)


def _is_no_mistake(answer: TestResponse) -> bool:
    return answer.status_code < 500 and "X-Content-Type-Options" in answer.headers


@pytest.mark.parametrize("octets", ["\xff", "\xc3\xa9", "\xf0\x9f", "%ff", "%00", "%ed%a0%80", "%F0%9F%98%80"])
def test_octets_in_the_query(world: World, octets: str) -> None:
    """Raw octets that are no UTF-8 are refused; all others, and escaped ones, are text like any other."""
    query = f"next={octets}&idp={octets}&v={octets}&limit={octets}"
    authorization = f"Bearer {world.staff_token}"
    for path in ("/", "/saml/login", "/session", "/brand.css", "/saml/metadata", "/nowhere"):
        assert _is_no_mistake(_ask(world, path, QUERY_STRING=query)), path
    for path in ("/api/v1/tenants", "/api/v1/tenants/acme/users", "/healthz"):
        answer = _ask(world, path, APP_HOST, QUERY_STRING=query, HTTP_AUTHORIZATION=authorization)
        assert _is_no_mistake(answer), path
    if octets in ("\xff", "\xf0\x9f"):
        assert code_of(_ask(world, "/", QUERY_STRING=query)) == "request_invalid"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "acme.localhost:8000\x00",
        "\xff.localhost",
        "acme.localhost:-1",
        "acme.localhost:8000:1",
        "acme.localhost:999999",
        "acme..localhost",
        "acme.localhost.",
        "[",
        "[::1]",
        "ada@acme.localhost",
        "acme.localhost, globex.localhost",
        "acme.localhost/..",
        "x" * 3000,
    ],
)
def test_hosts_that_are_none(world: World, host: str) -> None:
    """400 in the service's own words, on every path."""
    for path in ("/", "//", "/saml/acs", "/api/v1/tenants", "/healthz", "/nowhere"):
        answer = _ask(world, path, HTTP_HOST=host)
        assert (answer.status_code, code_of(answer)) == (400, "request_invalid"), path


def test_no_redirect_is_built_from_the_host(world: World) -> None:
    """Doubled slashes are another path, and no reason to send anybody to a port of a stranger's choice."""
    for path in ("//saml//login", "/saml//login", "//saml//metadata"):
        answer = _ask(world, "/", "http://acme.localhost:1234", PATH_INFO=path)
        assert answer.status_code == 404, path
        assert "Location" not in answer.headers


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "", NUL, "é\xff", "http://globex.localhost:8000", "//x"])
def test_origins_of_a_sign_out(world: World, origin: str) -> None:
    """Whatever is not this host's own origin ends no session."""
    browser = world.browser()
    world.sign_in(browser)
    cookie = f"{SESSION_COOKIE}={browser.session_token}"
    answer = _ask(world, "/logout", method="POST", HTTP_ORIGIN=origin, HTTP_COOKIE=cookie)
    assert code_of(answer) == "request_invalid"
    assert browser.get("/session").status_code == 200


@pytest.mark.parametrize(
    "value", ["", "\xff", '"\\355\\240\\200"', '"\\000"', "a" * 6000, '"' + "\\015\\012" * 21 + 'a"', "a\x00b", "a=b", '"']
)
def test_cookies_that_are_none_of_ours(world: World, value: str) -> None:
    """They are no session and no login secret, and come back in no header."""
    cookies = f"{SESSION_COOKIE}={value}; {LOGIN_COOKIE}={value}"
    for method, path in (("GET", "/"), ("GET", "/session"), ("POST", "/logout"), ("GET", "/saml/login")):
        answer = _ask(world, path, method=method, HTTP_COOKIE=cookies)
        assert _is_no_mistake(answer), path
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, rest = cookie.partition("=")
            given = rest.partition(";")[0]
            assert given == "" or len(given) == 43 or (name, given) == (STAY_COOKIE, "1"), cookie


@pytest.mark.parametrize("header", ["HTTP_USER_AGENT", "REMOTE_ADDR", "HTTP_ACCEPT", "HTTP_SEC_FETCH_SITE"])
@pytest.mark.parametrize("text", TEXTS)
def test_headers_of_a_sign_in(world: World, header: str, text: str) -> None:
    """A good response signs in whatever else the browser says of itself."""
    browser = world.browser()
    started = browser.start()
    fields = {"SAMLResponse": base64.b64encode(world.response(started)).decode(), "RelayState": started.relay_state}
    answer = browser.client.post("/saml/acs", base_url=ACME, data=fields, environ_overrides={header: text})
    assert answer.status_code == 303
    assert browser.get("/session").status_code == 200


@pytest.mark.parametrize("content_type", [*TEXTS, "multipart/form-data; boundary=\x00", f"{FORM}; charset=\xff", "a/b;" * 500])
def test_content_types_of_a_response(world: World, content_type: str) -> None:
    """The refusal is recorded, with its cause in characters that every database holds."""
    answer = _ask(world, "/saml/acs", method="POST", body=b"SAMLResponse=eA==", CONTENT_TYPE=content_type)
    assert answer.status_code == 400
    newest, *_ = world.api("GET", "/tenants/acme/attempts").get_json()["items"]
    assert newest["code"] == code_of(answer)
    assert world.api("GET", f"/tenants/acme/attempts/{newest['id']}").status_code == 200
    assert newest["cause"].isascii()


@pytest.mark.parametrize(
    "body",
    [
        b"SAMLResponse=%00",
        b"SAMLResponse=%ff",
        b"SAMLResponse=%ed%a0%80",
        b"SAMLResponse=\xff",
        b"SAMLResponse=eA%3D%3D&RelayState=%00",
        b"%00=%00&SAMLResponse=eA%3D%3D",
        b"SAMLResponse=eA%3D%3D&RelayState=" + b"%F0%9F%98%80" * 2000,
        b"&" * 5000,
    ],
)
def test_forms_that_are_none(world: World, body: bytes) -> None:
    """Refused and recorded."""
    answer = _ask(world, "/saml/acs", method="POST", body=body, CONTENT_TYPE=FORM)
    assert (answer.status_code, code_of(answer)) in {(400, "request_invalid"), (400, "response_malformed")}
    assert world.count("attempt") == 1


@pytest.mark.parametrize(
    "relay_state", [NUL, "/\x00", "é", "😀", "http://[", f"{ACME}/[", f"{ACME}//evil", f"{ACME}/?a=[", "x" * 3000]
)
def test_relay_states_of_an_unsolicited_response(world: World, relay_state: str) -> None:
    """A local path or a refusal, recorded."""
    world.change_settings(allow_idp_initiated=True)
    answer = world.browser().post_response(world.response(None), relay_state)
    assert answer.status_code in (303, 400)
    if answer.status_code == 303:
        assert answer.headers["Location"].startswith("/")
        assert not answer.headers["Location"].startswith("//")


@pytest.mark.parametrize("text", ["\u200f\u202e", "line\nbreak\ttab", "\u0085\u2028", "😀" * 300, "x" * 4000, "ß" * 1000])
def test_values_of_a_person(world: World, text: str) -> None:
    """Signed values of any characters and length are stored as far as their column goes, shown, and found again."""
    attributes = {name: [f"{text}!"] for name in ("givenName", "sn", "telephoneNumber", "uid")} | {"mail": ["ada@acme.test"]}
    browser = world.browser()
    parts: dict[str, Any] = {"attributes": attributes, "session_index": f"_{text}"}
    assert world.sign_in(browser, **parts).status_code == 303
    assert browser.get("/").status_code == 200
    shown = browser.get("/session").get_json()["user"]
    assert len(shown["first_name"]) == min(len(text) + 1, 200)
    assert world.sign_in(browser, **parts).status_code == 303
    assert world.count("users") == 1


@pytest.mark.parametrize(
    "path", ["%00", "%ED%A0%80", "acme%0a", "acme/users/%00", "acme/identity-providers/%00", "acme/attempts/%ff"]
)
def test_names_in_paths_of_the_api(world: World, path: str) -> None:
    """Nothing has such a name."""
    assert world.api("GET", f"/tenants/{path}").status_code in (404, 405)
    assert world.api("PATCH", f"/tenants/{path}", json={"active": False}).status_code in (404, 405)


def test_no_method_of_the_api_is_known_at_a_tenants_host(world: World) -> None:
    """404 for all: not even that another method would do."""
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        for path in ("/api/v1/tenants", "/api/v1/tenants/acme", "/api/v1/nothing"):
            assert _ask(world, path, method=method).status_code == 404, (method, path)
