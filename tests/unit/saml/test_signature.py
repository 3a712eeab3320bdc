"""Enveloped signatures: what real identity providers write verifies, and nothing else does."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from identity.saml.names import ASSERTION
from tenants.signed_xml.errors import AlgorithmNotAllowed, SignatureInvalid
from tenants.signed_xml.signature import Signed, verify_enveloped
from tenants.signed_xml.xml import parse, parse_canonical
from tenants.trust import PublicKey
from tests.support.keys import certificate_of, ec_key, public_pem, rsa_key
from tests.support.xml_signing import EXCLUSIVE, INCLUSIVE, fill_signature, sign, signature_template
from tests.unit.saml.judging import IDP, swap

DS_NS = "http://www.w3.org/2000/09/xmldsig#"
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
TEMPLATE = (
    '<r:Response xmlns:r="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="_r">'
    '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a"><saml:Issuer>me</saml:Issuer>'
    "<saml:Subject>Alice</saml:Subject></saml:Assertion></r:Response>"
)


def assertion_of(xml: bytes) -> etree._Element:
    """The Assertion in its document, read as the product reads it."""
    return next(parse(xml.decode()).iter(ASSERTION))


def verify(xml: bytes, *keys: PublicKey, allow_sha1: bool = False) -> Signed:
    """Verify the assertion by these keys, or by IDP's."""
    return verify_enveloped(assertion_of(xml), keys or (IDP.public_key,), allow_sha1)


def signed(xml: str = TEMPLATE, **options: object) -> bytes:
    """The assertion signed by IDP through libxmlsec1."""
    return sign(xml, "_a", IDP.key, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("method", ["rsa-sha256", "rsa-sha384", "rsa-sha512"])
def test_rsa_signatures_verify(method: str, digest: str) -> None:
    """Each allowed method with each digest; what comes back are the octets without the signature."""
    result = verify(signed(signature=method, digest=digest))
    assert result.method.endswith(method)
    assert result.octets == (
        b'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a"><saml:Issuer>me</saml:Issuer>'
        b"<saml:Subject>Alice</saml:Subject></saml:Assertion>"
    )


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "secp521r1"])
@pytest.mark.parametrize("method", ["ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"])
def test_ecdsa_signatures_verify(method: str, curve: str) -> None:
    """Raw r and s on each curve; 521 bits make 66 octets each."""
    key = ec_key("signing", curve)
    xml = sign(TEMPLATE, "_a", key, signature=method)
    assert verify(xml, rsa_key("other").public_key(), key.public_key()).method.endswith(method)
    with pytest.raises(SignatureInvalid):
        verify(xml, ec_key("another", curve).public_key(), IDP.public_key)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value[:-1],
        lambda value: b"\0" + value,
        lambda value: value + b"\0",
        lambda value: b"",
        lambda value: b"\0" * len(value),
        lambda value: bytes([value[0] ^ 1]) + value[1:],
    ],
)
@pytest.mark.parametrize("key", [rsa_key(IDP.entity_id), ec_key("signing")])
def test_signature_values_have_their_length(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, change: Callable[[bytes], bytes]
) -> None:
    """Shorter, longer, empty, all zero and altered values are refused without a crash."""
    xml = sign(TEMPLATE, "_a", key).decode()
    value = re.search(r"<ds:SignatureValue>([^<]*)<", xml)
    assert value is not None
    altered = base64.b64encode(change(base64.b64decode(value[1]))).decode()
    with pytest.raises(SignatureInvalid):
        verify(xml.replace(value[1], altered).encode(), key.public_key())


def test_der_encoded_ecdsa_values_are_refused() -> None:
    """XML Signature wants r and s, not the SEQUENCE that other formats use."""
    key = ec_key("signing")
    xml = sign(TEMPLATE, "_a", key).decode()
    value = re.search(r"<ds:SignatureValue>([^<]*)<", xml)
    assert value is not None
    raw = base64.b64decode(value[1])
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    with pytest.raises(SignatureInvalid):
        verify(xml.replace(value[1], base64.b64encode(der).decode()).encode(), key.public_key())


def test_sha1_needs_an_exception() -> None:
    """As digest or as signature method."""
    for options in ({"digest": "sha1"}, {"signature": "rsa-sha1"}, {"digest": "sha1", "signature": "rsa-sha1"}):
        xml = signed(**options)
        assert verify(xml, allow_sha1=True).octets
        with pytest.raises(AlgorithmNotAllowed):
            verify(xml)


def test_hmac_with_the_public_key_is_refused() -> None:
    """The classic confusion: the verifier's public key taken as a shared secret."""
    with pytest.raises(AlgorithmNotAllowed):
        verify(sign(TEMPLATE, "_a", public_pem(IDP.public_key)))


def test_a_key_in_the_message_counts_for_nothing() -> None:
    """A stranger's signature with the stranger's certificate in KeyInfo, or with the right one."""
    stranger = rsa_key("stranger")
    for certificate in (certificate_of(stranger), IDP.certificate, None):
        with pytest.raises(SignatureInvalid):
            verify(sign(TEMPLATE, "_a", stranger, certificate=certificate))


def test_weak_and_missing_keys_verify_nothing() -> None:
    """A pinned RSA key of 1024 bits, and a trust without keys."""
    weak = rsa_key("weak", 1024)
    with pytest.raises(SignatureInvalid):
        verify(sign(TEMPLATE, "_a", weak), weak.public_key())
    with pytest.raises(SignatureInvalid):
        verify_enveloped(assertion_of(signed()), (), False)


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml.replace("><", ">\n  <"),
        lambda xml: xml.replace("><", ">\r\n\t<"),
        lambda xml: xml.replace("Alice", "Al<!-- c -->ice").replace("<saml:Subject>", "<!-- d --><saml:Subject>"),
        lambda xml: xml.replace("Alice", "<![CDATA[Al<ice]]>&amp;&#xE9;ü漢&quot;&#13;"),
        lambda xml: xml.replace("saml:", "").replace("xmlns:saml=", "xmlns="),
        lambda xml: xml.replace(' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID', " ID").replace(
            "<r:Response ", '<r:Response xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" '
        ),
        lambda xml: xml.replace("<saml:Subject>", "<saml:Subject xml:lang='de' b='1' a=\"2\">"),
        lambda xml: xml.replace("<saml:Issuer>me</saml:Issuer>", ""),
        lambda xml: xml.replace("<saml:Issuer>me</saml:Issuer>", "text before"),
        lambda xml: xml.replace("</saml:Issuer>", "</saml:Issuer>text after"),
        lambda xml: xml.replace("<saml:Subject>", f"<saml:Subject {XS}>").replace("Alice", f"<xs:b {XS}/>"),
    ],
)
@pytest.mark.parametrize("prefixes", [None, "xs", "#default xs saml ds r", "", "no such"])
@pytest.mark.parametrize("prefix", ["ds", ""])
def test_what_libxmlsec1_signs_verifies(change: Callable[[str], str], prefixes: str | None, prefix: str) -> None:
    """Forms that identity providers write: line ends, comments, CDATA, default namespaces, PrefixList, inherited prefixes."""
    xml = change(TEMPLATE)
    template = signature_template("_a", prefix_list=prefixes, prefix=prefix) + "\n "
    result = verify(sign(xml, "_a", IDP.key, template=template))
    assert b"Signature" not in result.octets
    assert parse_canonical(result.octets).get("ID") == "_a"


def test_the_tree_is_left_as_it_was() -> None:
    """The signature is taken out for the digest and put back, its tail and its neighbours' too."""
    for xml in (
        signed(template=signature_template("_a") + " tail "),
        signed(TEMPLATE.replace("<saml:Issuer>me</saml:Issuer>", "x")),
    ):
        assertion = assertion_of(xml)
        before = etree.tostring(assertion)
        assert verify_enveloped(assertion, (IDP.public_key,), False).octets
        assert etree.tostring(assertion) == before


def test_both_names_of_exclusive_canonicalisation_are_known() -> None:
    """SAML Core 5.4.3 allows WithComments; comments are dropped, so a message with none of them verifies."""
    template = signature_template(
        "_a",
        transforms=(DS_NS + "enveloped-signature", EXCLUSIVE + "WithComments"),
        canonicalization=EXCLUSIVE + "WithComments",
    )
    assert verify(sign(TEMPLATE, "_a", IDP.key, template=template)).octets


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"canonicalization": INCLUSIVE}, AlgorithmNotAllowed),
        ({"transforms": (DS_NS + "enveloped-signature", INCLUSIVE)}, AlgorithmNotAllowed),
        ({"transforms": (DS_NS + "enveloped-signature",)}, SignatureInvalid),
        ({"transforms": (EXCLUSIVE, DS_NS + "enveloped-signature")}, SignatureInvalid),
        ({"transforms": (DS_NS + "enveloped-signature", EXCLUSIVE, EXCLUSIVE)}, SignatureInvalid),
        ({"transforms": (DS_NS + "enveloped-signature", DS_NS + "enveloped-signature", EXCLUSIVE)}, SignatureInvalid),
        ({"uri": ""}, SignatureInvalid),
        ({"uri": "#_r"}, SignatureInvalid),
        ({"uri": "#xpointer(id('_a'))"}, SignatureInvalid),
    ],
)
def test_other_forms_of_valid_signatures_are_refused(options: dict[str, object], refusal: type[Exception]) -> None:
    """libxmlsec1 makes and would accept these; the profile does not (SAML Core 5.4.2 to 5.4.4)."""
    template = signature_template("_a", **options)  # type: ignore[arg-type]
    xml = swap(TEMPLATE, "</saml:Issuer>", "</saml:Issuer>" + template).decode()
    filled = _filled(xml)
    with pytest.raises(refusal):
        verify(filled)


def _filled(xml: str) -> bytes:
    """Filled in by libxmlsec1 where it can: it resolves IDs only when they are registered, so "_r" is faked by hand."""
    try:
        return fill_signature(xml, "_a", IDP.key)
    except Exception:
        return xml.encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:SignatureValue>", "<ds:Object/><ds:SignatureValue>"),
        ("</ds:SignatureValue>", "</ds:SignatureValue><ds:Object/>"),
        ("</ds:SignatureValue>", "</ds:SignatureValue><ds:KeyInfo/><ds:KeyInfo/>"),
        ("<ds:SignatureValue>", "<ds:SignatureValue> !"),
        ("</ds:SignatureValue>", "</ds:SignatureValue><ds:SignatureValue/>"),
        ("Alice", "Alicf"),
        ("Alice", "Al&#105;ce "),
        ('ID="_a"', 'ID="_b"'),
        ('ID="_a"', 'Id="_a"'),
        ('ID="_a"', 'xml:id="_a"'),
        ("<saml:Subject>", "<saml:Subject a='1'>"),
        ("</ds:Signature>", "</ds:Signature>x"),
        ("</ds:Reference>", '</ds:Reference><ds:Reference URI="#_a"/>'),
        ("</ds:Reference>", "</ds:Reference><ds:Manifest/>"),
        ("</ds:SignedInfo>", "</ds:SignedInfo><ds:SignedInfo/>"),
        ("<ds:DigestValue>", "<ds:DigestValue/><ds:DigestValue>"),
        ("<ds:SignedInfo>", "<ds:SignedInfo>text"),
        ("<ds:SignedInfo>", "<ds:SignedInfo Id='x'>"),
        ("</saml:Assertion>", '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></saml:Assertion>'),
    ],
)
def test_altered_messages_are_refused(old: str, new: str) -> None:
    """One change to a good message: structure, references, values, content, text that moves in or out."""
    xml = swap(signed(), old, new)
    with pytest.raises((SignatureInvalid, AlgorithmNotAllowed)):
        verify(xml)


def test_empty_structures_are_refused() -> None:
    """Signatures that lack everything end in a refusal, not in an IndexError."""
    for body in (
        "",
        "<ds:SignedInfo/>",
        "<ds:SignedInfo/><ds:SignatureValue/>",
        "<ds:SignedInfo><ds:CanonicalizationMethod/></ds:SignedInfo><ds:SignatureValue/>",
    ):
        signature = f'<ds:Signature xmlns:ds="{DS_NS}">{body}</ds:Signature>'
        with pytest.raises((SignatureInvalid, AlgorithmNotAllowed)):
            verify(swap(TEMPLATE, "</saml:Issuer>", "</saml:Issuer>" + signature))
    with pytest.raises(SignatureInvalid):
        verify(TEMPLATE.encode())


def test_void_canonicalisation_proves_nothing() -> None:
    """A relative namespace URI makes libxml2 canonicalise to nothing; the digest of nothing is not taken for the element's."""
    for place in ("<saml:Subject>", "<ds:Reference "):
        xml = swap(signed(), place, place.rstrip("> ") + ' xmlns:evil="1" evil:a="2"' + (">" if place.endswith(">") else " "))
        with pytest.raises(SignatureInvalid):
            verify(xml)


def test_a_long_prefix_list_is_refused() -> None:
    """Every name is looked up at every element: a stranger does not get to order that work."""
    xml = sign(TEMPLATE, "_a", rsa_key("stranger"), prefix_list=" ".join(f"p{n}" for n in range(5000)))
    with pytest.raises(SignatureInvalid, match="prefixes"):
        verify(xml)


def test_comments_in_the_digest_change_nothing() -> None:
    """The digest is read from SignedInfo's canonical octets: a second value beside a comment is not there (CVE-2025-29775)."""
    xml = signed().decode()
    digest = re.search(r"<ds:DigestValue>([^<]*)<", xml)
    assert digest is not None
    forged = xml.replace(digest[1], f"<!--AAAA-->{digest[1]}").replace("Alice", "Mallory")
    with pytest.raises(SignatureInvalid):
        verify(forged.encode())
    assert verify(xml.replace(digest[1], f"<!--AAAA-->{digest[1]}").encode()).octets
