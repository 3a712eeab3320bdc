"""Parser differentials: octets that one program reads this way and another that way are read in one way here, or not at all.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import base64
import codecs
import gzip
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.answering import accept_message
from tests.attacks.listener import Listener
from tests.attacks.support import MALLORY, pending, refuse, settle
from tests.attacks.surgery import ADA, swap
from tests.support.idp import encoded
from tests.support.world import World

Change = Callable[[bytes], bytes]
MALFORMED, FORBIDDEN = "response_malformed", "xml_forbidden"


def coded(codec: str, declared: str | None = None, mark: bytes = b"") -> Change:
    """The message in another encoding, with or without saying so."""
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return lambda xml: mark + (declaration + xml.decode()).encode(codec)


def declared(encoding: str) -> Change:
    """The same octets under another name."""
    return lambda xml: f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + xml


def with_octets(octets: bytes) -> Change:
    """The person's first name with these octets in it, put in after signing."""
    return lambda xml: xml.replace(b">Ada<", b">Ad" + octets + b"a<")


ENCODINGS: dict[str, Change] = {
    "UTF-16 with a mark": coded("utf-16"),
    "UTF-16 with a mark, declared": coded("utf-16", "UTF-16"),
    "UTF-16LE without a mark, declared": coded("utf-16-le", "UTF-16LE"),
    "UTF-16BE without a mark": coded("utf-16-be"),
    "UTF-16 declared and not used": declared("UTF-16"),
    "UTF-32 with a mark": coded("utf-32", "UTF-32"),
    "UTF-32LE without a mark": coded("utf-32-le"),
    "UTF-7": coded("utf-7", "UTF-7"),
    "UTF-7, undeclared, with its mark": coded("utf-7", None, b"+/v8-"),
    "EBCDIC": coded("cp037", "IBM037"),
    "EBCDIC, another page": coded("cp500", "ebcdic-cp-be"),
    "Shift JIS": declared("Shift_JIS"),
    "Windows 1252": declared("windows-1252"),
    "Latin 9": declared("ISO-8859-15"),
    "UTF-8 without its hyphen": declared("utf8"),
    "UCS-4": declared("ISO-10646-UCS-4"),
    "an encoding that nobody knows": declared("x-user-defined"),
    "an empty encoding": declared(""),
    "a UTF-8 mark and Latin 1 declared": coded("utf-8", "ISO-8859-1", codecs.BOM_UTF8),
    "two UTF-8 marks": lambda xml: codecs.BOM_UTF8 * 2 + xml,
    "a UTF-16 mark before UTF-8": lambda xml: codecs.BOM_UTF16_LE + xml,
    "half a UTF-8 mark": lambda xml: codecs.BOM_UTF8[:2] + xml,
    "Latin 1 that says nothing": with_octets(b"\xe9"),
    "Latin 1 in UTF-8 that says so": lambda xml: declared("UTF-8")(with_octets(b"\xe9")(xml)),
    "UTF-8 in ASCII": lambda xml: declared("US-ASCII")(with_octets("é".encode())(xml)),
    "an overlong slash": with_octets(b"\xc0\xaf"),
    "an overlong NUL": with_octets(b"\xc0\x80"),
    "an overlong less-than": with_octets(b"\xe0\x80\xbc"),
    "half a surrogate pair": with_octets(b"\xed\xa0\x80"),
    "a surrogate pair, each by itself": with_octets(b"\xed\xa0\xbd\xed\xb8\x80"),
    "beyond Unicode": with_octets(b"\xf4\x90\x80\x80"),
    "a sequence that ends too soon": with_octets(b"\xe2\x82"),
    "a continuation without a start": with_octets(b"\x80"),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_that_is_not_read_is_refused(arena: World, name: str) -> None:
    """UTF-8, US-ASCII and ISO-8859-1 as declared, and each octet in it; nothing is guessed."""
    victim = pending(settle(arena))
    assert refuse(victim, ENCODINGS[name](victim.response()), MALFORMED).check == "xml"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda xml: codecs.BOM_UTF8 + xml, id="a UTF-8 mark"),
        pytest.param(coded("latin-1", "ISO-8859-1"), id="Latin 1"),
        pytest.param(coded("latin-1", "iso-8859-1"), id="Latin 1 in small letters"),
        pytest.param(coded("utf-8", "UTF-8", codecs.BOM_UTF8), id="a UTF-8 mark and UTF-8 declared"),
    ],
)
def test_an_encoding_that_is_read_gives_the_same_letters(arena: World, change: Change) -> None:
    """The name comes out as it was signed, however its letters were coded."""
    victim = pending(settle(arena))
    message = change(victim.response(attributes={"mail": [ADA], "givenName": ["Ädä"]}))
    assert accept_message(victim, message)["user"]["first_name"] == "Ädä"


def test_what_declares_latin_1_is_latin_1(arena: World) -> None:
    """UTF-8 octets under that name are other letters than were signed."""
    victim = pending(settle(arena))
    message = declared("ISO-8859-1")(victim.response(attributes={"mail": [ADA], "givenName": ["Ädä"]}))
    refuse(victim, message, "signature_invalid")


def behind(octets: bytes) -> Change:
    """Octets behind the end of the document."""
    return lambda xml: xml + octets


def before(octets: bytes) -> Change:
    """Octets before the document."""
    return lambda xml: octets + xml


def first_name(written: str) -> Change:
    """The person's first name, written otherwise after signing."""
    return lambda xml: swap(xml, ">Ada<", f">{written}<")


def written(old: str, new: str) -> Change:
    """A text put in place of another after signing."""
    return lambda xml: swap(xml, old, new)


LONG = "n" * 60_000
END, STATEMENT_END = "</saml:Assertion>", "</saml:AttributeStatement>"
DOCUMENTS: dict[str, tuple[Change, str]] = {
    "XML 1.1": (before(b'<?xml version="1.1"?>'), MALFORMED),
    "XML 1.1 with a control character": (lambda xml: b'<?xml version="1.1"?>' + first_name("&#1;")(xml), MALFORMED),
    "XML 2.0": (before(b'<?xml version="2.0"?>'), MALFORMED),
    "no version": (before(b'<?xml encoding="UTF-8"?>'), MALFORMED),
    "attributes of the declaration in another order": (before(b'<?xml encoding="UTF-8" version="1.0"?>'), MALFORMED),
    "something else in the declaration": (before(b'<?xml version="1.0" foo="bar"?>'), MALFORMED),
    "a declaration without an end": (before(b'<?xml version="1.0"'), MALFORMED),
    "two declarations": (before(b'<?xml version="1.0"?><?xml version="1.0"?>'), FORBIDDEN),
    "a blank before the declaration": (before(b' <?xml version="1.0"?>'), FORBIDDEN),
    "a line before the declaration": (before(b'\n<?xml version="1.0"?>'), FORBIDDEN),
    "a declaration in capitals": (before(b'<?XML version="1.0"?>'), FORBIDDEN),
    "text before": (before(b"x"), MALFORMED),
    "a NUL before": (before(b"\x00"), MALFORMED),
    "text behind": (behind(b"x"), MALFORMED),
    "a NUL behind": (behind(b"\x00"), MALFORMED),
    "control-Z behind": (behind(b"\x1a"), MALFORMED),
    "an entity behind": (behind(b"&amp;"), MALFORMED),
    "CDATA behind": (behind(b"<![CDATA[]]>"), MALFORMED),
    "a second root": (lambda xml: xml + xml, MALFORMED),
    "a second root, forged, first": (lambda xml: xml.replace(ADA.encode(), MALLORY.encode()) + xml, MALFORMED),
    "an end tag more": (behind(b"</samlp:Response>"), MALFORMED),
    "an open comment behind": (behind(b"<!--"), MALFORMED),
    "cut short": (lambda xml: xml[:-1], MALFORMED),
    "nothing": (lambda xml: b"", MALFORMED),
    "blanks only": (lambda xml: b" \n", MALFORMED),
    "JSON": (lambda xml: b'{"SAMLResponse": true}', MALFORMED),
    "HTML": (lambda xml: b"<html><body>" + xml, MALFORMED),
    "a NUL in the text": (first_name("A\x00da"), MALFORMED),
    "a NUL by reference": (first_name("A&#0;da"), MALFORMED),
    "a control character": (first_name("A\x01da"), MALFORMED),
    "a control character by reference": (first_name("A&#x1;da"), MALFORMED),
    "a surrogate by reference": (first_name("A&#xD83D;&#xDE00;da"), MALFORMED),
    "no character by reference": (first_name("A&#xFFFE;da"), MALFORMED),
    "beyond Unicode by reference": (first_name("A&#x110000;da"), MALFORMED),
    "beyond any number by reference": (first_name("A&#99999999999999999999;da"), MALFORMED),
    "a reference without digits": (first_name("A&#;da"), MALFORMED),
    "a reference without an end": (first_name("A&#64da"), MALFORMED),
    "an entity that nobody declared": (first_name("A&evil;da"), MALFORMED),
    "an entity of HTML": (first_name("A&nbsp;da"), MALFORMED),
    "an ampersand alone": (first_name("A & da"), MALFORMED),
    "an end of CDATA in text": (first_name("A]]>da"), MALFORMED),
    "CDATA without an end": (first_name("A<![CDATA[da"), MALFORMED),
    "two hyphens in a comment": (first_name("A<!-- -- -->da"), MALFORMED),
    "an ID twice": (lambda xml: re.sub(rb"(<saml:Assertion [^>]*)>", rb'\1 ID="_x">', xml, count=1), MALFORMED),
    "an ID of the protocol's namespace": (written("<saml:Assertion ", '<saml:Assertion samlp:ID="_x" '), MALFORMED),
    "one attribute by two prefixes": (
        lambda xml: swap(xml, "<saml:Subject>", '<saml:Subject xmlns:a="urn:x" xmlns:b="urn:x" a:n="1" b:n="2">'),
        MALFORMED,
    ),
    "an attribute without quotes": (written('Version="2.0"', "Version=2.0"), MALFORMED),
    "a less-than in an attribute": (written('SessionIndex="', 'SessionIndex="<'), MALFORMED),
    "a prefix that nobody declared": (written("<saml:Subject>", "<saml:Subject><evil:x/>"), MALFORMED),
    "a prefix undeclared": (written("<saml:Subject>", '<saml:Subject xmlns:saml="">'), MALFORMED),
    "xml bound to something else": (written("<saml:Subject>", '<saml:Subject xmlns:xml="urn:x">'), MALFORMED),
    "xmlns bound": (written("<saml:Subject>", '<saml:Subject xmlns:xmlns="urn:x">'), MALFORMED),
    "two colons in a name": (written("<saml:Subject>", "<saml:Subject><saml:a:b/>"), MALFORMED),
    "tags that cross": (written(STATEMENT_END + END, END + STATEMENT_END), MALFORMED),
    "small letters in an end tag": (written("</saml:Subject>", "</saml:subject>"), MALFORMED),
    "a name of 60,000 characters": (written("<saml:Subject>", f"<saml:{LONG}/><saml:Subject>"), MALFORMED),
    "a prefix of 60,000 characters": (written("<saml:Subject>", f"<saml:Subject xmlns:{LONG}='urn:x'>"), MALFORMED),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_is_none_is_refused(arena: World, name: str) -> None:
    """Nothing is mended, skipped or read up to the first mistake."""
    victim = pending(settle(arena))
    change, code = DOCUMENTS[name]
    assert refuse(victim, change(victim.response()), code).check in {"xml", "xml_content", "schema"}


BASE64: dict[str, Callable[[str], str]] = {
    "the alphabet of URLs": lambda text: text.replace("+", "-").replace("/", "_"),
    "no padding": lambda text: text.rstrip("="),
    "one sign of padding less": lambda text: text[:-1],
    "one sign of padding more": lambda text: text + "=",
    "padding in the middle": lambda text: text[:4] + "====" + text[4:],
    "bits behind the end": lambda text: text[:-3] + chr(ord(text[-3]) + 1) + "==",
    "text behind the padding": lambda text: text + "QUJD",
    "a second message behind the padding": lambda text: text + text,
    "base64 of base64": lambda text: base64.b64encode(text.encode()).decode(),
    "percent signs": lambda text: quote(text, safe=""),
    "percent signs twice": lambda text: quote(quote(text, safe=""), safe=""),
    "the armour of PEM": lambda text: f"-----BEGIN SAML-----\n{text}\n-----END SAML-----",
    "a data URL": lambda text: f"data:text/xml;base64,{text}",
    "a full stop in the middle": lambda text: text[:100] + "." + text[100:],
    "a NUL in the middle": lambda text: text[:100] + "\x00" + text[100:],
    "a no-break space in the middle": lambda text: text[:100] + "\u00a0" + text[100:],
    "a form feed in the middle": lambda text: text[:100] + "\x0c" + text[100:],
    "a zero-width space in the middle": lambda text: text[:100] + "\u200b" + text[100:],
    "a byte order mark before": lambda text: "\ufeff" + text,
    "full-width letters": lambda text: "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in text),
    "quotes around": lambda text: f'"{text}"',
    "hexadecimal": lambda text: base64.b64decode(text).hex(),
    "base32": lambda text: base64.b32encode(base64.b64decode(text)).decode(),
    "plain XML": lambda text: base64.b64decode(text).decode(),
    "deflated, as the other binding does": lambda text: encoded(zlib.compress(base64.b64decode(text))[2:-4]),
    "zlib": lambda text: encoded(zlib.compress(base64.b64decode(text))),
    "gzip": lambda text: encoded(gzip.compress(base64.b64decode(text))),
    "nothing": lambda text: "",
    "padding only": lambda text: "====",
    "blanks only": lambda text: " \r\n",
}


@pytest.mark.parametrize("name", BASE64)
def test_base64_has_one_spelling(arena: World, name: str) -> None:
    """A good message in any other spelling than that of RFC 4648 is refused, and never inflated."""
    victim = pending(settle(arena))
    good = victim.response()
    text = encoded(good + b" " * ((1 - len(good)) % 3))
    assert text.endswith("==")
    assert ("+" in text) or ("/" in text)
    refused = refuse(victim, BASE64[name](text), MALFORMED)
    assert refused.check in {"encoding", "xml"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: "\r\n".join(re.findall(".{1,76}", text)), id="lines of 76"),
        pytest.param("\n".join, id="a line for each character"),
        pytest.param(lambda text: f" \t{text}\r\n", id="blanks around"),
    ],
)
def test_base64_in_lines_is_read(arena: World, change: Callable[[str], str]) -> None:
    """Blanks and line breaks are no other spelling (SAML Bindings 3.5.4)."""
    victim = pending(settle(arena))
    assert accept_message(victim, change(encoded(victim.response())))["user"]["email"] == ADA


IDS: dict[str, tuple[str, str]] = {
    "a blank behind the ID": ('ID="_a5ee7"', 'ID="_a5ee7 "'),
    "a line break behind the ID": ('ID="_a5ee7"', 'ID="_a5ee7&#10;"'),
    "a tab before the ID": ('ID="_a5ee7"', 'ID="\t_a5ee7"'),
    "another letter that looks like it": ('ID="_a5ee7"', 'ID="_\u04305ee7"'),
    "a letter with its accent apart": ('ID="_a5ee7"', 'ID="_a\u03015ee7"'),
    "a blank in the reference": ('URI="#_a5ee7"', 'URI="#_a5ee7&#32;"'),
    "a line break in the reference": ('URI="#_a5ee7"', 'URI="#_a5ee7&#xA;"'),
    "an escape in the reference": ('URI="#_a5ee7"', 'URI="#%5Fa5ee7"'),
}


@pytest.mark.parametrize("name", IDS)
def test_an_id_is_the_same_to_the_letter(arena: World, name: str) -> None:
    """What a schema would trim, or a browser unescape, is another ID to a signature."""
    victim = pending(settle(arena))
    refuse(victim, swap(victim.response(assertion_id="_a5ee7"), *IDS[name]), {"signature_invalid", MALFORMED})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('ID="_', 'ID="&#95;', id="ID"),
        pytest.param('URI="#_', 'URI="&#35;&#x5F;', id="URI"),
        pytest.param('Name="mail"', 'Name="&#109;ail"', id="name of an attribute"),
    ],
)
def test_a_character_reference_is_its_character(arena: World, old: str, new: str) -> None:
    """Written after signing, it changes neither digest nor meaning."""
    victim = pending(settle(arena))
    assert accept_message(victim, swap(victim.response(), old, new))["user"]["email"] == ADA


EXTERNAL = "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;"
LITERAL: dict[str, tuple[str, str]] = {
    "a reference in a reference": ("&amp;#65;", "&#65;"),
    "a declaration as text": ("&lt;!DOCTYPE x&gt;", "<!DOCTYPE x>"),
    "an entity as text": ("&amp;evil;", "&evil;"),
    "a comment in CDATA": ("<![CDATA[A<!--b-->c]]>", "A<!--b-->c"),
    "an instruction in CDATA": ("<![CDATA[<?php ?>]]>", "<?php ?>"),
    "a declaration in CDATA": (f"<![CDATA[{EXTERNAL}]]>", EXTERNAL),
    "CDATA around a reference": ("<![CDATA[&#65;]]>", "&#65;"),
    "CDATA in two": ("A<![CDATA[d]]><![CDATA[a]]>", "Ada"),
    "a carriage return by reference": ("A&#13;b", "A\rb"),
    "a line break of Windows": ("A\r\nb", "A\nb"),
    "a line break of old Macs": ("A\rb", "A\nb"),
    "a next line": ("A\u0085b", "A\u0085b"),
    "a line separator": ("A\u2028b", "A\u2028b"),
    "a letter beyond the basic plane": ("&#x1F600;", "\U0001f600"),
    "a ligature": ("\ufb01", "\ufb01"),
    "a letter with its accent apart": ("e\u0301", "e\u0301"),
}


@pytest.mark.parametrize("name", LITERAL)
def test_a_signed_value_is_read_as_written(arena: World, name: str) -> None:
    """Nothing is unescaped twice, normalised or cut: the value is that of XML 1.0."""
    victim = pending(settle(arena))
    spelled, meant = LITERAL[name]
    message = victim.response(before_signing=lambda xml: swap(xml, ">Ada<", f">{spelled}<").decode())
    assert accept_message(victim, message)["user"]["first_name"] == meant


def test_signed_white_space_is_signed(arena: World) -> None:
    """A carriage return that was signed by reference is another text than a line break put there."""
    victim = pending(settle(arena))
    message = victim.response(before_signing=lambda xml: swap(xml, ">Ada<", ">A&#13;da<").decode())
    refuse(victim, swap(message, ">A&#13;da<", ">A\r\nda<"), "signature_invalid")


XML_NAMES: dict[str, tuple[str, str, str | None]] = {
    "xml:lang of an attribute": ("<saml:Attribute ", '<saml:Attribute xml:lang="fr-CH" ', None),
    "xml:space of an attribute": ("<saml:Attribute ", '<saml:Attribute xml:space="preserve" ', None),
    "xml:base of an attribute": ("<saml:Attribute ", '<saml:Attribute xml:base="http://evil.test/" ', None),
    "xsi:schemaLocation": ("<saml:Subject>", '<saml:Subject xsi:schemaLocation="urn:x HOST/x.xsd">', None),
    "xsi:noNamespaceSchemaLocation": ("<saml:Subject>", '<saml:Subject xsi:noNamespaceSchemaLocation="HOST/x.xsd">', None),
    "xsi:nil of a value": ("<saml:AttributeValue ", '<saml:AttributeValue xsi:nil="false" ', None),
    "xsi:nil of a value that is there": ("<saml:AttributeValue ", '<saml:AttributeValue xsi:nil="true" ', MALFORMED),
    "xsi:nil of a NameID": ("<saml:NameID ", '<saml:NameID xsi:nil="true" ', MALFORMED),
    "xsi:type that does not fit": ("<saml:Subject>", '<saml:Subject xsi:type="saml:ConditionsType">', MALFORMED),
    "xsi:type of nowhere": ("<saml:Subject>", '<saml:Subject xsi:type="evil:x">', MALFORMED),
}


@pytest.mark.parametrize("name", XML_NAMES)
def test_signed_names_of_xml_and_schema_move_nothing(arena: World, listener: Listener, name: str) -> None:
    """Language, base, location and nil: harmless ones are ignored, others refused, and no address is ever visited."""
    victim = pending(settle(arena))
    old, new, code = XML_NAMES[name]
    new = new.replace("HOST", listener.url)
    message = victim.response(before_signing=lambda xml: swap(xml, old, new).decode())
    if code:
        refuse(victim, message, code)
    else:
        assert accept_message(victim, message)["user"]["email"] == ADA
    assert listener.visits == 0


def test_very_long_values_are_values(arena: World) -> None:
    """A name of an attribute of 20,000 characters and a value as long harm nobody; the receipt stays bounded."""
    victim = pending(settle(arena))
    attributes: dict[str, Any] = {"mail": [ADA], "n" * 20_000: ["v" * 20_000]}
    assert accept_message(victim, victim.response(attributes=attributes))["user"]["email"] == ADA
