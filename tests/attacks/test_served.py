"""On the wire of a real server: requests that no library would send, bodies in pieces, slow ones, and workers that race."""

from __future__ import annotations

import re
import shutil
import socket
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from identity.acs_routes import MAX_ACS_BODY
from tests.conftest import Template
from tests.support.at_once import at_once
from tests.support.idp import ForgingIdP, encoded
from tests.support.served import ANSWER_SECONDS, Begun, Served, read_answer, served

HOST = "acme.localhost"
ORIGIN = f"http://{HOST}:8000"
FORM = "Content-Type: application/x-www-form-urlencoded"
AT_ONCE = 8
SLOW = 6
"""Connections that dawdle; the server of this module has sixteen threads."""
_CODE = re.compile(rb'data-code="([a-z_]+)"')


@pytest.fixture(scope="module")
def server(sqlite_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two workers on one SQLite database, for this module."""
    folder = tmp_path_factory.mktemp("served")
    path = folder / "vestibule.db"
    shutil.copyfile(sqlite_template.source, path)
    with served(f"sqlite:///{path}", folder, workers=2) as running:
        yield running


@pytest.fixture
def idp(idps: tuple[ForgingIdP, ForgingIdP]) -> ForgingIdP:
    """acme's identity provider."""
    return idps[0]


def answer_of(idp: ForgingIdP, begun: Begun | None, person: str = "ada", **parts: Any) -> bytes:
    """A good response for a person."""
    return idp.response(
        sp_entity_id=f"{ORIGIN}/saml/metadata",
        acs_url=f"{ORIGIN}/saml/acs",
        in_response_to=begun.request_id if begun else None,
        name_id=person,
        attributes={"mail": [f"{person}@acme.test"]},
        **parts,
    )


def head(method: str, target: str, *lines: str, host: str | None = HOST) -> bytes:
    """A request's head; the connection closes after the answer."""
    named = [f"Host: {host}"] if host is not None else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", *named, "Connection: close", *lines, "", ""]).encode("latin-1")


def acs_head(begun: Begun, *lines: str) -> bytes:
    """The head of a POST to the ACS, in the browser that began."""
    return head("POST", "/saml/acs", FORM, f"Cookie: {begun.cookie}", *lines)


def form_of(idp: ForgingIdP, begun: Begun) -> bytes:
    """The form that would sign ada in."""
    return urlencode({"SAMLResponse": encoded(answer_of(idp, begun)), "RelayState": begun.relay_state}).encode()


def chunks(body: bytes, size: int) -> bytes:
    """A body in chunks of that size, ended."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def code_in(octets: bytes) -> str | None:
    """The refusal's code on a page."""
    found = _CODE.search(octets)
    return found[1].decode() if found else None


# Whose host it is


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(head("GET", "/", "Host: globex.localhost"), id="two hosts"),
        pytest.param(head("GET", "/", "Host: acme.localhost"), id="the same twice"),
        pytest.param(head("GET", "/", "Host: globex.localhost", host="acme.localhost,globex.localhost"), id="two and a list"),
        pytest.param(head("GET", "/", " globex.localhost"), id="a folded line"),
        pytest.param(head("GET", "/", "Host : globex.localhost"), id="blank before the colon"),
        pytest.param(head("GET", "/", "\tHost: globex.localhost"), id="tab before the name"),
        pytest.param(head("GET", "/", host=None), id="none"),
        pytest.param(head("GET", "/", host=""), id="an empty one"),
        pytest.param(head("GET", "/", host="acme.localhost\x00"), id="NUL"),
        pytest.param(head("GET", "/", host="acme.localhost\x0bx"), id="a control character"),
        pytest.param(head("GET", "/", host="acme.localhost\xa0"), id="a blank beyond ASCII"),
        pytest.param(head("GET", "http://globex.localhost/"), id="another host in the request line"),
        pytest.param(head("GET", "http://globex.localhost@acme.localhost/"), id="a user in the request line"),
        pytest.param(head("GET", "HTTP://acme.localhost/"), id="a scheme in upper case"),
        pytest.param(head("GET", "ftp://acme.localhost/"), id="another scheme in the request line"),
        pytest.param(head("GET", "acme.localhost:8000"), id="an authority alone"),
        pytest.param(head("GET", "*"), id="asterisk"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="HTTP/1.0 without one"),
        pytest.param(b"GET /\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"GET / HTTP/1.1\nHost: acme.localhost\n\n", id="bare line feeds"),
    ],
)
def test_a_request_has_one_host_or_none_of_us_answers(server: Served, request_: bytes) -> None:
    """Where two programs could read two tenants out of it, nobody's page is shown."""
    status, answer = server.send(request_)
    assert status in {0, 400, 404, 501}
    assert b"Acme" not in answer
    assert b"Globex" not in answer


@pytest.mark.parametrize("target", ["/", f"http://{HOST}/", f"https://{HOST}/"])
def test_a_request_line_that_agrees_with_host_is_good(server: Served, target: str) -> None:
    """RFC 9112 3.2.2 wants servers to take the absolute form."""
    status, answer = server.send(head("GET", target))
    assert status == 200
    assert b"Acme" in answer


@pytest.mark.parametrize(
    "name", ["X_Forwarded_Host", "X-Forwarded-Host", "x-forwarded-host", "HTTP_HOST", "Host_", "Forwarded"]
)
def test_names_that_wsgi_would_confuse_say_nothing(server: Served, name: str) -> None:
    """Underscore and hyphen are one in WSGI; neither makes another tenant of it."""
    _, answer = server.send(head("GET", "/", f"{name}: globex.localhost"))
    assert b"Globex" not in answer


# How long a body is


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Content-Length: 5", "Content-Length: 6"), id="two lengths"),
        pytest.param(("Content-Length: 5, 6",), id="two in one"),
        pytest.param(("Content-Length: 5", "Transfer-Encoding: chunked"), id="length and chunks"),
        pytest.param(("Transfer-Encoding: chunked", "Content-Length: 5"), id="chunks and length"),
        pytest.param(("Transfer-Encoding: xchunked",), id="unknown coding"),
        pytest.param(("Transfer-Encoding: chunked, identity",), id="chunked is not the last"),
        pytest.param(("Transfer-Encoding: identity, chunked, chunked",), id="chunked twice"),
        pytest.param(("Transfer-Encoding : chunked",), id="blank before the colon"),
        pytest.param(("Transfer-Encoding:\x0bchunked",), id="vertical tab"),
        pytest.param(("Content-Length: +5",), id="plus"),
        pytest.param(("Content-Length: -1",), id="minus"),
        pytest.param(("Content-Length: 0x5",), id="hexadecimal"),
        pytest.param(("Content-Length: 5 5",), id="two numbers"),
        pytest.param(("Content-Length: 99999999999999999999",), id="endless"),
    ],
)
def test_a_body_has_one_length(server: Served, lines: tuple[str, ...]) -> None:
    """Nothing behind the body is ever taken for a second request (request smuggling)."""
    smuggled = b"0\r\n\r\n" + head("GET", "/client-config.json")
    status, answer = server.send(head("POST", "/saml/acs", FORM, *lines) + smuggled, seconds=ANSWER_SECONDS)
    assert status == 0 or 400 <= status < 600
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"sso_enabled" not in answer


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x\r\n", id="no number"),
        pytest.param(b"-1\r\n", id="minus"),
        pytest.param(b"fffffffffffffffff\r\nx", id="endless"),
        pytest.param(b"5\r\nabcdefgh\r\n0\r\n\r\n", id="longer than it says"),
        pytest.param(b"5\nabcde\n0\n\n", id="bare line feeds"),
        pytest.param(b"fff\r\nSAMLResponse=A", id="cut off"),
        pytest.param(b"0" * 100_000, id="a size without end"),
    ],
)
def test_chunks_that_are_none_are_refused(server: Served, body: bytes) -> None:
    """And the server goes on."""
    status, answer = server.send(head("POST", "/saml/acs", FORM, "Transfer-Encoding: chunked") + body, seconds=ANSWER_SECONDS)
    assert status == 0 or 400 <= status < 600
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert server.request("GET", HOST, "/").status_code == 200


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_form_in_chunks_signs_in(server: Served, idp: ForgingIdP, size: int) -> None:
    """As some proxies send it on."""
    begun = server.begin(HOST)
    status, _ = server.send(acs_head(begun, "Transfer-Encoding: chunked") + chunks(form_of(idp, begun), size))
    assert status == 303


def test_a_form_in_chunks_has_the_same_bound(server: Served, idp: ForgingIdP) -> None:
    """It is not cut off at the bound and then read as if it had ended there."""
    begun = server.begin(HOST)
    form = form_of(idp, begun)
    body = form + b"&more=" + b"a" * MAX_ACS_BODY
    _, answer = server.send(acs_head(begun, "Transfer-Encoding: chunked") + chunks(body, 65_536))
    assert code_in(answer) == "too_large"
    assert server.send(acs_head(begun, f"Content-Length: {len(form)}") + form)[0] == 303


@pytest.mark.parametrize("announced", [MAX_ACS_BODY + 2, 50_000_000])
def test_an_announced_giant_is_refused_before_it_comes(server: Served, announced: int) -> None:
    """By its length alone, at once."""
    began = time.monotonic()
    _, answer = server.send(head("POST", "/saml/acs", FORM, f"Content-Length: {announced}") + b"SAMLResponse=")
    assert code_in(answer) == "too_large"
    assert time.monotonic() - began < ANSWER_SECONDS / 2


def test_a_form_whose_connection_broke_is_no_form(server: Served, idp: ForgingIdP) -> None:
    """Shorter than it says: what is missing might have been a second field. The sign-in can still be finished."""
    begun = server.begin(HOST)
    form = form_of(idp, begun)
    _, answer = server.send(acs_head(begun, f"Content-Length: {len(form) + 20}") + form)
    assert code_in(answer) in {"request_invalid", None}
    assert b"303 SEE OTHER" not in answer
    assert server.send(acs_head(begun, f"Content-Length: {len(form)}") + form)[0] == 303


def test_slow_senders_hold_nobody_up(server: Served, idp: ForgingIdP) -> None:
    """Six that stop in the middle of a header or a body; others are answered, and one of the six who goes on is, too."""
    begun = server.begin(HOST)
    form = form_of(idp, begun)
    whole = acs_head(begun, f"Content-Length: {len(form)}") + form
    dawdling = [socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECONDS) for _ in range(SLOW)]
    try:
        for number, connection in enumerate(dawdling):
            connection.sendall(whole[: 20 if number % 2 else -100])
        began = time.monotonic()
        for _ in range(4):
            assert server.request("GET", HOST, "/").status_code == 200
        assert time.monotonic() - began < ANSWER_SECONDS / 2
        dawdling[0].sendall(whole[-100:])
        dawdling[0].shutdown(socket.SHUT_WR)
        assert read_answer(dawdling[0])[0] == 303
    finally:
        for connection in dawdling:
            connection.close()


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: acme.localhost\r\n\r\n", id="a long request line"),
        pytest.param(head("GET", "/", *(f"X-{n}: y" for n in range(500))), id="500 headers"),
        pytest.param(head("GET", "/", "Cookie: " + "a" * 100_000), id="a long header"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200, id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"\x00" * 10_000, id="NUL"),
        pytest.param(b"\r\n" * 10_000, id="empty lines"),
    ],
)
def test_what_is_no_request_is_refused_and_the_server_goes_on(server: Served, request_: bytes) -> None:
    """Beyond every bound of a head, or no HTTP at all."""
    status, answer = server.send(request_, seconds=ANSWER_SECONDS)
    assert status == 0 or 400 <= status < 600
    assert b"Traceback" not in answer
    assert server.request("GET", HOST, "/").status_code == 200


# Workers that race


def test_of_many_at_once_at_two_workers_one_signs_in(server: Served, idp: ForgingIdP) -> None:
    """The same answer eight times in one moment, at two processes: one session, whoever is first."""
    begun = server.begin(HOST)
    message = answer_of(idp, begun)
    answers = at_once([partial(server.finish, HOST, begun, message)] * AT_ONCE)
    told = Counter(code_in(answer.content) or str(answer.status_code) for answer in answers)
    assert told == {"303": 1, "replayed": AT_ONCE - 1}


def test_many_people_at_two_workers_all_sign_in(server: Served, idp: ForgingIdP) -> None:
    """Sixteen at once: no lock is in anybody's way."""
    begun = [server.begin(HOST) for _ in range(2 * AT_ONCE)]
    messages = [answer_of(idp, one, f"person{number}") for number, one in enumerate(begun)]
    answers = at_once([partial(server.finish, HOST, *pair) for pair in zip(begun, messages, strict=True)])
    assert [answer.status_code for answer in answers] == [303] * len(begun)
