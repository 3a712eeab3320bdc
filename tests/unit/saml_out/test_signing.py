"""Enveloped signatures: two other libraries verify what we sign, in all algorithms, and refuse what was touched."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import xmlsec
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from identity.saml.request import build_authn_request
from identity.saml.signing import sign_enveloped
from tenants.saml_choices import DIGEST_METHODS, SIGNATURE_METHODS
from tests.unit.saml_out.support import (
    DS,
    NOW,
    POST,
    REQUEST_ID,
    SAML,
    key_pair,
    outcome,
    public_key_of,
    schema_errors,
    trust_of,
)

COMBINATIONS = list(itertools.product(SIGNATURE_METHODS, DIGEST_METHODS))


def verify_with_xmlsec(xml: bytes, tenant: str) -> etree._Element:
    """libxmlsec1 verifies with the tenant's pinned key; returns the signed root."""
    root = etree.fromstring(xml)
    xmlsec.tree.add_ids(root, ["ID"])
    pem = public_key_of(tenant).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    signature = root.find(DS + "Signature")
    assert signature is not None
    context.verify(signature)
    return root


def verify_with_signxml(xml: bytes, tenant: str) -> None:
    """signxml verifies with the tenant's pinned certificate, SHA-1 allowed."""
    verifier = XMLVerifier()
    verifier.verify(
        xml,
        x509_cert=key_pair(tenant).certificate_pem,
        expect_config=SignatureConfiguration(
            signature_methods=frozenset(SignatureMethod), digest_algorithms=frozenset(DigestAlgorithm)
        ),
        id_attribute="ID",
    )


def signed_request(tenant: str = "acme", **settings: Any) -> bytes:
    """A signed default request of a tenant."""
    trust = trust_of(tenant, **settings)
    return sign_enveloped(build_authn_request(trust, REQUEST_ID, POST, NOW), trust)


@pytest.mark.parametrize(("signature_method", "digest_method"), COMBINATIONS)
def test_xmlsec_and_signxml_verify_every_combination(signature_method: str, digest_method: str) -> None:
    """Sixteen combinations, each with the algorithms asked for and valid against the schema."""
    xml = signed_request(signature_method=signature_method, digest_method=digest_method)
    root = verify_with_xmlsec(xml, "acme")
    verify_with_signxml(xml, "acme")
    assert [node.get("Algorithm") for node in root.iter(DS + "SignatureMethod")] == [signature_method]
    assert [node.get("Algorithm") for node in root.iter(DS + "DigestMethod")] == [digest_method]
    assert schema_errors(xml) == ""


def test_signature_stands_right_after_the_issuer_and_refers_to_the_root() -> None:
    """The schema's place for it; one reference, enveloped and exclusive, and the certificate in KeyInfo."""
    root = etree.fromstring(signed_request())
    assert root[0].tag == SAML + "Issuer"
    assert root[1].tag == DS + "Signature"
    assert [node.get("URI") for node in root.iter(DS + "Reference")] == ["#" + REQUEST_ID]
    assert [node.get("Algorithm") for node in root.iter(DS + "Transform")] == [
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    ]
    certificate = root.findtext(f".//{DS}X509Certificate") or ""
    assert certificate == "".join(key_pair("acme").certificate_pem.splitlines()[1:-1])


def test_signing_changes_nothing_of_the_message() -> None:
    """Without its signature the signed message is canonically the message that was built."""
    trust = trust_of()
    unsigned = build_authn_request(trust, REQUEST_ID, POST, NOW)
    root = etree.fromstring(sign_enveloped(unsigned, trust))
    root.remove(root[1])
    assert etree.tostring(root, method="c14n", exclusive=True) == etree.tostring(
        etree.fromstring(unsigned), method="c14n", exclusive=True
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"https://acme.vestibule.test/saml/acs", b"https://evil.vestibule.test/saml/acs"),
        (b"classes:Password", b"classes:Passwore"),
        (b"</saml:Issuer>", b" </saml:Issuer>"),
        (b"xmlenc#sha256", b"xmlenc#sha512"),
    ],
)
def test_touched_message_is_refused_by_both(old: bytes, new: bytes) -> None:
    """The verifiers of these tests can fail: a changed address, class, issuer or algorithm is refused."""
    touched = signed_request().replace(old, new, 1)
    assert outcome(lambda: verify_with_xmlsec(touched, "acme")) != "accepted"
    assert outcome(lambda: verify_with_signxml(touched, "acme")) != "accepted"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<a:X>&lt;/a&gt; &#13; &amp;</a:X>",
        "<a:X b=\"&lt;/saml:Issuer&gt;\" c='&quot;'/>",
        "<!-- </saml:Issuer> --><a:X><![CDATA[</saml:Issuer>]]></a:X>",
        "<?pi </saml:Issuer>?><a:X>é🙂</a:X>",
    ],
)
@pytest.mark.parametrize("issuer", ["https://a.test/?x&amp;y", "a&gt;b&lt;/c", "שלום 🙂", "<![CDATA[</saml:Issuer>]]>"])
def test_splice_holds_on_awkward_messages(content: str, issuer: str) -> None:
    """Escapes, comments and CDATA that spell an end tag do not move the signature."""
    xml = (
        '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:a" ID="_x" b="&lt;/c&gt;">'
        f'<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Format="&lt;/i>">{issuer}</saml:Issuer>{content}'
        "</samlp:LogoutRequest>"
    ).encode()
    signed = sign_enveloped(xml, trust_of())
    root = verify_with_xmlsec(signed, "acme")
    verify_with_signxml(signed, "acme")
    assert [node.tag for node in root][:2] == [SAML + "Issuer", DS + "Signature"]


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", "not XML"),
        (b"<a", "not XML"),
        (b"\x00", "not XML"),
        (b'<a ID="_x"/>', "Issuer"),
        (b'<a ID="_x"><b/></a>', "Issuer"),
        (b'<a><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">i</Issuer></a>', "ID"),
        (b'<a ID="_&quot;"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">i</Issuer></a>', "ID"),
        (b'<a ID="_x"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/></a>', "Issuer"),
        (b'<a ID="_x"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">i<b/></Issuer></a>', "Issuer"),
    ],
)
def test_what_is_no_message_of_ours_is_not_signed(xml: bytes, reason: str) -> None:
    """Broken XML, a missing or unsafe ID, a missing Issuer: an error of one kind, before any key is used."""
    with pytest.raises(ValueError, match=reason):
        sign_enveloped(xml, trust_of())


def test_signed_message_is_not_signed_again() -> None:
    """Two signatures side by side are against the schema."""
    with pytest.raises(ValueError, match="signed already"):
        sign_enveloped(signed_request(), trust_of())


@pytest.mark.parametrize("entity", ['"text"', 'SYSTEM "file:///etc/hostname"'])
def test_message_with_a_document_type_is_not_signed(entity: str) -> None:
    """No entity is ever expanded into something that we would sign."""
    issuer = '<Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">i</Issuer>'
    xml = f'<!DOCTYPE a [<!ENTITY e {entity}>]><a ID="_x">{issuer}<b>&e;</b></a>'.encode()
    with pytest.raises(ValueError, match="document type"):
        sign_enveloped(xml, trust_of())


@pytest.mark.parametrize("prefix", ["", "saml", "ds", "a-b.c"])
def test_splice_asks_for_no_prefix(prefix: str) -> None:
    """The Issuer is found whatever its prefix is, even the one that our signature uses."""
    name, declaration = (f"{prefix}:Issuer", f"xmlns:{prefix}") if prefix else ("Issuer", "xmlns")
    issuer = f'<{name} {declaration}="urn:oasis:names:tc:SAML:2.0:assertion">i</{name}>'
    root = verify_with_xmlsec(sign_enveloped(f'<a ID="_x">{issuer}<b/></a>'.encode(), trust_of()), "acme")
    assert [node.tag for node in root] == [SAML + "Issuer", DS + "Signature", "b"]


def test_two_tenants_in_eight_threads_never_sign_with_the_others_key() -> None:
    """Each signature verifies with its tenant's key, and not with the other's."""
    trusts = {tenant: trust_of(tenant) for tenant in ("acme", "globex")}

    def start(number: int) -> tuple[str, bytes]:
        tenant = ("acme", "globex")[number % 2]
        trust = trusts[tenant]
        return tenant, sign_enveloped(build_authn_request(trust, f"_{number:032x}", POST, NOW), trust)

    with ThreadPoolExecutor(8) as pool:
        signed = list(pool.map(start, range(400)))
    for number, (tenant, xml) in enumerate(signed):
        root = verify_with_xmlsec(xml, tenant)
        assert root.get("ID") == f"_{number:032x}"
        assert root.findtext(SAML + "Issuer") == f"https://{tenant}.vestibule.test/saml/metadata"
        other = "globex" if tenant == "acme" else "acme"
        assert outcome(lambda xml=xml, other=other: verify_with_xmlsec(xml, other)) != "accepted"
