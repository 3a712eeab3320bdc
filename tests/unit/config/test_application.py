"""The application class answers as Flask itself would."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from flask import Flask, Request, Response, session
from flask.testing import FlaskClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder
from werkzeug.urls import iri_to_uri

from config.application import PLAIN_LOCATION, Answer, Question, Service, add_known

LOCATIONS = [
    "/", "/reports?year=2026", "/ä/ü?q=ö", "//evil.test/", "/a b", "https://idp.test/sso?SAMLRequest=a%2Bb&SigAlg=x",
    "https://bücher.test/ä", "HTTP://UPPER.test/", "https://idp.test:8443/sso", "relative", "/#fragment", "",
]  # fmt: skip


def _clients() -> tuple[FlaskClient, FlaskClient]:
    """The same routes on Flask and on ours."""
    return _client(Flask("plain", static_folder=None)), _client(Service("ours", static_folder=None))


def _client(app: Flask) -> FlaskClient:
    app.secret_key = "of a test"
    at = iter(LOCATIONS)

    @app.get("/<int:status>")
    def answer(status: int) -> Response:
        return app.response_class("grüezi", status, {"X-Own": "1"}, content_type="text/plain; charset=utf-8")

    @app.get("/location")
    def location() -> Response:
        return app.response_class(status=303, headers={"Location": next(at), "Content-Location": "/ö"})

    @app.get("/plain-location")
    def plain_location() -> Response:
        return app.response_class(status=303, headers={"Location": next(at)})

    @app.get("/stream")
    def stream() -> Response:
        return app.response_class(iter(["a", "b"]))

    @app.get("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.get("/look")
    def look() -> str:
        return str(session.get("count"))

    @app.get("/forget")
    def forget() -> str:
        session.clear()
        return "forgotten"

    return app.test_client()


@pytest.mark.parametrize("path", ["/200", "/204", "/304", "/404", "/stream", "/look", "/missing"])
def test_headers_are_those_of_flask(path: str) -> None:
    """The same headers, the same length, the same body."""
    plain, ours = (client.get(path) for client in _clients())
    assert sorted(ours.headers) == sorted(plain.headers)
    assert (ours.status, ours.data) == (plain.status, plain.data)


@pytest.mark.parametrize("path", ["/location", "/plain-location"])
def test_locations_are_those_of_flask(path: str) -> None:
    """Whatever alphabet they are in."""
    plain, ours = _clients()
    for _ in LOCATIONS:
        assert sorted(ours.get(path).headers) == sorted(plain.get(path).headers)


@settings(max_examples=60)
@given(st.from_regex(PLAIN_LOCATION, fullmatch=True))
def test_a_plain_location_is_a_uri_already(location: str) -> None:
    """werkzeug would send what we send; it only leaves out a query that is empty."""
    assume(all(len(label) <= 63 for label in urlsplit(location).netloc.split(".")))  # RFC 1035 2.3.4; werkzeug stumbles
    assert iri_to_uri(location).rstrip("?") == location.rstrip("?")


def test_the_signed_cookie_is_that_of_flask() -> None:
    """Set where it is used, kept, taken away where it is emptied, and never seen where nobody asks for it."""
    plain, ours = _clients()
    for path, cookie in [
        ("/look", False),
        ("/200", False),
        ("/count", True),
        ("/count", True),
        ("/look", False),
        ("/forget", True),
    ]:
        answers = [client.get(path) for client in (plain, ours)]
        assert [("Set-Cookie" in answer.headers) for answer in answers] == [cookie, cookie], path
        assert answers[0].data == answers[1].data
        assert answers[0].headers.get("Vary") == answers[1].headers.get("Vary")


def test_a_forged_cookie_counts_as_none() -> None:
    """Its signature decides, as ever."""
    _, ours = _clients()
    ours.set_cookie("session", "eyJjb3VudCI6OTl9.forged.forged")
    assert ours.get("/count").data == b"1"


def test_answers_are_ours() -> None:
    """Views that give text get the same class."""
    app = Service("ours", static_folder=None)
    app.add_url_rule("/", view_func=lambda: "text")
    with app.test_request_context("/"):
        assert isinstance(app.full_dispatch_request(), Answer)


@given(st.text(st.characters(max_codepoint=255), max_size=80) | st.sampled_from(["a=1; b=2", 'a="1;2"; a=3', "=x; a"]))
def test_cookies_are_those_that_werkzeug_reads(header: str) -> None:
    """Whatever stands in the header, names and values are the same, in the same order."""
    environ = EnvironBuilder().get_environ() | {"HTTP_COOKIE": header}
    ours, theirs = Question(environ).cookies, Request(environ).cookies
    assert list(ours.items(multi=True)) == list(theirs.items(multi=True))


@given(st.text(max_size=30), st.text(max_size=30))
def test_path_and_query_can_be_asked_for_once_more(path: str, query: str) -> None:
    """Whatever a stranger has put there: printable ASCII that leads to the same path, and to the same fields."""
    path, query = (text.encode("utf-8", "replace").decode("latin-1") for text in ("/" + path.lstrip("/"), query))
    environ = EnvironBuilder(path="/").get_environ() | {"PATH_INFO": path, "QUERY_STRING": query.replace("#", "")}
    asked = Question(environ)
    assert asked.full_path.isascii()
    assert asked.full_path.isprintable()
    parts = urlsplit(asked.full_path)
    again = Question(EnvironBuilder(path=parts.path, query_string=parts.query).get_environ())
    assert (again.path, again.args) == (asked.path, asked.args)


HOSTS = [
    "acme.localhost:8000", "acme.localhost", "acme.localhost:80", "ACME.localhost",
    "bücher.test", "[::1]:8000", "a..b", "x" * 64,
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "", "//x", "/a%20b", "/ä", "*"])
def test_paths_are_looked_up_as_flask_does(host: str, path: str) -> None:
    """The same host, path, method and query, whichever way the adapter was made; or the same refusal."""
    found = []
    for kind in (Flask, Service):
        app = kind("adapters", static_folder=None)
        environ = EnvironBuilder(method="POST").get_environ()
        environ |= {"HTTP_HOST": host, "PATH_INFO": path.encode().decode("latin-1"), "QUERY_STRING": "a=%ff&b=\xc3\xa4\xff"}
        request = app.request_class(environ)
        try:
            adapter = app.create_url_adapter(request)
        except HTTPException as error:
            found.append(type(error))
            continue
        assert adapter is not None
        path_info = "/" + adapter.path_info.lstrip("/") if adapter.path_info else ""
        found.append((vars(adapter) | {"map": None, "path_info": path_info}, request.host))
    assert found[0] == found[1]


def test_known_headers_go_out_as_others_do() -> None:
    """The one place that writes werkzeug's own list: what it adds is what `add` would."""
    added, known = Headers([("X-A", "1")]), Headers([("X-A", "1")])
    for name, value in (("X-B", "2"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")):
        added.add(name, value)
        add_known(known, ((name, value),))
    assert known == added
    assert known.to_wsgi_list() == added.to_wsgi_list()
    assert known.get("x-b") == "2"
