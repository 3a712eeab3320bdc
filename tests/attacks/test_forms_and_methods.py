"""Forms and methods: a response comes by POST, in a form, each field once, and in no other way (V1; SAML Bindings 3.5)."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from identity.browsers import SESSION_COOKIE
from tests.attacks.answering import accept, accept_message
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending
from tests.support.browser import Browser, code_of
from tests.support.idp import encoded
from tests.support.world import World

FORM = "application/x-www-form-urlencoded"


def raw(victim: Pending, body: str | bytes, content_type: str | None = FORM, path: str = "/saml/acs") -> TestResponse:
    """A POST of this very body."""
    return victim.browser.post(path, data=body, content_type=content_type)


def good_fields(victim: Pending) -> list[tuple[str, str]]:
    """The form that would sign the person in."""
    return [("SAMLResponse", encoded(victim.response())), ("RelayState", victim.started.relay_state)]


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param([("SAMLResponse", "{same}")], id="the same response twice"),
        pytest.param([("SAMLResponse", "AAAA")], id="another response besides"),
        pytest.param([("SAMLResponse", "")], id="an empty one besides"),
        pytest.param([("RelayState", "{token}")], id="the same RelayState twice"),
        pytest.param([("RelayState", "/elsewhere")], id="another RelayState"),
        pytest.param([("RelayState", "")], id="an empty RelayState"),
    ],
)
def test_a_field_given_twice_is_refused(world: World, extra: list[tuple[str, str]]) -> None:
    """Before or behind the good one: two programs on the way could read two different messages."""
    victim = pending(world)
    fields = good_fields(victim)
    values = {"{same}": fields[0][1], "{token}": fields[1][1]}
    added = [(name, values.get(value, value)) for name, value in extra]
    before = world.rows()
    for form in (fields + added, added + fields):
        refused = assert_refused(world, raw(victim, urlencode(form)), "request_invalid", before)
        assert refused.check == "form"
    accept(victim)


@on_sqlite
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("", id="nothing"),
        pytest.param("RelayState={token}", id="no response"),
        pytest.param("samlresponse={response}&RelayState={token}", id="name in lower case"),
        pytest.param("SAMLResponse[]={response}&RelayState={token}", id="name as a list"),
        pytest.param("SAMLResponse%00={response}&RelayState={token}", id="name with NUL"),
        pytest.param("%20SAMLResponse={response}&RelayState={token}", id="blank before the name"),
        pytest.param("SAMLRequest={response}&RelayState={token}", id="as a request"),
        pytest.param("SAMLart={response}&RelayState={token}", id="as an artifact"),
        pytest.param("SAMLResponse={response}&RelayState=%ff%fe", id="not UTF-8"),
        pytest.param("SAMLResponse=%ff&RelayState={token}", id="response not UTF-8"),
        pytest.param("&" * 30 + "SAMLResponse={response}&RelayState={token}", id="too many parts"),
    ],
)
def test_a_form_without_the_one_field_is_refused(world: World, fields: str) -> None:
    """Names are those of the specification, to the letter."""
    victim = pending(world)
    form = dict(good_fields(victim))
    body = fields.format(response=urlencode({"": form["SAMLResponse"]})[1:], token=form["RelayState"])
    before = world.rows()
    assert_refused(world, raw(victim, body), "request_invalid", before)
    accept(victim)


@on_sqlite
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/xml",
        "application/xml",
        "application/json",
        "application/octet-stream",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/samlassertion+xml",
        "application/x-www-form-urlencoded+xml",
        "application/x-www-form-urlencoded, text/plain",
        "*/*",
        "\u00e9",
        "x" * 2000,
    ],
    ids=range(15),
)
def test_another_content_type_is_refused(world: World, content_type: str | None) -> None:
    """The good form's own octets under another name."""
    victim = pending(world)
    before = world.rows()
    answer = raw(victim, urlencode(good_fields(victim)), content_type)
    assert_refused(world, answer, "request_invalid", before)
    accept(victim)


@on_sqlite
def test_a_message_in_another_kind_of_body_is_refused(world: World) -> None:
    """Multipart, JSON and plain XML that hold a good response, in the forms that frameworks would read."""
    victim = pending(world)
    fields, message, before = dict(good_fields(victim)), victim.response(), world.rows()
    answers = [
        victim.browser.post("/saml/acs", data=fields, content_type="multipart/form-data"),
        raw(victim, json.dumps(fields), "application/json"),
        raw(victim, message, "application/xml"),
        raw(victim, message, FORM),
        raw(victim, base64.b64encode(message), FORM),
    ]
    for answer in answers:
        assert_refused(world, answer, "request_invalid", before)
    accept(victim)


@on_sqlite
@pytest.mark.parametrize(
    "query", ["SAMLResponse={response}&RelayState={token}", "SAMLResponse=AAAA", "RelayState=/x", "x=1", "x"]
)
def test_nothing_is_taken_from_the_address(world: World, query: str) -> None:
    """Neither instead of the form nor besides it: addresses end up in logs and histories."""
    victim = pending(world)
    form = dict(good_fields(victim))
    path = "/saml/acs?" + query.format(response=urlencode({"": form["SAMLResponse"]})[1:], token=form["RelayState"])
    before = world.rows()
    for body in ("", urlencode(form)):
        assert_refused(world, raw(victim, body, path=path), "request_invalid", before)
    accept(victim)


@on_sqlite
@pytest.mark.parametrize("body_of", ["gzip", "deflate"])
def test_a_compressed_body_is_not_opened(world: World, body_of: str) -> None:
    """Content-Encoding is no business of an ACS."""
    victim = pending(world)
    compressor = zlib.compressobj(wbits=31 if body_of == "gzip" else 15)
    body = compressor.compress(urlencode(good_fields(victim)).encode()) + compressor.flush()
    before = world.rows()
    answer = victim.browser.post("/saml/acs", data=body, content_type=FORM, headers={"Content-Encoding": body_of})
    assert_refused(world, answer, "request_invalid", before)
    accept(victim)


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FOO"])
def test_responses_come_by_post_only(world: World, method: str) -> None:
    """A good response by any other method is refused, and nothing of it is looked at."""
    victim = pending(world)
    before = world.rows()
    for options in ({"data": urlencode(good_fields(victim)), "content_type": FORM}, {"query_string": good_fields(victim)}):
        address: dict[str, Any] = {"method": method, "base_url": f"http://{victim.browser.host}"}
        answer = victim.browser.client.open("/saml/acs", **address, **options)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
        assert method == "HEAD" or code_of(answer) == "method_not_allowed"
        assert SESSION_COOKIE not in str(answer.headers)
    assert world.rows() == before
    accept(victim)


@on_sqlite
def test_a_response_by_the_redirect_binding_is_refused(world: World) -> None:
    """Deflated and in the address, as SAML Bindings 3.4 has it for requests: never for responses (Profiles 4.1.2)."""
    victim = pending(world)
    compressor = zlib.compressobj(wbits=-15)
    deflated = compressor.compress(victim.response()) + compressor.flush()
    query = {"SAMLResponse": base64.b64encode(deflated).decode(), "RelayState": victim.started.relay_state}
    answer = victim.browser.get("/saml/acs", query_string=query)
    assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")
    accept(victim)


@on_sqlite
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
def test_no_header_or_field_changes_the_method(world: World, header: str) -> None:
    """A POST stays one, and a GET too."""
    victim = pending(world)
    assert victim.browser.get("/saml/acs", headers={header: "POST"}).status_code == 405
    fields = [*good_fields(victim), ("_method", "GET")]
    answer = victim.browser.post("/saml/acs", data=urlencode(fields), content_type=FORM, headers={header: "GET"})
    assert answer.status_code == 303


@on_sqlite
@pytest.mark.parametrize(
    "path",
    [
        "/saml/acs/",
        "/saml//acs",
        "/saml/acs;x=1",
        "/saml/acs.html",
        "/SAML/ACS",
        "/saml/./acs",
        "/saml/acs%00",
        "/x/../saml/acs",
        "/saml/acs%2f",
        "/saml%2facs/",
    ],
)
def test_the_acs_has_one_address(world: World, path: str) -> None:
    """What only looks like it is not found, and never redirected to: a redirect would carry the message along."""
    victim = pending(world)
    before = world.rows()
    answer = raw(victim, urlencode(good_fields(victim)), path=path)
    assert answer.status_code == 404, path
    assert "Location" not in answer.headers
    assert world.rows() == before
    accept(victim)


@on_sqlite
def test_signing_out_is_a_post(world: World) -> None:
    """A picture or a prefetched link signs nobody out, nor does a form of another site."""
    victim = pending(world)
    accept(victim)
    assert victim.browser.get("/logout").status_code == 405
    for headers in (
        {"Origin": "http://globex.localhost:8000"},
        {"Origin": "null"},
        {"Origin": "https://acme.localhost:8000.evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://acme.localhost:8000"},
    ):
        assert victim.browser.post("/logout", headers=headers).status_code == 400, headers
    assert victim.browser.get("/session").status_code == 200
    assert victim.browser.post("/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    assert victim.browser.get("/session").status_code == 401


@on_sqlite
@pytest.mark.parametrize("path", ["/", "/saml/login", "/saml/metadata", "/session", "/client-config.json"])
def test_pages_are_read_only(world: World, path: str) -> None:
    """No other method does anything there, with or without a session."""
    browser = world.browser()
    world.sign_in(browser)
    before = world.rows()
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO"):
        answer = browser.client.open(path, method=method, base_url=f"http://{browser.host}")
        assert answer.status_code == 405, method
    assert world.rows() == before


@on_sqlite
def test_the_acs_is_no_page_of_the_app_host(world: World) -> None:
    """Without a tenant's host there is nobody to sign in to."""
    victim = pending(world)
    answer = Browser(world.app, None).post_response(victim.response(), victim.started.relay_state)
    assert (answer.status_code, code_of(answer)) == (404, "not_found")
    accept(victim)


# What is as good as the plain form


@on_sqlite
@pytest.mark.parametrize(
    "content_type",
    [FORM, FORM.upper(), FORM + "; charset=utf-8", FORM + ";charset=UTF-16", FORM + "; boundary=x"],
    ids=["plain", "upper case", "charset", "another charset", "boundary"],
)
def test_a_forms_parameters_do_not_matter(world: World, content_type: str) -> None:
    """Octets are UTF-8 whatever a charset parameter says (WHATWG URL 5.1)."""
    victim = pending(world)
    assert raw(victim, urlencode(good_fields(victim)), content_type).status_code == 303


@on_sqlite
def test_fields_that_others_need_do_no_harm(world: World) -> None:
    """Identity providers add their own; they are not looked at."""
    victim = pending(world)
    added = [("SigAlg", "x"), ("Signature", "x"), ("SAMLEncoding", "urn:x"), ("submit", "Continue")]
    assert raw(victim, urlencode(added + good_fields(victim))).status_code == 303


@on_sqlite
def test_base64_with_line_breaks_is_good(world: World) -> None:
    """As the identity providers write it that break lines at 76 characters."""
    victim = pending(world)
    accept_message(victim, base64.encodebytes(victim.response()).decode())
    victim = pending(world)
    accept_message(victim, base64.encodebytes(victim.response()).decode().replace("\n", "\r\n"))


@on_sqlite
def test_a_program_that_asks_for_json_gets_the_code(world: World) -> None:
    """problem+json with the same code and reference as the page."""
    victim = pending(world)
    answer = victim.browser.post_response(b"<x/>", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    document = answer.get_json()
    assert (document["code"], document["status"]) == ("response_malformed", 400)
    assert document["reference"]
