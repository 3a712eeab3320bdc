"""Two verifiers that share no code with the product: libxmlsec1 says whether a signature holds, signxml what it covers."""

from __future__ import annotations

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier  # type: ignore[attr-defined]

from tests.support.keys import PublicKey, private_pem, public_pem
from tests.support.saml_xml import DS, SAML, SAMLP, XENC

ASSERTION = f"{{{SAML}}}Assertion"
RESPONSE = f"{{{SAMLP}}}Response"
SIGNATURE = f"{{{DS}}}Signature"


def libxmlsec_accepts(document: bytes, key: PublicKey, decryption_key: rsa.RSAPrivateKey | None = None) -> bool:
    """Whether a document has one assertion, directly in its response, that a signature of that key covers.

    The signature is one of the response's or of the assertion's own; one that is there and does not hold is a no.
    """
    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except (etree.XMLSyntaxError, ValueError):
        return False
    if root.tag != RESPONSE:
        return False
    holds = [_signature_holds(signature, root, key) for signature in root.findall(SIGNATURE)]
    if not all(holds) or not _decrypt(root, decryption_key):
        return False
    assertions = root.findall(ASSERTION) + root.findall(f"{{{SAML}}}EncryptedAssertion/{ASSERTION}")
    if len(assertions) != 1:
        return False
    inner = [_signature_holds(signature, assertions[0], key) for signature in assertions[0].findall(SIGNATURE)]
    return all(inner) and bool(holds or inner)


def signxml_octets(document: bytes, certificate: x509.Certificate, location: str) -> bytes | None:
    """The canonical octets that the signature at that place covers; None where signxml refuses.

    Args:
        location: "./" for the response's signature, "./{…}Assertion/" for the assertion's.
    """
    try:
        verified = XMLVerifier().verify(
            document,
            x509_cert=certificate,
            id_attribute="ID",
            expect_config=SignatureConfiguration(location=location, ignore_ambiguous_key_info=True),
        )
    except Exception:  # an oracle that cannot say yes says no, and signxml raises whatever lxml and it like
        return None
    assert not isinstance(verified, list)
    return bytes(verified.signed_data)


def _signature_holds(signature: etree._Element, signed: etree._Element, key: PublicKey) -> bool:
    references = signature.findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference")
    if [reference.get("URI") for reference in references] != [f"#{signed.get('ID')}"]:
        return False
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(public_pem(key), xmlsec.constants.KeyDataFormatPem)
    try:
        context.register_id(signed, "ID")
        context.verify(signature)
    except (xmlsec.Error, TypeError, ValueError):
        return False
    return True


def _decrypt(root: etree._Element, key: rsa.RSAPrivateKey | None) -> bool:
    hidden = root.findall(f"{{{SAML}}}EncryptedAssertion/{{{XENC}}}EncryptedData")
    if not hidden:
        return True
    if key is None or len(hidden) != 1:
        return False
    if (
        hidden[0].get("Type") is None
    ):  # it SHOULD be there (SAML Core 2.3.4); without it libxmlsec1 leaves text instead of a tree
        hidden[0].set("Type", XENC + "Element")
    keys = xmlsec.KeysManager()
    keys.add_key(xmlsec.Key.from_memory(private_pem(key), xmlsec.constants.KeyDataFormatPem))
    try:
        xmlsec.EncryptionContext(keys).decrypt(hidden[0])
    except (xmlsec.Error, TypeError, ValueError):
        return False
    return True
