"""Responses with arbitrary content: what the identity provider says arrives exactly, and what is no response is refused."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from identity.checks import Receipt
from identity.saml.response import masked_xml, read_response
from tenants.errors import Refusal
from tenants.signed_xml.signature import verify_enveloped
from tenants.signed_xml.xml import canonical, parse, parse_canonical, read_text
from tests.differential.oracles import signxml_octets
from tests.support.idp import ForgingIdP, encoded
from tests.support.keys import certificate_of, rsa_key
from tests.support.saml_trust import ADDRESSED, accept, trust_in
from tests.support.xml_signing import sign

IDP = ForgingIdP()
TRUST = trust_in(IDP)
CONTROLS = [chr(code) for code in (*range(9), *range(11, 32), 0xFFFE, 0xFFFF)]
XML_CHARACTERS = st.characters(codec="utf-8", exclude_characters=CONTROLS)
"""What XML 1.0 2.2 allows, without carriage returns: a literal one is a line feed by XML's own rule."""
TEXTS = st.text(XML_CHARACTERS | st.sampled_from("<>&'\"]é漢😀\u202e\u0301 \t\n"), max_size=30)
BLANKS = " \t\r\n"
PRESENT = TEXTS.filter(lambda text: text.strip() != "")


def refused_or_read(saml_response: str) -> None:
    """It is read or refused under a code of its own; and what is read can be shown."""
    try:
        unverified = read_response(saml_response, Receipt())
    except Refusal:
        return
    masked_xml(unverified)


@given(st.text(st.characters(), max_size=200) | st.text("ABCDabcd0123+/=-_ \r\n", max_size=60))
@settings(max_examples=300)
@example("")
@example("====")
@example("\ud800")
@example("QUJD\u00a0")
def test_any_text_as_saml_response_is_read_or_refused(saml_response: str) -> None:
    """The form field may hold anything."""
    refused_or_read(saml_response)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@settings(max_examples=300)
@example(b"")
@example(b"\xff\xfe<\x00a\x00")
@example(b"<a" + b" b='c'" * 3000 + b"/>")
@example(b"<a>" * 3000)
def test_any_octets_in_base64_are_read_or_refused(octets: bytes) -> None:
    """Whatever the base64 holds: no exception but a refusal."""
    refused_or_read(base64.b64encode(octets).decode())


@given(st.text(" \r\n\t", max_size=10), st.integers(0, 2**32))
@settings(max_examples=50)
def test_base64_has_one_spelling(blanks: str, place: int) -> None:
    """Blanks may stand anywhere in the base64, as identity providers wrap lines; another spelling of the octets is refused."""
    text = encoded(_message())
    at = place % len(text)
    assert read_response(text[:at] + blanks + text[at:], Receipt()).octets == _message()
    for other in (text + "=", text + "A", text.rstrip("=") + "*", text.replace("+", "-") + "_"):
        try:
            read_response(other, Receipt())
        except Refusal as refusal:
            code = refusal.code
        else:
            code = "read"
        assert code == "response_malformed"


@given(name_id=PRESENT, attributes=st.dictionaries(PRESENT, st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=3))
@settings(max_examples=200)
@example(name_id=" alice ", attributes={"mail": ["a]]>b", "a]]>b", ""]})
@example(name_id="\u00a0x\u00a0", attributes={" mail\n": ["\u00a0x\u00a0", "x"]})
def test_what_is_said_arrives(name_id: str, attributes: dict[str, list[str]]) -> None:
    """NameID exactly, attribute names by XML's rules, values without the blanks around them, each once and none empty."""
    assertion = accept(IDP.response(**ADDRESSED, name_id=name_id, attributes=attributes), TRUST)
    assert assertion.name_id == name_id
    assert dict(assertion.attributes) == _as_read(attributes)


@given(name_id=PRESENT, value=PRESENT)
@settings(max_examples=60)
def test_what_is_said_arrives_through_encryption(name_id: str, value: str) -> None:
    """An encrypted assertion with an encrypted name says the same as an open one."""
    xml = IDP.response(
        **ADDRESSED,
        name_id=name_id,
        attributes={"mail": [value]},
        encrypt_name_id="aes128-gcm",
        encrypt="aes256-gcm",
        encryption_certificate=certificate_of(rsa_key("sp")),
    )
    assertion = accept(xml, TRUST)
    assert assertion.name_id == name_id
    assert dict(assertion.attributes) == {"mail": (value.strip(BLANKS),)}


@given(PRESENT, st.lists(PRESENT, max_size=3))
@settings(max_examples=100)
def test_a_receipt_shows_nothing_about_the_person(name_id: str, values: list[str]) -> None:
    """The masked message is well-formed and holds neither the name nor any value."""
    xml = IDP.response(**ADDRESSED, name_id=f"§{name_id}", attributes={"mail": [f"§{value}" for value in values]})
    masked = masked_xml(read_response(encoded(xml), Receipt()))
    assert etree.fromstring(masked.encode()).tag
    assert "§" not in masked


ELEMENT_NAMES = st.sampled_from(["a", "b:c", "saml:d", "e"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["x", "b:y", "z", "xml:lang"]), TEXTS, max_size=3)
TREES: st.SearchStrategy[Any] = st.recursive(
    TEXTS, lambda inner: st.tuples(ELEMENT_NAMES, ATTRIBUTES, st.lists(inner, max_size=3)), max_leaves=10
)


@given(st.lists(TREES, max_size=4), st.sampled_from([None, "", "b", "#default b saml", "xs zz"]))
@settings(max_examples=200)
@example(["\u00a0"], None)
def test_canonical_octets_are_stable_and_those_of_the_oracle(content: list[Any], prefix_list: str | None) -> None:
    """For any signed tree: our octets are signxml's, they parse to octets that are the same again, the tree stays as it was."""
    inner = "".join(map(_written, content))
    text = f'<r xmlns="urn:r" xmlns:b="urn:b" xmlns:saml="urn:s"><a ID="_a">{inner}</a></r>'
    xml = sign(text, "_a", IDP.key, prefix_list=prefix_list)
    element = parse(read_text(xml))[0]
    before = etree.tostring(element)
    octets = verify_enveloped(element, (IDP.public_key,), allow_sha1=False).octets
    assert etree.tostring(element) == before
    if not (element[0].tail or "").strip(
        " \t\n"
    ):  # signxml stumbles over text after a Signature; libxmlsec1's digest held there too
        assert octets == signxml_octets(xml, IDP.certificate, "./{urn:r}a/")
    again = parse_canonical(octets)
    assert canonical(again, (prefix_list or "").split()) == octets


def _written(node: Any) -> str:
    """A generated tree as XML text."""
    if isinstance(node, str):
        return _escaped(node)
    name, attributes, children = node
    written = "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(map(_written, children))}</{name}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _as_read(attributes: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """What an honest reader makes of them: XML's blanks around a value are layout, any other is part of it."""
    read: dict[str, dict[str, None]] = {}
    for name, values in attributes.items():
        kept = read.setdefault(name, {})
        kept.update(dict.fromkeys(value.strip(BLANKS) for value in values if value.strip(BLANKS)))
    return {name: tuple(values) for name, values in read.items()}


@cache
def _message() -> bytes:
    """One good message, the same in all examples."""
    return IDP.response(**ADDRESSED)
