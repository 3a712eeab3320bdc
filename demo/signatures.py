"""Signatures of the demo's identity provider, made in this process: pysaml2 would start a program that few machines have."""

from __future__ import annotations

import base64
import copy
import hashlib
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from saml2.sigver import CryptoBackend

DS = "{http://www.w3.org/2000/09/xmldsig#}"
DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
METHODS: dict[str, hashes.HashAlgorithm] = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512(),
}


class InProcess(CryptoBackend):  # type: ignore[misc]  # pysaml2 has no types
    """What pysaml2 asks of xmlsec1, for enveloped signatures with exclusive canonicalisation."""

    version = "1.0"

    def sign_statement(self, statement: Any, node_name: str, key_file: str, node_id: str) -> str:
        """Fill in the signature that stands empty in the element with that ID."""
        root = _parse(statement)
        element, signature = _signed_element(root, node_id)
        _child(signature, "SignedInfo/Reference/DigestValue").text = _digest(element, signature)
        method = _child(signature, "SignedInfo/SignatureMethod").get("Algorithm", "")
        key = serialization.load_pem_private_key(Path(key_file).read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the demo signs with RSA")
        octets = key.sign(_canonical(_child(signature, "SignedInfo")), padding.PKCS1v15(), METHODS[method])
        _child(signature, "SignatureValue").text = base64.b64encode(octets).decode()
        return etree.tostring(root, encoding="unicode")

    def validate_signature(
        self, signedtext: Any, cert_file: str, cert_type: str, node_name: str, node_id: str
    ) -> bool:
        """Whether the element with that ID is signed with the certificate's key; pysaml2 has looked at the form of it."""
        element, signature = _signed_element(_parse(signedtext), node_id)
        if _digest(element, signature) != "".join((_child(signature, "SignedInfo/Reference/DigestValue").text or "").split()):
            return False
        key = x509.load_pem_x509_certificate(Path(cert_file).read_bytes()).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        method = _child(signature, "SignedInfo/SignatureMethod").get("Algorithm", "")
        value = base64.b64decode(_child(signature, "SignatureValue").text or "")
        try:
            key.verify(value, _canonical(_child(signature, "SignedInfo")), padding.PKCS1v15(), METHODS[method])
        except InvalidSignature:
            return False
        return True


def _parse(message: Any) -> etree._Element:
    """pysaml2 hands over text, bytes or its own objects, whose `str` is XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(message if isinstance(message, bytes) else str(message).encode(), parser)


def _signed_element(root: etree._Element, node_id: str) -> tuple[etree._Element, etree._Element]:
    element = next(element for element in root.iter(etree.Element) if element.get("ID") == node_id)
    return element, _child(element, "Signature")


def _child(element: etree._Element, path: str) -> etree._Element:
    found = element.find("/".join(DS + name for name in path.split("/")))
    if found is None:
        raise ValueError(f"no {path}")
    return found


def _digest(element: etree._Element, signature: etree._Element) -> str:
    method = _child(signature, "SignedInfo/Reference/DigestMethod").get("Algorithm", "")
    bare = copy.deepcopy(element)
    empty = _child(bare, "Signature")
    before, tail = empty.getprevious(), empty.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    bare.remove(empty)
    return base64.b64encode(hashlib.new(DIGESTS[method], _canonical(bare)).digest()).decode()


def _canonical(element: etree._Element) -> bytes:
    octets: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    return octets
