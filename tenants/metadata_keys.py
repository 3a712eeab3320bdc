"""The certificates that an identity provider signs with: which keys are good enough, and what is worth a warning.

A certificate pins its key; nobody's chain is followed and its dates do not decide (SAML V2.0 Metadata Interoperability
Profile 2.6.1), so an expired one is a warning. Keys without a certificate (KeyValue, KeyName) are not taken: no product
publishes them so, and there would be no subject and no date to show to the person who has to recognise them.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tenants.metadata_entities import MD
from tenants.metadata_errors import (
    CertificateInvalid,
    KeyNotAllowed,
    KeyTooWeak,
    MetadataInvalid,
    MetadataRefused,
    SigningKeyMissing,
)
from tenants.trust import SigningCertificate

DS = "{http://www.w3.org/2000/09/xmldsig#}"
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
"""More only costs time: a verification takes longer with each bit."""
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
MAX_CERTIFICATES = 20
EXPIRY_NOTICE = dt.timedelta(days=30)

Warnings = list[dict[str, str]]

_PEM_LINES = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")


def read_signing_certificates(role: etree._Element, warnings: Warnings) -> tuple[SigningCertificate, ...]:
    """The certificates whose keys may verify, in the order of the document, each key once.

    They are read from the tree and not from pysaml2's objects, which keep only the last certificate of an X509Data.

    Args:
        role: IDPSSODescriptor. A KeyDescriptor without `use` counts for signing (SAML Metadata 2.4.1.1).
        warnings: keys that are left out beside a good one are added here.

    Raises:
        SigningKeyMissing, CertificateInvalid, KeyTooWeak, KeyNotAllowed: nothing is left to verify with.
    """
    certificates = list(_signing_certificates(role))
    if not certificates:
        raise SigningKeyMissing(_why_missing(role))
    accepted: list[SigningCertificate] = []
    left_out: list[tuple[type[MetadataRefused], str, x509.Certificate]] = []
    for certificate in certificates:
        fault = fault_of(certificate)
        if fault:
            left_out.append((*fault, certificate))
        elif (value := signing_certificate_of(certificate)) not in accepted:
            accepted.append(value)
    if not accepted:
        refusal, fault_text, certificate = left_out[0]
        raise refusal(f"{_name_of(certificate)}: {fault_text}", certificates=[_shown(entry[2]) for entry in left_out])
    warnings += [
        {"code": refusal.code, "detail": f"{_name_of(certificate)} is left out: {fault_text}."}
        for refusal, fault_text, certificate in left_out
    ]
    return tuple(accepted)


def dated_warnings(certificates: Iterable[SigningCertificate], now: dt.datetime) -> Warnings:
    """What the dates of the pinned certificates are worth saying at this moment."""
    warnings: Warnings = []
    for certificate in certificates:
        name = _name_of(x509.load_der_x509_certificate(certificate.der))
        day = certificate.not_after.date().isoformat()
        if certificate.not_after < now:
            warnings.append({"code": "certificate_expired", "detail": f"{name} expired on {day}. Its key is still trusted."})
        elif certificate.not_after < now + EXPIRY_NOTICE:
            warnings.append({"code": "certificate_expires_soon", "detail": f"{name} expires on {day}."})
        if certificate.not_before > now:
            day = certificate.not_before.date().isoformat()
            warnings.append({"code": "certificate_not_yet_valid", "detail": f"{name} is not valid before {day}."})
    return warnings


def signing_certificate_of(certificate: x509.Certificate) -> SigningCertificate:
    """A certificate as the value that is pinned."""
    der = certificate.public_bytes(Encoding.DER)
    return SigningCertificate(
        der=der,
        sha256=hashlib.sha256(der).hexdigest(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _signing_certificates(role: etree._Element) -> Iterator[x509.Certificate]:
    position = 0
    for descriptor in role.iterchildren(MD + "KeyDescriptor"):
        if descriptor.get("use", "signing") != "signing":
            continue
        for x509_data in descriptor.iterfind(f"{DS}KeyInfo/{DS}X509Data"):
            group = []
            for element in x509_data.iterchildren(DS + "X509Certificate"):
                position += 1
                if position > MAX_CERTIFICATES:
                    raise MetadataInvalid(f"there are more than {MAX_CERTIFICATES} signing certificates")
                group.append(_read_certificate(element.text or "", position))
            yield from _without_issuers(group)


def _without_issuers(group: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
    """Of a chain the certificate at its end: the others only vouch for it (XML Signature 4.5.4)."""
    for certificate in group:
        if not any(other.issuer == certificate.subject for other in group if other.subject != certificate.subject):
            yield certificate


def _read_certificate(text: str, position: int) -> x509.Certificate:
    """A certificate from its base64 text, in which line breaks and even PEM's own first and last line may stand."""
    for line in _PEM_LINES:
        text = text.replace(line, "")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        # Read lazily by the library: what is damaged has to show here.
        _ = certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (binascii.Error, ValueError) as error:
        cause = f"signing certificate {position} is not an X.509 certificate in base64: {error}"
        raise CertificateInvalid(cause[:300], position=position) from None
    return certificate


def fault_of(certificate: x509.Certificate) -> tuple[type[MetadataRefused], str] | None:
    """What keeps a key from being used, if anything does."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return KeyNotAllowed, "its key is of an unknown kind"
    except ValueError:
        return CertificateInvalid, "its key is damaged"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            return KeyTooWeak, f"its RSA key has {key.key_size} bits, {MIN_RSA_BITS} are needed"
        if key.key_size > MAX_RSA_BITS or key.public_numbers().e < 3:
            return KeyNotAllowed, f"its RSA key has {key.key_size} bits and the exponent {key.public_numbers().e}"
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (
            None
            if isinstance(key.curve, CURVES)
            else (KeyTooWeak, f"its curve {key.curve.name} is none of P-256, P-384, P-521")
        )
    return KeyNotAllowed, f"its key is of the kind {type(key).__name__.strip('_').removesuffix('PublicKey')}"


def _why_missing(role: etree._Element) -> str:
    descriptors = list(role.iterchildren(MD + "KeyDescriptor"))
    if not descriptors:
        return "the IDPSSODescriptor has no KeyDescriptor"
    signing = [descriptor for descriptor in descriptors if descriptor.get("use", "signing") == "signing"]
    if not signing:
        return "every KeyDescriptor is for encryption"
    found = sorted({etree.QName(child).localname for descriptor in signing for child in descriptor.iterfind(f"{DS}KeyInfo/*")})
    return f"keys are taken from X509Certificate alone; KeyInfo has {', '.join(found) or 'nothing'}"[:300]


def shown_subject(certificate: x509.Certificate) -> str:
    """Whose a certificate says it is, for people to read: strangers write it, so what cannot be printed is left out."""
    text = certificate.subject.rfc4514_string()[:200]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _name_of(certificate: x509.Certificate) -> str:
    shown = _shown(certificate)
    return f"The certificate {shown['subject'] or 'without a subject'} (SHA-256 {shown['sha256'][:16]}…)"


def _shown(certificate: x509.Certificate) -> dict[str, str]:
    return {
        "subject": shown_subject(certificate),
        "sha256": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }
