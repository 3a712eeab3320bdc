"""Metadata that has to be signed by a pinned certificate: what may be read of it, and what refuses it (requirement M5).

The signature may stand on the entity that is meant or on a list around it, however deep (SAML Metadata 3). It is judged by
the verifier of sign-ins, and only the octets that it covers are read from then on: what stands beside or around them,
unsigned entities and unsigned validity alike, does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tenants.metadata_errors import MetadataSignatureInvalid, MetadataSignatureMissing, SignerInvalid
from tenants.metadata_keys import fault_of, shown_subject, signing_certificate_of
from tenants.signed_xml.errors import AlgorithmNotAllowed, ResponseMalformed, SignatureInvalid
from tenants.signed_xml.names import SIGNATURE
from tenants.signed_xml.signature import verify_enveloped
from tenants.signed_xml.xml import require_bounded
from tenants.trust import PublicKey, SigningCertificate

MAX_SIGNER_CHARACTERS = 20_000
"""A certificate as PEM; the longest real ones have 4,000."""

_SAME_ID = etree.XPath("count(//*[@ID=$id or @Id=$id or @id=$id or @xml:id=$id])")


@dataclass(frozen=True, slots=True)
class MetadataSigner:
    """The certificate that metadata has to be signed by. Its key counts; its dates are shown, as with all pinned ones."""

    certificate: SigningCertificate
    subject: str
    key: PublicKey
    pem: str


def read_signer(text: str) -> MetadataSigner:
    """The pinned certificate from PEM.

    Raises:
        SignerInvalid: it is no single certificate, or its key is too weak or of another kind than RSA and P-256, P-384, P-521.
    """
    if len(text) > MAX_SIGNER_CHARACTERS:
        raise SignerInvalid(f"more than {MAX_SIGNER_CHARACTERS} characters")
    if "PRIVATE KEY" in text:
        raise SignerInvalid("this holds a private key; it takes the certificate alone")
    if text.count("-----BEGIN ") != 1:
        raise SignerInvalid("this is not one certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    try:
        certificate = x509.load_pem_x509_certificate(text.strip().encode())
        value, subject = signing_certificate_of(certificate), shown_subject(certificate)
    except ValueError:
        raise SignerInvalid("the certificate is damaged, or is none") from None
    fault = fault_of(certificate)
    if fault:
        raise SignerInvalid(f"the certificate cannot be used: {fault[1]}")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):  # refused above; for the types
        raise SignerInvalid("the certificate cannot be used: its key is of another kind")
    return MetadataSigner(value, subject, key, certificate.public_bytes(Encoding.PEM).decode())


def signed_octets(
    unverified_root: etree._Element, unverified_scopes: Sequence[etree._Element], signer: MetadataSigner
) -> bytes:
    """The canonical octets of the outermost element around the entity that the signer has signed.

    Args:
        unverified_scopes: the entity that is meant and the lists around it, outermost first.

    Raises:
        MetadataSignatureMissing: none of them carries a signature.
        MetadataSignatureInvalid: none of the signatures holds.
    """
    signed = [scope for scope in unverified_scopes if next(scope.iterchildren(SIGNATURE), None) is not None]
    if not signed:
        raise MetadataSignatureMissing("neither the entity that is meant nor a list around it carries a signature")
    causes: list[str] = []
    try:
        require_bounded(unverified_root)  # canonicalisation takes quadratic time beyond
        for scope in signed:
            try:
                _require_unique_id(unverified_root, scope.get("ID", ""))
                return verify_enveloped(scope, (signer.key,), allow_sha1=False).octets
            except (SignatureInvalid, AlgorithmNotAllowed) as error:
                causes.append(f"{etree.QName(scope).localname}: {error.cause}")
    except ResponseMalformed as error:
        causes.append(error.cause)
    raise MetadataSignatureInvalid("; ".join(causes)[:500])


def _require_unique_id(root: etree._Element, signed_id: str) -> None:
    """The verifier looks nothing up by ID, so a second one gains nothing; an honest document has none."""
    if signed_id and _SAME_ID(root, id=signed_id) != 1:
        raise SignatureInvalid("the signed ID stands more than once in the document")
