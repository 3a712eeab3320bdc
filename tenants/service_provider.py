"""Our side of a tenant's trust: its names and addresses, and the key pairs that it signs with and is written to."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tenants.trust import ServiceProvider

KeyUse = Literal["signing", "encryption"]

RSA_BITS = 2048
"""Not 3072: one signature starts every sign-in and is most of its CPU time (measured: 0.25 ms against 0.70 ms), and 2048 bits
hold through 2030 (NIST SP 800-57, part 1). A longer key comes by rollover, tenant by tenant; nothing else depends on this."""
PUBLIC_EXPONENT = 65537
ALLOWED_RSA_BITS = (2048, 3072, 4096)
LIFETIME = dt.timedelta(days=3652)
"""Ten years: identity providers pin the key, and many stop on the day that a certificate ends."""
BACKDATED = dt.timedelta(days=1)
"""For identity providers whose clock is behind."""
MAX_COMMON_NAME_BYTES = 64
"""ub-common-name of RFC 5280 counts characters; libraries count bytes, so bytes are counted here too."""
FALLBACK_COMMON_NAME = "SAML service provider"


@dataclass(frozen=True, slots=True)
class NewKeyPair:
    """A private key as PKCS #8 DER, to be sealed at once, and its self-signed certificate."""

    private_der: bytes = field(repr=False)
    certificate_pem: str
    ends_at: dt.datetime
    public_sha256: str
    """Of its public half, as SubjectPublicKeyInfo: what tells one key pair from all others."""
    imported: bool = False


def service_provider_of(origin: str) -> ServiceProvider:
    """The names and addresses under a tenant's stored canonical origin, `https://acme.example.com`."""
    metadata_url = f"{origin}/saml/metadata"
    return ServiceProvider(
        entity_id=metadata_url, acs_url=f"{origin}/saml/acs", slo_url=f"{origin}/saml/slo", metadata_url=metadata_url
    )


def new_key_pair(
    common_name: str, now: dt.datetime, use: KeyUse, *, lifetime: dt.timedelta = LIFETIME, bits: int = RSA_BITS
) -> NewKeyPair:
    """Make a key pair; what is returned has passed OpenSSL's full check of an RSA key, so loading need not repeat it."""
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    generated = rsa.generate_private_key(PUBLIC_EXPONENT, bits)
    checked = serialization.load_der_private_key(_private_der(generated), password=None)
    if not isinstance(checked, rsa.RSAPrivateKey):
        raise TypeError("an RSA key was made, and another kind came back")
    return key_pair_of(checked, _self_signed(checked, common_name, now, use, lifetime))


def key_pair_of(key: rsa.RSAPrivateKey, certificate: x509.Certificate, *, imported: bool = False) -> NewKeyPair:
    """A key that has passed OpenSSL's full check, and the certificate that belongs to it."""
    return NewKeyPair(
        private_der=_private_der(key),
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        ends_at=certificate.not_valid_after_utc,
        public_sha256=_hash_of(key.public_key()),
        imported=imported,
    )


def certificate_der(pem: str) -> bytes:
    """A certificate of ours without its armour."""
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))


def _private_der(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _hash_of(key: rsa.RSAPublicKey) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def load_private_key(der: bytes) -> rsa.RSAPrivateKey:
    """Load a key that `new_key_pair` made and that was sealed since: 0.02 ms, where the full check takes 40.

    Raises:
        ValueError: these bytes are no RSA key.
    """
    key = serialization.load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


def _self_signed(
    key: rsa.RSAPrivateKey, common_name: str, now: dt.datetime, use: KeyUse, lifetime: dt.timedelta
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _common_name_of(common_name))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.replace(microsecond=0) - BACKDATED)
        .not_valid_after(now.replace(microsecond=0) + lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(use), critical=True)
        .sign(key, hashes.SHA256())
    )


def _key_usage(use: KeyUse) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=use == "signing",
        key_encipherment=use == "encryption",
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _common_name_of(text: str) -> str:
    printable = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return printable.encode()[:MAX_COMMON_NAME_BYTES].decode(errors="ignore").strip() or FALLBACK_COMMON_NAME
