"""Enveloped XML signatures, in the narrow form that SAML allows (SAML Core 5.4), by the pinned keys of one identity provider.

What is verified is returned as octets, and only these are read from then on. Nothing in the message chooses a key, an
algorithm outside of the lists here, or an element other than the one that carries the signature.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from tenants.signed_xml.errors import SignatureInvalid, SigningKeyUnknown
from tenants.signed_xml.names import DS, SIGNATURE
from tenants.signed_xml.signed_info import (
    DIGESTS,
    SIGNATURES,
    SignedInfo,
    base64_octets,
    canonical_octets,
    read_signed_info,
    require_allowed,
    require_allowed_signature,
)
from tenants.signed_xml.xml import read_base64
from tenants.trust import PublicKey

MIN_RSA_BITS = 2048
"""Metadata with weaker keys is not accepted; looked at again here, where it counts."""

CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature covers: the canonical octets of its element without the signature, and the method that proved it."""

    octets: bytes
    method: str


def require_no_stray_signature(root: etree._Element, allowed: Iterable[etree._Element]) -> None:
    """Refuse a document with a Signature anywhere but directly in the elements that may carry one.

    Raises:
        SignatureInvalid: wrapping attacks keep the signed original somewhere; an honest message has nothing to keep.
    """
    placed = {signature for element in allowed for signature in element.iterchildren(SIGNATURE)}
    if any(signature not in placed for signature in root.iter(SIGNATURE)):
        raise SignatureInvalid("a Signature where none belongs")


def verify_enveloped(element: etree._Element, keys: Sequence[PublicKey], allow_sha1: bool) -> Signed:
    """Verify the one Signature that is a child of the element and signs exactly this element (XML Signature 4, SAML Core 5.4).

    The order is that of the W3C's best practices: first the key over SignedInfo, then the digest that SignedInfo names, so
    that a stranger's message costs one canonicalisation of one small element.

    Raises:
        SignatureInvalid: form, reference, value or digest. SigningKeyUnknown: none of the keys made it.
        AlgorithmNotAllowed
    """
    signature = _only_signature(element)
    info = read_signed_info(signature[0], element.get("ID", ""))
    require_allowed(info, allow_sha1)
    _require_signed(info, signature, keys)
    octets = _without(element, signature, info.prefixes)
    if not hmac.compare_digest(DIGESTS[info.digest_method](octets).digest(), info.digest):
        raise SignatureInvalid("the digest is that of other content")
    return Signed(octets, info.signature_method)


def verify_octets(octets: bytes, value: bytes, method: str, keys: Sequence[PublicKey], allow_sha1: bool) -> None:
    """Verify a signature that stands beside what it signs, as in a query (HTTP-Redirect; SAML Bindings 3.4.4.1).

    Args:
        method: what the message calls its algorithm; looked up in the lists here, and nowhere else.

    Raises:
        SignatureInvalid, AlgorithmNotAllowed
    """
    require_allowed_signature(method, allow_sha1)
    kind, digest = SIGNATURES[method]
    if not any(_verifies(key, kind, value, octets, digest) for key in keys):
        raise SignatureInvalid(f"none of the {len(keys)} pinned keys made this signature")


def _only_signature(element: etree._Element) -> etree._Element:
    signatures = element.findall(SIGNATURE)
    if len(signatures) != 1:
        raise SignatureInvalid(f"{len(signatures)} signatures on one element")
    tags = [child.tag for child in signatures[0]]
    if tags not in ([DS + "SignedInfo", DS + "SignatureValue"], [DS + "SignedInfo", DS + "SignatureValue", DS + "KeyInfo"]):
        raise SignatureInvalid("a Signature with other parts than SignedInfo, SignatureValue and KeyInfo")
    return signatures[0]


def _require_signed(info: SignedInfo, signature: etree._Element, keys: Sequence[PublicKey]) -> None:
    kind, digest = SIGNATURES[info.signature_method]
    value = base64_octets(signature[1])
    if not any(_verifies(key, kind, value, info.octets, digest) for key in keys):
        raise SigningKeyUnknown(f"none of the {len(keys)} pinned keys made this signature{_claim_of(signature)}")


def _claim_of(signature: etree._Element) -> str:
    """Which certificate KeyInfo names: believed by nobody, but an admin sees from it that the pinned one is out of date."""
    certificate = next(signature.iter(DS + "X509Certificate"), None)
    try:
        octets = b"" if certificate is None else read_base64(certificate.text or "")
    except ValueError:
        return ""
    return f"; it names a certificate of SHA-256 {hashlib.sha256(octets).hexdigest()}" if octets else ""


def _verifies(key: PublicKey, kind: type[PublicKey], value: bytes, octets: bytes, digest: hashes.HashAlgorithm) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey) and kind is rsa.RSAPublicKey and key.key_size >= MIN_RSA_BITS:
            key.verify(value, octets, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind is ec.EllipticCurvePublicKey and key.curve.name in CURVES:
            half = (key.key_size + 7) // 8  # XML Signature 6.4.3: r and s, each as long as the field
            if len(value) != 2 * half:
                return False
            r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _without(element: etree._Element, signature: etree._Element, prefixes: Sequence[str]) -> bytes:
    """The enveloped signature transform, then canonicalisation. The tree is as before afterwards.

    lxml's `remove` takes the text after an element away with it, and that text is signed: it goes to its neighbour meanwhile.
    """
    at, tail, before = element.index(signature), signature.tail, signature.getprevious()
    kept = element.text if before is None else before.tail
    joined = (kept or "") + tail if tail else kept
    element.remove(signature)
    try:
        if before is None:
            element.text = joined
        else:
            before.tail = joined
        return canonical_octets(element, prefixes)
    finally:
        if before is None:
            element.text = kept
        else:
            before.tail = kept
        element.insert(at, signature)
