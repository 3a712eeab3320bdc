"""Sizes and bombs: whatever is sent is judged in little time and memory, and small messages stay as they are (V1)."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import re
import time
import zlib
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from config.database import Base, db
from config.isolation import every_tenant
from identity.acs_routes import MAX_ACS_BODY
from identity.browsers import SESSION_COOKIE
from identity.saml.unverified import MAX_MASKED_CHARACTERS, MAX_XML_OCTETS
from tests.attacks.answering import accept, accept_message
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending
from tests.support.saml_xml import attribute_xml
from tests.support.world import World

CPU_SECONDS = 2.0
"""Of the whole answer, whatever was sent. Most take a few milliseconds; the bound is for slow machines."""
MAX_RECEIPT = 32 * 1024
"""Characters of JSON."""
OPEN, CLOSE = "<samlp:Extensions><x:a xmlns:x='urn:x'>", "</x:a></samlp:Extensions>"


def padded(message: bytes, size: int) -> bytes:
    """The response with white space inside until it has that many octets; its assertion is untouched."""
    head, status, tail = message.partition(b"<samlp:Status>")
    return head + b" " * (size - len(message)) + status + tail


def with_extension(message: bytes, content: str) -> bytes:
    """The response with something in its Extensions, where the schema lets anything stand; its assertion is untouched."""
    return message.replace(b"<samlp:Status>", f"{OPEN}{content}{CLOSE}<samlp:Status>".encode(), 1)


def statement(attributes: str) -> str:
    """An AttributeStatement with the address and more."""
    mail = '<saml:Attribute Name="mail"><saml:AttributeValue>ada@acme.test</saml:AttributeValue></saml:Attribute>'
    return f"<saml:AttributeStatement>{mail}{attributes}</saml:AttributeStatement>"


def refuse_quickly(victim: Pending, message: bytes | str, code: str | set[str]) -> None:
    """Refused, and within CPU_SECONDS of processor time."""
    before = victim.world.rows()
    began = time.process_time()
    answer = victim.send(message)
    took = time.process_time() - began
    assert_refused(victim.world, answer, code, before)
    assert took < CPU_SECONDS
    victim.finish()


@on_sqlite
@pytest.mark.parametrize(("size", "code"), [(MAX_XML_OCTETS, None), (MAX_XML_OCTETS + 1, "too_large")])
def test_a_message_has_256_kib_at_most(world: World, size: int, code: str | None) -> None:
    """To the octet: the last that is read, and the first that is not."""
    victim = pending(world)
    message = padded(victim.response(), size)
    assert len(message) == size
    if code is None:
        accept_message(victim, message)
    else:
        refuse_quickly(victim, message, code)


@on_sqlite
@pytest.mark.parametrize(("size", "code"), [(MAX_ACS_BODY, "relay_state_invalid"), (MAX_ACS_BODY + 1, "too_large")])
def test_a_form_has_512_kib_at_most(world: World, size: int, code: str) -> None:
    """To the octet: up to there it is read, and judged by what is in it."""
    victim = pending(world)
    message = base64.b64encode(victim.response()).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    form = f"SAMLResponse={message}&RelayState="
    before = world.rows()
    answer = victim.browser.post(
        "/saml/acs", data=form + "a" * (size - len(form)), content_type="application/x-www-form-urlencoded"
    )
    assert_refused(world, answer, code, before)
    victim.finish()


@on_sqlite
@pytest.mark.parametrize("megabytes", [1, 9])
def test_a_huge_form_is_refused_unread(world: World, megabytes: int) -> None:
    """Beyond the ACS's bound, and beyond that of the whole service."""
    victim = pending(world)
    refuse_quickly(victim, "A" * (megabytes * 1024 * 1024), "too_large")


@on_sqlite
@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("A" * 500_000, "too_large", id="375 KB of NUL"),
        pytest.param("=" * 160_000, "response_malformed", id="padding"),
        pytest.param("\r\n" * 80_000, "response_malformed", id="line breaks"),
        pytest.param("%" * 160_000, "response_malformed", id="percent signs"),
        pytest.param("AAA=" * 80_000, "response_malformed", id="padding again and again"),
        pytest.param("A", "response_malformed", id="one character"),
        pytest.param("", "response_malformed", id="nothing"),
        pytest.param("PHg+PHg+PHg+", "response_malformed", id="open elements"),
    ],
)
def test_base64_without_a_message(world: World, text: str, code: str) -> None:
    """Long or short, it is no message."""
    refuse_quickly(pending(world), text, code)


@on_sqlite
@pytest.mark.parametrize(
    "compress",
    [
        pytest.param(lambda octets: zlib.compress(octets)[2:-4], id="deflate"),
        pytest.param(zlib.compress, id="zlib"),
        pytest.param(gzip.compress, id="gzip"),
        pytest.param(bz2.compress, id="bzip2"),
    ],
)
@pytest.mark.parametrize("what", ["the good response", "16 MiB of nothing"])
def test_nothing_is_ever_inflated(world: World, compress: Callable[[bytes], bytes], what: str) -> None:
    """Neither a good message, as lenient libraries do for POST too, nor a bomb."""
    victim = pending(world)
    octets = victim.response() if what == "the good response" else b"\x00" * (16 * 1024 * 1024)
    packed = compress(octets)
    assert len(packed) < MAX_XML_OCTETS
    refuse_quickly(victim, packed, "response_malformed")


@on_sqlite
@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param("<x:b>" * 70 + "</x:b>" * 70, id="70 levels"),
        pytest.param("<x:b>" * 20_000 + "</x:b>" * 20_000, id="20,000 levels"),
        pytest.param("<x:b>" * 45_000, id="levels without end"),
        pytest.param("<x:b/>" * 10_000, id="10,000 elements"),
        pytest.param("<x:b/>" * 38_000, id="38,000 elements"),
        pytest.param("<x:b " + " ".join(f"a{n}=''" for n in range(65)) + "/>", id="65 attributes"),
        pytest.param("<x:b " + " ".join(f"a{n}=''" for n in range(20_000)) + "/>", id="20,000 attributes"),
        pytest.param("<x:b " + " ".join(f"xmlns:n{n}='urn:{n}'" for n in range(9_000)) + "/>", id="9,000 namespaces"),
        pytest.param("<x:b a='' a=''/>", id="an attribute twice"),
        pytest.param(f"<x:{'b' * 100_000}/>", id="a name of 100,000 characters"),
        pytest.param("&#x41;" * 30_000 + "<", id="30,000 characters by number, and an open element"),
        pytest.param("<!--" + "-" * 100_000, id="a comment without end"),
        pytest.param("<![CDATA[" * 20_000, id="CDATA again and again"),
        pytest.param("<x:b ID='_1'/>" * 9_000, id="9,000 times the same ID"),
    ],
)
def test_a_tree_that_is_too_much_is_refused(world: World, bomb: str) -> None:
    """Deep, wide, long-winded or never ending, where the schema lets anything stand."""
    victim = pending(world)
    refuse_quickly(victim, with_extension(victim.response(), bomb), {"response_malformed", "assertion_invalid"})


@on_sqlite
@pytest.mark.parametrize("namespaces", [0, 60, 9_000])
@pytest.mark.parametrize("prefixes", [0, 32, 33])
def test_a_strangers_signature_costs_little(world: World, namespaces: int, prefixes: int) -> None:
    """SignedInfo is canonicalised as it asks for before any key is tried: many elements, namespaces and prefixes at once."""
    listed = " ".join(f"z{n}" for n in range(prefixes))
    steps = f"<ec:InclusiveNamespaces xmlns:ec='http://www.w3.org/2001/10/xml-exc-c14n#' PrefixList='{listed}'/>"
    declared = " ".join(f"xmlns:n{n:x}='urn:u'" for n in range(namespaces))
    victim = pending(world)
    text = victim.response().decode().replace("<samlp:Response ", f"<samlp:Response {declared} ", 1)
    text = re.sub(r"(<ds:CanonicalizationMethod [^>]*)/>", rf"\1>{steps}</ds:CanonicalizationMethod>", text)
    many = f"<x:b xmlns:x='urn:x'>{'<x:b/>' * 8_000}</x:b>"
    text = re.sub(r"(<ds:DigestMethod [^>]*)/>", rf"\1>{many}</ds:DigestMethod>", text)
    refuse_quickly(victim, text.encode(), {"signature_invalid", "response_malformed"})


@on_sqlite
@pytest.mark.parametrize(
    "content",
    [
        pytest.param("<x:b/>" * 9_000, id="9,000 elements"),
        pytest.param("<x:b " + " ".join(f"a{n}=''" for n in range(60)) + "/>", id="60 attributes"),
        pytest.param("<x:b>" * 50 + "</x:b>" * 50, id="50 levels"),
        pytest.param("a" * 200_000, id="200,000 characters"),
        pytest.param("&#x41;" * 30_000, id="30,000 characters by number"),
        pytest.param("<!-- -->" * 20_000, id="20,000 comments"),
        pytest.param("<![CDATA[x]]>" * 15_000, id="15,000 pieces of CDATA"),
    ],
)
def test_what_is_large_and_within_bounds_is_good(world: World, content: str) -> None:
    """And judged as quickly: nobody's message is refused for being unusual."""
    victim = pending(world)
    message = with_extension(victim.response(), content)
    began = time.process_time()
    accept_message(victim, message)
    assert time.process_time() - began < CPU_SECONDS


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param("".join(attribute_xml(f"urn:x:{n}", ["v"]) for n in range(1_200)), id="1,200 attributes"),
        pytest.param(attribute_xml("groups", [f"group {n}" for n in range(2_500)]), id="2,500 values"),
        pytest.param(attribute_xml("photo", ["A" * 200_000]), id="a picture"),
        pytest.param(attribute_xml("n" * 50_000, ["v"]), id="a name of 50,000 characters"),
    ],
)
def test_many_attributes_are_good_and_leave_a_bounded_record(world: World, attributes: str) -> None:
    """People in thousands of groups sign in; what is kept of it stays small."""
    victim = pending(world)
    accept(victim, attributes_xml=statement(attributes))
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        (row,) = connection.execute(sa.select(Base.metadata.tables["attempt"]))
    assert len(row.xml) <= MAX_MASKED_CHARACTERS
    assert len(json.dumps(row.receipt)) <= MAX_RECEIPT


@on_sqlite
def test_a_refusal_of_something_huge_leaves_a_bounded_record(world: World) -> None:
    """Whatever a stranger sends, the disk does not fill with it."""
    victim, before = pending(world), world.rows()
    mismatches = {"issuer_mismatch", "destination_mismatch", "in_response_to_mismatch"}
    for part in ("response_issuer", "destination", "in_response_to"):
        answer = victim.send(victim.response(**{part: "_" + "x" * 80_000}))
        refused = assert_refused(world, answer, mismatches, before)
        assert len(refused.masked_xml) <= MAX_MASKED_CHARACTERS
        assert len(json.dumps(refused.lines)) <= MAX_RECEIPT
    victim.finish()


@on_sqlite
def test_long_headers_are_cut_and_long_cookies_are_nobodys(world: World) -> None:
    """A browser's own name of 8,000 characters is kept in short; a session cookie of that length is no session."""
    victim = pending(world)
    answer = victim.browser.post_response(
        victim.response(), victim.started.relay_state, headers={"User-Agent": "x" * 8_000, "X-Forwarded-For": "y" * 8_000}
    )
    assert answer.status_code == 303
    cookie = {"Cookie": f"{SESSION_COOKIE}={'A' * 4_000}"}
    assert victim.browser.get("/session", headers=cookie).status_code == 401
