"""Names, addresses and key pairs of our side."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tenants.service_provider import KeyUse, load_private_key, new_key_pair, service_provider_of
from tests.unit.saml_out.support import NOW, key_pair


def certificate_of(pem: str) -> x509.Certificate:
    """Read a certificate."""
    return x509.load_pem_x509_certificate(pem.encode())


def test_addresses_stand_under_the_origin() -> None:
    """Entity ID and metadata address are the same; nothing else is made up."""
    provider = service_provider_of("http://acme.localhost:8000")
    assert provider.entity_id == provider.metadata_url == "http://acme.localhost:8000/saml/metadata"
    assert provider.acs_url == "http://acme.localhost:8000/saml/acs"
    assert provider.slo_url == "http://acme.localhost:8000/saml/slo"


def test_key_and_certificate_belong_together() -> None:
    """What the loaded key signs, the certificate's key verifies; the certificate is its own issuer."""
    pair = key_pair("acme")
    key = load_private_key(pair.private_der)
    certificate = certificate_of(pair.certificate_pem)
    public_key = certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)
    public_key.verify(key.sign(b"octets", padding.PKCS1v15(), hashes.SHA256()), b"octets", padding.PKCS1v15(), hashes.SHA256())
    certificate.verify_directly_issued_by(certificate)
    assert (key.key_size, key.public_key().public_numbers().e) == (2048, 65537)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)


def test_certificate_is_valid_from_yesterday_for_ten_years() -> None:
    """In whole seconds, from the time that was passed in."""
    certificate = certificate_of(key_pair("acme").certificate_pem)
    assert certificate.not_valid_before_utc == NOW.replace(microsecond=0) - dt.timedelta(days=1)
    assert certificate.not_valid_after_utc == NOW.replace(microsecond=0) + dt.timedelta(days=3652)


@pytest.mark.parametrize("use", ["signing", "encryption"])
def test_key_usage_says_what_the_key_is_for(use: KeyUse) -> None:
    """Signing keys sign, encryption keys wrap keys, and neither is an authority."""
    certificate = certificate_of(key_pair("acme", use).certificate_pem)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert usage.critical
    assert usage.value.digital_signature is (use == "signing")
    assert usage.value.key_encipherment is (use == "encryption")
    assert not usage.value.key_cert_sign
    assert basic.critical
    assert not basic.value.ca


def test_serials_and_keys_differ() -> None:
    """Two pairs for the same name are two pairs."""
    first, second = (new_key_pair("acme.test", NOW, "signing") for _ in range(2))
    assert first.private_der != second.private_der
    assert certificate_of(first.certificate_pem).serial_number != certificate_of(second.certificate_pem).serial_number


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("acme.test", "acme.test"),
        ("  Acme \n Ltd ", "Acme Ltd"),
        ("a" * 100, "a" * 64),
        ("🙂" * 30, "🙂" * 16),
        ("aשלום" + "é" * 60, "aשלום" + "é" * 27),
        ('A,CN=evil+O="x"\\', 'A,CN=evil+O="x"\\'),
        ("a\x00b\x1bc", "abc"),
        ("", "SAML service provider"),
        ("\u202e\x00 ", "SAML service provider"),
        ("\ud800", "SAML service provider"),
    ],
)
def test_common_name(given: str, expected: str) -> None:
    """At most 64 bytes, cut between characters, without what cannot be printed, never empty."""
    certificate = certificate_of(new_key_pair(given, NOW, "signing").certificate_pem)
    names = [name.value for name in certificate.subject]
    assert names == [expected]
    assert [name.oid for name in certificate.subject] == [NameOID.COMMON_NAME]


def test_naive_time_is_refused() -> None:
    """A time without a zone would be taken for UTC or for local time, depending on the reader."""
    with pytest.raises(ValueError, match="aware"):
        new_key_pair("acme.test", NOW.replace(tzinfo=None), "signing")


def test_private_key_is_not_shown() -> None:
    """Neither the pair's repr nor its str holds the key."""
    pair = key_pair("acme")
    assert "private_der" not in repr(pair)
    assert repr(pair.private_der)[2:40] not in repr(pair)


def test_what_is_no_rsa_key_is_refused() -> None:
    """Noise and a key of another kind are one kind of error."""
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for octets in (b"", b"noise", other):
        with pytest.raises(ValueError):
            load_private_key(octets)
