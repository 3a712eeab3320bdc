"""The forging identity provider keeps its word: what it signs holds, what it encrypts opens, and its text is schema-valid."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Any

import pytest
import saml2.data.schemas
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from tests.support.idp import ForgingIdP, encoded
from tests.support.keys import certificate_of, ec_key, private_pem, public_pem, rsa_key
from tests.support.saml_xml import DS, SAML, SAMLP, XENC

SP: dict[str, Any] = {"sp_entity_id": "https://acme.sp.test/saml/metadata", "acs_url": "https://acme.sp.test/saml/acs"}
SCHEMAS = {
    DS: "xmldsig-core-schema.xsd",
    XENC: "xenc-schema.xsd",
    "http://www.w3.org/2009/xmlenc11#": "xenc-schema-11.xsd",
    SAML: "saml-schema-assertion-2.0.xsd",
    SAMLP: "saml-schema-protocol-2.0.xsd",
    "urn:oasis:names:tc:SAML:2.0:metadata": "saml-schema-metadata-2.0.xsd",
    "http://www.w3.org/XML/1998/namespace": "xml.xsd",
}


class _Schemas(etree.Resolver):
    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # lxml passes the context
        path = files(saml2.data.schemas).joinpath(system_url.removeprefix("mem:"))
        if not path.is_file():
            return self.resolve_string("", context, base_url=system_url)
        tree = etree.fromstring(path.read_bytes(), etree.XMLParser(load_dtd=False, resolve_entities=False))
        for item in tree.iter("{*}import"):
            item.set("schemaLocation", f"mem:{SCHEMAS[item.get('namespace', '')]}")
        return self.resolve_string(etree.tostring(tree), context, base_url=system_url)


@functools.cache
def _schema() -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Schemas())
    imports = "".join(f'<import namespace="{name}" schemaLocation="mem:{file}"/>' for name, file in SCHEMAS.items())
    return etree.XMLSchema(etree.fromstring(f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>', parser))


def _verifies(xml: bytes, tag: str, idp: ForgingIdP) -> bool:
    node = next(etree.fromstring(xml).iter(tag))
    signature = node.find(f"{{{DS}}}Signature")
    assert signature is not None
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(public_pem(idp.public_key), xmlsec.constants.KeyDataFormatPem)
    context.register_id(node, "ID")
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


@pytest.mark.parametrize(
    ("sign", "assertion", "response"),
    [("assertion", True, False), ("response", False, True), ("both", True, True), ("none", False, False)],
)
def test_it_signs_what_it_is_told_to(sign: str, assertion: bool, response: bool) -> None:
    """Assertion, response, both or neither carry a signature that libxmlsec1 confirms, and the whole is schema-valid."""
    idp = ForgingIdP()
    xml = idp.response(sign=sign, in_response_to="_q1", **SP)
    root = etree.fromstring(xml)
    _schema().assertValid(root)
    assert (root.find(f"{{{DS}}}Signature") is not None) is response
    assert (root.find(f"{{{SAML}}}Assertion/{{{DS}}}Signature") is not None) is assertion
    assert not assertion or _verifies(xml, f"{{{SAML}}}Assertion", idp)
    assert not response or _verifies(xml, f"{{{SAMLP}}}Response", idp)


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_every_algorithm_signs(digest: str) -> None:
    """RSA and ECDSA sign with each digest, and a changed octet breaks it."""
    for idp, family in ((ForgingIdP(), "rsa"), (ForgingIdP(key=ec_key("idp", "secp384r1")), "ecdsa")):
        if (family, digest) == ("ecdsa", "sha1"):
            continue
        xml = idp.response(digest=digest, signature=f"{family}-{digest}", **SP)
        assert _verifies(xml, f"{{{SAML}}}Assertion", idp)
        assert not _verifies(xml.replace(b"Alice", b"Alicf"), f"{{{SAML}}}Assertion", idp)


def test_text_stays_as_written() -> None:
    """Signing adds a Signature and changes no other character: CDATA, quotes and line ends stay."""
    idp = ForgingIdP()

    def rewritten(xml: str) -> str:
        return xml.replace(">Alice<", "><![CDATA[Al<ice]]><").replace("><saml:Subject>", ">\r\n<saml:Subject >")

    xml = idp.response(before_signing=rewritten, **SP)
    assert b"<![CDATA[Al<ice]]>" in xml
    assert b">\r\n<saml:Subject >" in xml
    assert _verifies(xml, f"{{{SAML}}}Assertion", idp)


@pytest.mark.parametrize("algorithm", ["aes128-gcm", "aes192-gcm", "aes256-gcm", "aes128-cbc", "aes192-cbc", "aes256-cbc"])
def test_libxmlsec_opens_what_it_encrypts(algorithm: str) -> None:
    """An encrypted assertion decrypts with libxmlsec1 to the very assertion, whose signature then holds."""
    idp, key = ForgingIdP(), rsa_key("sp")
    xml = idp.response(encrypt=algorithm, encryption_certificate=certificate_of(key), **SP)
    root = etree.fromstring(xml)
    _schema().assertValid(root)
    keys = xmlsec.KeysManager()
    keys.add_key(xmlsec.Key.from_memory(private_pem(key), xmlsec.constants.KeyDataFormatPem))
    context = xmlsec.EncryptionContext(keys)
    context.decrypt(next(root.iter(f"{{{XENC}}}EncryptedData")))
    assert _verifies(etree.tostring(root), f"{{{SAML}}}Assertion", idp)


def test_an_encrypted_name_id_takes_its_place() -> None:
    """EncryptedID stands where NameID stood, before the signature, and is schema-valid."""
    idp = ForgingIdP()
    xml = idp.response(encrypt_name_id="aes128-gcm", encryption_certificate=rsa_key("sp").public_key(), **SP)
    root = etree.fromstring(xml)
    _schema().assertValid(root)
    assert root.find(f".//{{{SAML}}}Subject/{{{SAML}}}EncryptedID") is not None
    assert b"alice@acme.test</saml:NameID>" not in xml
    assert _verifies(xml, f"{{{SAML}}}Assertion", idp)


def test_metadata_has_both_bindings_and_the_key() -> None:
    """Its metadata is schema-valid and names POST, Redirect and the certificate; an EC key gives a certificate as well."""
    for idp in (ForgingIdP(), ForgingIdP(key=ec_key("idp"))):
        root = etree.fromstring(idp.metadata_xml())
        _schema().assertValid(root)
        bindings = [node.get("Binding", "").rsplit(":", 1)[-1] for node in root.iter("{*}SingleSignOnService")]
        assert bindings == ["HTTP-Redirect", "HTTP-POST"]
        assert root.findtext(".//{*}X509Certificate")
    assert isinstance(idp.public_key, ec.EllipticCurvePublicKey)


def test_parts_that_do_not_exist_are_refused() -> None:
    """A misspelt part is an error of the test, not a silent default."""
    with pytest.raises(TypeError):
        ForgingIdP().response(audience="x", **SP)
    assert encoded("é") == "w6k="
