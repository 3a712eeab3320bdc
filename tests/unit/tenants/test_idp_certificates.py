"""Signing certificates in metadata: which keys are pinned, which are refused, and what their dates are worth."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tenants.idp_metadata import metadata_from_document, metadata_to_document, public_keys_of, read_idp_metadata, warnings_of
from tenants.trust import IdPMetadata
from tests.unit.tenants.metadata_samples import (
    NOW,
    base64_of,
    certificate_of,
    entity,
    good_certificate,
    key_descriptor,
    key_of,
    role,
)
from tests.unit.tenants.test_idp_metadata import codes_of, refusal_of

DAY = dt.timedelta(days=1)
ALIEN_KEYS = ("<ds:KeyName>k</ds:KeyName>", "<ds:KeyValue><ds:RSAKeyValue/></ds:KeyValue>", "<ds:X509Data/>", "")


def read_keys(keys: str) -> IdPMetadata:
    """Metadata with these KeyDescriptors."""
    return read_idp_metadata(entity(role(keys)), NOW)


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "p256", "p384", "p521"])
def test_good_keys_are_pinned(kind: str) -> None:
    """RSA from 2048 bits and the three curves come out as the keys that went in."""
    certificate = certificate_of(kind)
    metadata = read_keys(key_descriptor(certificate))
    assert metadata.warnings == ()
    (pinned,) = metadata.signing_certificates
    assert pinned.der == certificate.public_bytes(Encoding.DER)
    assert (pinned.not_before, pinned.not_after) == (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    (key,) = public_keys_of(metadata_from_document(metadata_to_document(metadata)))
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert key == key_of(kind).public_key()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("rsa1024", "key_too_weak"),
        ("p192", "key_too_weak"),
        ("secp256k1", "key_too_weak"),
        ("dsa", "key_not_allowed"),
        ("ed25519", "key_not_allowed"),
    ],
)
def test_a_bad_key_alone_is_refused_and_beside_a_good_one_left_out(kind: str, code: str) -> None:
    """The refusal shows the certificate; the warning names it, and its key verifies nothing."""
    bad = certificate_of(kind, subject="weak.example.com")
    refusal = refusal_of(entity(role(key_descriptor(bad))))
    assert refusal.code == code
    assert refusal.detail["certificates"][0]["subject"] == "CN=weak.example.com"
    metadata = read_keys(key_descriptor(bad) + key_descriptor(good_certificate()))
    assert codes_of(metadata) == [code]
    assert "weak.example.com" in metadata.warnings[0]["detail"]
    assert public_keys_of(metadata) == (key_of("rsa2048").public_key(),)


@pytest.mark.parametrize(
    "keys", ["", *(f"<md:KeyDescriptor><ds:KeyInfo>{content}</ds:KeyInfo></md:KeyDescriptor>" for content in ALIEN_KEYS)]
)
def test_metadata_without_a_signing_certificate_is_refused(keys: str) -> None:
    """Key names and bare key values are no certificates, and the cause says what there is."""
    assert refusal_of(entity(role(keys))).code == "signing_key_missing"


@pytest.mark.parametrize("use", ["encryption", "", "SIGNING"])
def test_a_key_for_another_use_verifies_nothing(use: str) -> None:
    """Only use="signing" and no use at all count for signatures."""
    assert refusal_of(entity(role(key_descriptor(good_certificate(), use=use)))).code == "signing_key_missing"


def test_a_key_without_a_use_counts_for_signatures() -> None:
    """SAML Metadata 2.4.1.1: it is for both."""
    assert len(read_keys(key_descriptor(good_certificate(), use=None)).signing_certificates) == 1


def test_keys_of_other_roles_verify_nothing() -> None:
    """The certificate of the attribute authority is not the identity provider's."""
    authority = f"<md:AttributeAuthorityDescriptor>{key_descriptor(certificate_of('p256'))}</md:AttributeAuthorityDescriptor>"
    metadata = read_idp_metadata(entity(authority, role()), NOW)
    assert public_keys_of(metadata) == (key_of("rsa2048").public_key(),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AAAA",
        "not base64!",
        base64_of(good_certificate())[:-40],
        base64_of(good_certificate()) + "AAAA",
        base64.b64encode(good_certificate().public_bytes(Encoding.DER) + b"\x00").decode(),
        base64.b64encode(base64_of(good_certificate()).encode()).decode(),
        base64_of(good_certificate()).replace("M", "é", 1),
        "<ds:X>" + base64_of(good_certificate()) + "</ds:X>",
        base64.b64encode(b"0\x03\x02\x01\x00").decode(),
    ],
)
def test_a_damaged_certificate_is_refused_even_beside_a_good_one(text: str) -> None:
    """A file that was cut or edited is not believed in its other parts."""
    for keys in (key_descriptor(text), key_descriptor(good_certificate()) + key_descriptor(text)):
        assert refusal_of(entity(role(keys))).code == "certificate_invalid"
    assert len(read_keys(key_descriptor(good_certificate()) + key_descriptor(text, use="encryption")).signing_certificates) == 1


@pytest.mark.parametrize("separator", ["\n", "\r\n", "&#13;\n", "\t", "  "])
def test_base64_may_be_wrapped(separator: str) -> None:
    """Line breaks of every kind, blanks and PEM's own lines are dropped."""
    text = base64_of(good_certificate())
    wrapped = separator.join(text[start : start + 64] for start in range(0, len(text), 64))
    for sample in (wrapped, f"\n-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n"):
        assert len(read_keys(key_descriptor(sample)).signing_certificates) == 1


def test_all_certificates_of_a_rollover_are_pinned() -> None:
    """In KeyDescriptors of their own or in one X509Data, the next key verifies as well."""
    second = certificate_of("p256", "next.example.com")
    for keys in (key_descriptor(good_certificate()) + key_descriptor(second), key_descriptor(good_certificate(), second)):
        metadata = read_keys(keys)
        assert [certificate.sha256 for certificate in metadata.signing_certificates] == [
            certificate.fingerprint(hashes.SHA256()).hex() for certificate in (good_certificate(), second)
        ]


def test_duplicates_are_folded() -> None:
    """The same certificate twice is shown once; two certificates for one key are one key."""
    renewed = certificate_of(subject="renewed.example.com")
    metadata = read_keys(key_descriptor(good_certificate()) + key_descriptor(good_certificate(), renewed, use=None))
    assert len(metadata.signing_certificates) == 2
    assert len(public_keys_of(metadata)) == 1


@pytest.mark.parametrize("leaf_first", [True, False])
def test_an_issuer_in_a_chain_verifies_nothing(leaf_first: bool) -> None:
    """XML Signature 4.5.4: the authority that issued the certificate is not the identity provider."""
    chain = [certificate_of("p256", "idp.example.com", issuer="Example CA"), certificate_of("rsa3072", "Example CA")]
    metadata = read_keys(key_descriptor(*(chain if leaf_first else reversed(chain))))
    assert public_keys_of(metadata) == (key_of("p256").public_key(),)


def test_the_number_of_certificates_is_bounded() -> None:
    """Each one costs time at every sign-in."""
    assert refusal_of(entity(role(key_descriptor(good_certificate()) * 21))).code == "metadata_invalid"
    assert read_keys(key_descriptor(good_certificate()) * 20)


@pytest.mark.parametrize(
    ("not_before", "not_after", "codes"),
    [
        (NOW - 100 * DAY, NOW - DAY, ["certificate_expired"]),
        (NOW - 100 * DAY, NOW + 29 * DAY, ["certificate_expires_soon"]),
        (NOW - 100 * DAY, NOW + 31 * DAY, []),
        (NOW + DAY, NOW + 100 * DAY, ["certificate_not_yet_valid"]),
    ],
)
def test_dates_are_warnings_and_the_key_is_pinned(not_before: dt.datetime, not_after: dt.datetime, codes: list[str]) -> None:
    """Metadata is the trust; an expired certificate is said with its subject, and goes on verifying."""
    metadata = read_keys(key_descriptor(certificate_of(not_before=not_before, not_after=not_after)))
    assert codes_of(metadata) == codes
    assert all("idp.example.com" in warning["detail"] for warning in metadata.warnings)
    assert len(public_keys_of(metadata)) == 1


def test_warnings_follow_the_clock() -> None:
    """What is stored says what was true then; asked later, dates are judged anew and the rest stays."""
    keys = key_descriptor(certificate_of(not_after=NOW + 10 * DAY)) + key_descriptor(certificate_of("rsa1024"))
    metadata = metadata_from_document(metadata_to_document(read_keys(keys)))
    assert codes_of(metadata) == ["key_too_weak", "certificate_expires_soon"]
    later = warnings_of(metadata, NOW + 11 * DAY)
    assert [warning["code"] for warning in later] == ["key_too_weak", "certificate_expired"]
