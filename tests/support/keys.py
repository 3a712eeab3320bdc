"""Keys and certificates for tests: made once in a process, never written down."""

from __future__ import annotations

import base64
import datetime as dt
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The RSA key of that name: the same for the whole process, another one for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(name: str, curve: str = "secp256r1") -> ec.EllipticCurvePrivateKey:
    """The EC key of that name and curve: secp256r1, secp384r1 or secp521r1."""
    curves: dict[str, ec.EllipticCurve] = {
        "secp256r1": ec.SECP256R1(),
        "secp384r1": ec.SECP384R1(),
        "secp521r1": ec.SECP521R1(),
    }
    return ec.generate_private_key(curves[curve])


@cache
def certificate_of(
    key: PrivateKey,
    common_name: str = "idp.acme.test",
    not_before: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    not_after: dt.datetime = dt.datetime(2045, 1, 1, tzinfo=dt.UTC),
) -> x509.Certificate:
    """A self-signed certificate of the key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(not_before).not_valid_after(not_after)
    return builder.sign(key, hashes.SHA256())


def certificate_der(certificate: x509.Certificate) -> bytes:
    """The certificate's DER octets, as pins hold them."""
    return certificate.public_bytes(serialization.Encoding.DER)


def certificate_text(certificate: x509.Certificate) -> str:
    """The certificate in base64 on one line, as metadata and KeyInfo carry it."""
    return base64.b64encode(certificate_der(certificate)).decode()


def certificate_pem(certificate: x509.Certificate) -> str:
    """The certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def private_pem(key: PrivateKey) -> bytes:
    """The key in PKCS #8 PEM, without a password, for libraries that read PEM only."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def private_der(key: PrivateKey) -> bytes:
    """The key in PKCS #8 DER, without a password."""
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(key: PublicKey) -> bytes:
    """The public key in PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
