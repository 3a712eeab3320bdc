"""SignedInfo: what a signature covers and by which algorithms, in the one form that SAML allows (SAML Core 5.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from tenants.signed_xml.errors import AlgorithmNotAllowed, ResponseMalformed, SignatureInvalid
from tenants.signed_xml.names import DS, EXC_C14N
from tenants.signed_xml.xml import MAX_PREFIXES, canonical, parse_canonical, read_base64
from tenants.trust import PublicKey

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SHA1_DIGEST, _SHA1_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
CANONICALISATIONS = frozenset({EXC_C14N, EXC_C14N + "WithComments"})
"""Both names that SAML Core 5.4.3 allows. Comments are dropped before: where a signer had some, its digest is another one."""
DIGESTS: Mapping[str, Callable[[bytes], hashlib._Hash]] = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashlib.sha256,
    _MORE + "sha384": hashlib.sha384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512,
    _SHA1_DIGEST: hashlib.sha1,
}
SIGNATURES: Mapping[str, tuple[type[PublicKey], hashes.HashAlgorithm]] = {
    _MORE + "rsa-sha256": (rsa.RSAPublicKey, hashes.SHA256()),
    _MORE + "rsa-sha384": (rsa.RSAPublicKey, hashes.SHA384()),
    _MORE + "rsa-sha512": (rsa.RSAPublicKey, hashes.SHA512()),
    _MORE + "ecdsa-sha256": (ec.EllipticCurvePublicKey, hashes.SHA256()),
    _MORE + "ecdsa-sha384": (ec.EllipticCurvePublicKey, hashes.SHA384()),
    _MORE + "ecdsa-sha512": (ec.EllipticCurvePublicKey, hashes.SHA512()),
    _SHA1_SIGNATURE: (rsa.RSAPublicKey, hashes.SHA1()),  # noqa: S303 - by a dated exception only
}


@dataclass(frozen=True, slots=True)
class SignedInfo:
    """SignedInfo, read from its own canonical octets."""

    octets: bytes
    signature_method: str
    digest_method: str
    digest: bytes
    prefixes: Sequence[str]


def read_signed_info(tree: etree._Element, signed_id: str) -> SignedInfo:
    """Canonicalise SignedInfo as it asks, then read it from the result: what is obeyed is what the key vouches for.

    Args:
        signed_id: ID of the element that carries the signature, the only one that it may refer to.

    Raises:
        SignatureInvalid, AlgorithmNotAllowed
    """
    octets = canonical_octets(tree, _prefixes_of(tree[0], DS + "CanonicalizationMethod") if len(tree) else ())
    try:
        info = parse_canonical(octets)
    except ResponseMalformed:
        raise SignatureInvalid("SignedInfo has no readable canonical form") from None
    _, method, reference = _children(info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    transforms, digest_method, digest = _children(reference, "Transforms", "DigestMethod", "DigestValue")
    envelope, canonicalisation = _children(transforms, "Transform", "Transform")
    for leaf in (method, digest_method, envelope):
        _children(leaf)
    if envelope.get("Algorithm") != ENVELOPED:
        raise SignatureInvalid("the transforms are not: enveloped signature, exclusive canonicalisation")
    if not signed_id or reference.get("URI") != "#" + signed_id:
        raise SignatureInvalid("the reference is not to the element that carries the signature")
    return SignedInfo(
        octets=octets,
        signature_method=method.get("Algorithm", ""),
        digest_method=digest_method.get("Algorithm", ""),
        digest=base64_octets(digest),
        prefixes=_prefixes_of(canonicalisation, DS + "Transform"),
    )


def _children(element: etree._Element, *names: str) -> list[etree._Element]:
    children = list(element)
    if [child.tag for child in children] != [DS + name for name in names]:
        raise SignatureInvalid(f"{etree.QName(element).localname} does not hold exactly {', '.join(names) or 'nothing'}")
    return children


def _prefixes_of(step: etree._Element, tag: str) -> list[str]:
    """Check that a step is exclusive canonicalisation, and read its InclusiveNamespaces."""
    if step.tag != tag:
        raise SignatureInvalid(f"not where {etree.QName(tag).localname} belongs")
    if step.get("Algorithm") not in CANONICALISATIONS:
        raise AlgorithmNotAllowed(f"canonicalisation {step.get('Algorithm', 'without a name')[:120]}")
    parameters = list(step)
    if [parameter.tag for parameter in parameters] not in ([], [f"{{{EXC_C14N}}}InclusiveNamespaces"]):
        raise SignatureInvalid("canonicalisation with parameters that are not understood")
    prefixes = parameters[0].get("PrefixList", "").split() if parameters else []
    if len(prefixes) > MAX_PREFIXES:
        raise SignatureInvalid(f"more than {MAX_PREFIXES} prefixes in one InclusiveNamespaces")
    return prefixes


def require_allowed(info: SignedInfo, allow_sha1: bool) -> None:
    """Refuse what is on no list, and SHA-1 unless there is an exception for it.

    Raises:
        AlgorithmNotAllowed: HMAC among others, with which anyone could sign by the public key.
    """
    require_allowed_signature(info.signature_method, allow_sha1)
    _require_listed(info.digest_method, DIGESTS, _SHA1_DIGEST, allow_sha1)


def require_allowed_signature(method: str, allow_sha1: bool) -> None:
    """`require_allowed`, of a signature that has no SignedInfo."""
    _require_listed(method, SIGNATURES, _SHA1_SIGNATURE, allow_sha1)


def _require_listed(method: str, allowed: Mapping[str, object], weak: str, allow_sha1: bool) -> None:
    if method not in allowed or (method == weak and not allow_sha1):
        raise AlgorithmNotAllowed(f"algorithm {method[:120] or 'without a name'}")


def canonical_octets(element: etree._Element, prefixes: Sequence[str]) -> bytes:
    """`xml.canonical`, refused as a signature is."""
    try:
        return canonical(element, prefixes)
    except ValueError as error:
        raise SignatureInvalid(str(error)) from None


def base64_octets(element: etree._Element) -> bytes:
    """A DigestValue or SignatureValue."""
    try:
        return read_base64(element.text or "")
    except ValueError:
        raise SignatureInvalid(f"{etree.QName(element).localname} is not strict base64") from None
