"""From octets to a bounded tree."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tenants.signed_xml.errors import ResponseMalformed, XMLForbidden
from tenants.signed_xml.xml import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_NAMESPACES,
    canonical,
    ids_of,
    parse,
    read_base64,
    read_text,
    require_plain_markup,
)


def read(octets: bytes) -> etree._Element:
    """All three steps of a reading."""
    text = read_text(octets)
    require_plain_markup(text)
    return parse(text)


@pytest.mark.parametrize("text", ["YQ==", "YQ=\n=", " Y Q\t=\r\n= ", "YWI=", "YWJj"])
def test_base64_with_line_breaks_is_read(text: str) -> None:
    """Blanks of MIME encoders are passed over wherever they stand."""
    assert read_base64(text) in (b"a", b"ab", b"abc")


@pytest.mark.parametrize(
    "text", ["YQ", "YQ=", "YQ===", "YR==", "YWJ=", "Y-__", "YQ==YQ==", "=YQ=", "YQ==!", "Y\x0bQ==", "YQ==\0", "ÿ", "YQ\u2028=="]
)
def test_base64_has_one_spelling(text: str) -> None:
    """Missing or doubled padding, spare bits, other alphabets and other blanks are refused."""
    with pytest.raises(ValueError):
        read_base64(text)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("<a>é</a>".encode(), "é"),
        (b"\xef\xbb\xbf" + "<a>é</a>".encode(), "é"),
        (b"\xef\xbb\xbf" + "<?xml version='1.0' encoding='utf-8'?><a>é</a>".encode(), "é"),
        ('<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<a>é</a>'.encode(), "é"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>', "é"),
        (b'<?xml version="1.0" encoding="US-ASCII" ?><a>e</a>', "e"),
    ],
)
def test_known_encodings_are_read(octets: bytes, text: str) -> None:
    """UTF-8 with or without a mark, ISO-8859-1 and US-ASCII."""
    assert read(octets).text == text


@pytest.mark.parametrize(
    "octets",
    [
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        "<a/>".encode("utf-32"),
        b"<?xml version='1.0' encoding='UTF-7'?><a>+AGE-</a>",
        b"<?xml version='1.0' encoding='windows-1252'?><a/>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='iso-8859-1'?><a/>",
        b"<?xml version='1.0' encoding='us-ascii'?><a>\xe9</a>",
        b"<a>\xe9</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\x80</a>",
        b"<a>\x00</a>",
        b"<a/>\x00",
        b"<a>&#0;</a>",
        b"<a>&#xD800;</a>",
        b"<a>&#xFFFF;</a>",
        b"<?xml version='1.1'?><a/>",
        b"<?xml version='1.0' foo='bar'?><a/>",
        b"<?xml encoding='utf-8'?><a/>",
        b"",
        b"<a>",
        b"<a/><b/>",
        b"<a b='1' b='2'/>",
        b"<a>&unknown;</a>",
        b"<x:a/>",
    ],
)
def test_other_octets_are_malformed(octets: bytes) -> None:
    """Encodings outside of the list, octets outside of their encoding, characters outside of XML, and what is no XML."""
    with pytest.raises(ResponseMalformed):
        read(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<a><!DOCTYPE a></a>",
        b"<a/><!DOCTYPE a>",
        b"<a><!ENTITY x 'y'></a>",
        b"<?php x ?><a/>",
        b"<a><?php x ?></a>",
        b"<a/><?php x ?>",
        b"<a/>\n<?xml version='1.0'?>",
        b"<a><?xml version='1.0'?></a>",
        b"<!-- --><?x?><a/>",
        b"<a><![CDATA[]]><?x?></a>",
        b"<?xml-stylesheet href='x'?><a/>",
        b"<?xml version='1.0'?><!-- > --><!DOCTYPE a><a/>",
    ],
)
def test_declarations_and_instructions_are_forbidden(octets: bytes) -> None:
    """Before, inside and after the root element, well-formed or not."""
    with pytest.raises(XMLForbidden):
        read(octets)


def test_comments_and_cdata_hide_nothing_and_are_not_accused() -> None:
    """What looks like a declaration inside of them is text; text around a comment is read whole."""
    assert read(b"<a>x<!-- <!DOCTYPE a> <?x?> -->y<![CDATA[<?z?><!ENTITY]]></a>").text == "xy<?z?><!ENTITY"


def test_an_unfinished_comment_costs_linear_time() -> None:
    """A quarter of a megabyte of comment beginnings is refused at once."""
    began = time.process_time()
    with pytest.raises(ResponseMalformed):
        read(b"<a>" + b"<!--" * 60_000 + b"</a>")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "octets",
    [
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * 10_000 + b"</a>",
        b"<a " + b" ".join(b"a%d=''" % n for n in range(MAX_ATTRIBUTES + 1)) + b"/>",
        b"<a " + b" ".join(b"xmlns:a%d='u:'" % n for n in range(MAX_NAMESPACES + 1)) + b"/>",
        b"".join(b"<a %s>" % b" ".join(b"xmlns:a%d_%d='u:'" % (n, m) for m in range(7)) for n in range(10)) + b"</a>" * 10,
        b"<a>" * 60_000,
    ],
)
def test_depth_number_and_attributes_are_bounded(octets: bytes) -> None:
    """One more than allowed is refused, and the parser's own bounds hold for the rest."""
    with pytest.raises(ResponseMalformed):
        read(octets)


def test_the_bounds_themselves_are_allowed() -> None:
    """As deep and as wide as the bounds say."""
    read(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    read(b"<a " + b" ".join(b"a%d=''" % n for n in range(MAX_ATTRIBUTES)) + b"/>")
    read(b"<a>" + b"<b xmlns:x='u:' xmlns:y='v:'/>" * 1000 + b"</a>")


def test_ids_are_found_in_every_spelling() -> None:
    """SAML's ID, XML Signature's Id, and id with and without the xml prefix."""
    assert ids_of(read(b"<a ID='1'><b Id='2' xml:id='3'/><c id='4'/></a>")) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "octets", [b"<r xmlns='1'/>", b"<a:r xmlns:a='../x'/>", b"<r xmlns:a='rel' a:b='c'/>", b"<r><x xmlns='rel/y'/></r>"]
)
def test_void_canonicalisation_is_an_error(octets: bytes) -> None:
    """libxml2 gives no octets for relative namespace URIs; a digest of nothing would prove nothing."""
    with pytest.raises(ValueError):
        canonical(read(octets))


def test_canonical_octets_take_prefixes_from_ancestors_and_no_tail() -> None:
    """InclusiveNamespaces names prefixes that stand further up; text after the element is not its own."""
    root = read(b"<r xmlns:xs='urn:xs' xmlns='urn:r'><a xmlns='urn:a'>x<!-- c --></a>tail</r>")
    assert canonical(root[0]) == b'<a xmlns="urn:a">x</a>'
    assert canonical(root[0], ["xs"]) == b'<a xmlns="urn:a" xmlns:xs="urn:xs">x</a>'


@given(st.text(alphabet="AQRgw/+=-\n é", max_size=14) | st.binary(max_size=20).map(base64.b64encode).map(bytes.decode))
def test_base64_is_what_its_octets_would_be_written_as(text: str) -> None:
    """The definition itself: the way back gives the same text, or there was no octet in it."""
    compact = "".join(text.split()) if text.isascii() else text
    try:
        expected = base64.b64decode(compact)
    except ValueError:
        expected = None
    if expected is None or base64.b64encode(expected).decode() != compact:
        with pytest.raises(ValueError):
            read_base64(text)
    else:
        assert read_base64(text) == expected


def test_round_trip_of_large_base64() -> None:
    """A whole message in lines of 76 characters."""
    octets = bytes(range(256)) * 40
    assert read_base64(base64.encodebytes(octets).decode()) == octets
