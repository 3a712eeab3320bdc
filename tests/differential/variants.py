"""One signed assertion, written in many ways: those that have to be accepted, and those that are refused on purpose."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.idp import ForgingIdP
from tests.support.keys import ec_key, rsa_key
from tests.support.saml_trust import ADDRESSED
from tests.support.saml_xml import assertion_xml, response_xml
from tests.support.xml_signing import ENVELOPED, EXCLUSIVE, INCLUSIVE, key_info_xml, sign, signature_template

ALICE = "alice@acme.test"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of writing a signed assertion.

    `change` is done before signing and `after` afterwards; `template` are arguments of `signature_template`. `code` is the
    refusal that has to come, None where it has to be accepted with this name and these attributes. `signxml_agrees` is False
    where signxml is wrong (XML Signature 4.4.3.3: a reference by ID leaves comments out).
    """

    change: Callable[[str], str] = str
    after: Callable[[bytes], bytes] = bytes
    template: Mapping[str, Any] = field(default_factory=dict)
    key: Any = None
    code: str | None = None
    name_id: str = ALICE
    first_name: str = "Alice"
    signxml_agrees: bool = True

    @property
    def idp(self) -> ForgingIdP:
        """Whose key signs."""
        return ForgingIdP(key=self.key or rsa_key("variants"))

    def xml(self) -> bytes:
        """The message."""
        parts = self.idp.parts(**ADDRESSED, assertion_id="_a1", response_id="_r1", attributes={"givenName": ["Alice"]})
        text = self.change(response_xml(parts, assertion_xml(parts)))
        method = "ecdsa-sha256" if self.key else "rsa-sha256"
        template = signature_template("_a1", **({"signature": method} | dict(self.template)))
        return self.after(sign(text, "_a1", self.idp.key, template=template))


def replacing(*pairs: tuple[str, str]) -> Callable[[str], str]:
    """A change that replaces texts, each of which has to be there."""

    def change(xml: str) -> str:
        for old, new in pairs:
            assert old in xml
            xml = xml.replace(old, new)
        return xml

    return change


def coded(declared: str, codec: str) -> Callable[[bytes], bytes]:
    """The document in another encoding, saying so."""
    return lambda xml: f'<?xml version="1.0" encoding="{declared}"?>\n{xml.decode()}'.encode(codec)


def in_default_namespace(xml: str) -> str:
    """The assertion with its namespace as the default one."""
    head, _, rest = xml.partition("<saml:Assertion")
    assertion, _, tail = rest.partition("</saml:Assertion>")
    assertion = assertion.replace("xmlns:saml=", "xmlns=").replace("<saml:", "<").replace("</saml:", "</")
    return f"{head}<Assertion{assertion}</Assertion>{tail}"


def der_encoded(xml: bytes) -> bytes:
    """The value of an ECDSA signature as DER instead of r and s."""
    text = xml.decode()
    before, _, rest = text.partition("<ds:SignatureValue>")
    _, _, after = rest.partition("</ds:SignatureValue>")
    der = ec_key("der").sign(b"x", ec.ECDSA(hashes.SHA256()))
    return f"{before}<ds:SignatureValue>{base64.b64encode(der).decode()}</ds:SignatureValue>{after}".encode()


def with_transforms_turned(xml: bytes) -> bytes:
    """Canonicalisation before the signature is taken out."""
    first, second = (f'<ds:Transform Algorithm="{name}"></ds:Transform>' for name in (ENVELOPED, EXCLUSIVE))
    text = xml.decode()
    assert first + second in text
    return text.replace(first + second, second + first).encode()


NAMED = '<saml:AttributeValue xsi:type="xs:string">Alice<'
DECLARED = ' xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
TO_THE_RESPONSE = replacing((DECLARED, ""), ("<samlp:Response ", f"<samlp:Response{DECLARED} "))

ACCEPTED: Mapping[str, Variant] = {
    "as it comes": Variant(),
    "pretty printed": Variant(replacing(("><", ">\n    <"))),
    "CR LF and tabs between elements": Variant(replacing(("><", ">\r\n\t<"))),
    "white space inside of tags": Variant(
        replacing(("<saml:Subject>", "<saml:Subject\r\n\t >"), ("</saml:Subject>", "</saml:Subject\n>"))
    ),
    "comments between elements": Variant(replacing(("<saml:Subject>", "<!-- one --><saml:Subject><!-- two -->"))),
    "a comment inside of the name": Variant(replacing((">alice@", ">ali<!-- x -->ce@"))),
    "a comment that looks like markup": Variant(
        replacing(("<saml:Subject>", "<!--<?php <!DOCTYPE x> <![CDATA[ - --><saml:Subject>"))
    ),
    "CDATA": Variant(replacing((">Alice<", "><![CDATA[Al<ice> & <!DOCTYPE]]><")), first_name="Al<ice> & <!DOCTYPE"),
    "CDATA in the middle": Variant(replacing((">Alice<", ">Al<![CDATA[]]>i<![CDATA[ce]]><"))),
    "character references": Variant(
        replacing((">Alice<", ">&#65;l&#x69;c&#xE9; &amp; &lt;b&gt; &quot;&apos;<")), first_name="Alicé & <b> \"'"
    ),
    "a carriage return by reference": Variant(replacing((">Alice<", ">Al&#13;&#10;ice<")), first_name="Al\r\nice"),
    "a tab and no-break space": Variant(replacing((">Alice<", ">Al\tice\u00a0Example<")), first_name="Al\tice\u00a0Example"),
    "non-ASCII": Variant(replacing((">Alice<", ">Àlïce 漢字 😀 e\u0301<")), first_name="Àlïce 漢字 😀 e\u0301"),
    "single quotes": Variant(replacing(('Version="2.0"', "Version='2.0'"), ('xsi:type="xs:string"', "xsi:type = 'xs:string'"))),
    "attributes in another order": Variant(replacing((' ID="_a1" Version="2.0"', ' Version="2.0" ID="_a1"'))),
    "line breaks in an attribute": Variant(
        replacing(('Name="givenName"', 'Name="givenName" FriendlyName="first\r\n\tname &#10;&#9;here"'))
    ),
    "an empty element written out": Variant(
        replacing(("/></saml:SubjectConfirmation>", "></saml:SubjectConfirmationData></saml:SubjectConfirmation>"))
    ),
    "xml:lang and xml:space": Variant(
        replacing(
            ('<saml:Attribute Name="givenName"', '<saml:Attribute xml:lang="fr-CH" xml:space="preserve" Name="givenName"')
        )
    ),
    "the default namespace": Variant(in_default_namespace, template={"prefix": ""}),
    "namespaces of the response": Variant(TO_THE_RESPONSE),
    "namespaces of the response, listed": Variant(TO_THE_RESPONSE, template={"prefix_list": "xs xsi"}),
    "the default namespace, listed where there is none": Variant(template={"prefix_list": "#default code ds kind rw saml"}),
    "the default namespace, listed": Variant(in_default_namespace, template={"prefix_list": "#default xs"}),
    "a list of prefixes that nobody declares": Variant(template={"prefix_list": "zz xs\n\tzz  ds"}),
    "an empty list of prefixes": Variant(template={"prefix_list": ""}),
    "prefixes bound again inside": Variant(
        replacing(("<samlp:Response ", '<samlp:Response xmlns:xs="urn:x" xmlns:ds="urn:y" '))
    ),
    "prefixes bound again and again": Variant(replacing((NAMED, NAMED.replace(" xsi", DECLARED + ' xmlns:zz="urn:zz" xsi')))),
    "an odd prefix": Variant(replacing(("xmlns:saml=", "xmlns:S.a-1_2="), ("saml:", "S.a-1_2:"))),
    "a KeyInfo of somebody else": Variant(template={"key_info": key_info_xml(ForgingIdP(key=rsa_key("mallory")).certificate)}),
    "a Signature with Ids": Variant(after=lambda xml: xml.replace(b"<ds:SignatureValue>", b'<ds:SignatureValue Id="_v">')),
    "a signature value in lines": Variant(
        after=lambda xml: xml.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>\r\n ").replace(
            b"==</ds:SignatureValue>", b"=\n=\t</ds:SignatureValue>"
        )
    ),
    "comments named, and none there": Variant(template={"transforms": (ENVELOPED, EXCLUSIVE + "WithComments")}),
    "comments named, and some there, which a reference by ID leaves out": Variant(
        replacing((">alice@", ">ali<!-- x -->ce@"), ("<saml:Subject>", "<!-- y --><saml:Subject>")),
        template={"transforms": (ENVELOPED, EXCLUSIVE + "WithComments")},
        signxml_agrees=False,
    ),
    "ISO-8859-1": Variant(replacing((">Alice<", ">Zoé<")), after=coded("ISO-8859-1", "latin-1"), first_name="Zoé"),
    "US-ASCII": Variant(replacing((">Alice<", ">Zo&#233;<")), after=coded("us-ascii", "ascii"), first_name="Zoé"),
    "UTF-8 in lower case": Variant(replacing((">Alice<", ">Zoé<")), after=coded("utf-8", "utf-8"), first_name="Zoé"),
    "a byte order mark": Variant(after=lambda xml: b"\xef\xbb\xbf" + xml),
    "a byte order mark and a declaration": Variant(after=coded("UTF-8", "utf-8-sig")),
    "SHA-384": Variant(template={"digest": "sha384", "signature": "rsa-sha384"}),
    "SHA-512": Variant(template={"digest": "sha512", "signature": "rsa-sha512"}),
    "digest and signature of two families": Variant(template={"digest": "sha384", "signature": "rsa-sha512"}),
    **{
        f"ECDSA, {curve}, {digest}": Variant(
            key=ec_key("variants", curve), template={"digest": digest, "signature": f"ecdsa-{digest}"}
        )
        for curve in ("secp256r1", "secp384r1", "secp521r1")
        for digest in ("sha256", "sha384", "sha512")
    },
}

REFUSED: Mapping[str, Variant] = {
    "SHA-1": Variant(template={"digest": "sha1", "signature": "rsa-sha1"}, code="algorithm_not_allowed"),
    "a SHA-1 digest": Variant(template={"digest": "sha1"}, code="algorithm_not_allowed"),
    "a SHA-1 signature": Variant(template={"signature": "rsa-sha1"}, code="algorithm_not_allowed"),
    "SHA-224": Variant(
        template={"signature": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha224"}, code="algorithm_not_allowed"
    ),
    "inclusive canonicalisation": Variant(template={"transforms": (ENVELOPED, INCLUSIVE)}, code="algorithm_not_allowed"),
    "inclusive canonicalisation of SignedInfo": Variant(template={"canonicalization": INCLUSIVE}, code="algorithm_not_allowed"),
    "no canonicalisation named": Variant(template={"transforms": (ENVELOPED,)}, code="signature_invalid"),
    "transforms in another order": Variant(after=with_transforms_turned, code="signature_invalid"),
    "three transforms": Variant(template={"transforms": (ENVELOPED, EXCLUSIVE, EXCLUSIVE)}, code="signature_invalid"),
    "a reference to the document": Variant(template={"uri": ""}, code="signature_invalid"),
    "a pointer as reference": Variant(template={"uri": "#xpointer(id('_a1'))"}, code="signature_invalid"),
    "ECDSA in DER": Variant(key=ec_key("variants"), after=der_encoded, code="signature_invalid"),
    "UTF-16": Variant(after=coded("UTF-16", "utf-16"), code="response_malformed"),
    "UTF-16 that says nothing": Variant(after=lambda xml: xml.decode().encode("utf-16"), code="response_malformed"),
    "UTF-16 that says UTF-8": Variant(after=coded("UTF-8", "utf-16"), code="response_malformed"),
    "UTF-32": Variant(after=coded("UTF-32", "utf-32"), code="response_malformed"),
    "UTF-7": Variant(after=coded("UTF-7", "utf-7"), code="response_malformed"),
    "EBCDIC": Variant(after=coded("cp037", "cp037"), code="response_malformed"),
    "Latin-1 that says UTF-8": Variant(
        replacing((">Alice<", ">Zoé<")), after=coded("UTF-8", "latin-1"), code="response_malformed"
    ),
    "an unknown encoding": Variant(after=coded("x-mallory", "utf-8"), code="response_malformed"),
    "XML 1.1": Variant(after=lambda xml: b'<?xml version="1.1"?>' + xml, code="response_malformed"),
    "a processing instruction": Variant(replacing(("<saml:Subject>", "<?php x?><saml:Subject>")), code="xml_forbidden"),
    "a document type": Variant(after=lambda xml: b"<!DOCTYPE samlp:Response>" + xml, code="xml_forbidden"),
    "the default namespace, listed where only that declares it": Variant(
        replacing(("<samlp:Response ", '<samlp:Response xmlns="urn:unused" ')),
        template={"prefix_list": "#default"},
        code="signature_invalid",
    ),
    "the default namespace, taken from another prefix": Variant(
        template={"prefix_list": "#default"},
        after=lambda xml: xml.replace(b"<saml:Assertion xmlns:saml=", b"<saml:Assertion xmlns="),
        code="signature_invalid",
    ),
    "a relative namespace": Variant(
        after=lambda xml: xml.replace(NAMED.encode(), NAMED.replace(" xsi", ' xmlns:saml2="x" xsi', 1).encode()),
        code="signature_invalid",
    ),
    "a Signature that holds an Object": Variant(
        after=lambda xml: xml.replace(b"</ds:Signature>", b"<ds:Object>x</ds:Object></ds:Signature>"), code="signature_invalid"
    ),
    "a changed character": Variant(after=lambda xml: xml.replace(b"Alice", b"Alicf"), code="signature_invalid"),
    "a changed reference type": Variant(
        after=lambda xml: xml.replace(b"<ds:Reference ", b'<ds:Reference Type="urn:x" '), code="signature_invalid"
    ),
}
