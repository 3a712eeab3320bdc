"""A key that somebody brings along: what is taken, and every reason to refuse, before it costs anything."""

from __future__ import annotations

import base64
import datetime as dt
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tenants.rollover.errors import KeyInvalid
from tenants.rollover.pem import MAX_PEM, read_key_pair
from tests.support.keys import rsa_key

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme")])
USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def pem_of(key: Any, passphrase: str | None = None, form: Any = serialization.PrivateFormat.PKCS8) -> str:
    """A private key as a file."""
    hidden = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, hidden).decode()  # type: ignore[no-any-return]


def certificate_of(
    key: Any, *, begins: int = -1, ends: int = 400, ca: bool | None = None, usage: str | None = None
) -> str:
    """A certificate as a file; days from now."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW + dt.timedelta(days=begins))
        .not_valid_after(NOW + dt.timedelta(days=ends))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.KeyUsage(**{name: name == usage for name in USAGES}), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_a_good_pair_is_taken(form: serialization.PrivateFormat, passphrase: str | None) -> None:
    """PKCS #8 and PKCS #1, encrypted or not; the certificate is kept as it is."""
    key = rsa_key("brought")
    certificate = certificate_of(key, ca=False, usage="digital_signature")
    pair = read_key_pair("signing", pem_of(key, passphrase, form), certificate, passphrase, NOW)
    assert pair.certificate_pem == certificate
    assert pair.imported
    assert pair.ends_at == NOW + dt.timedelta(days=400)
    assert "private" not in repr(pair)


def _pair(key: Any, **options: Any) -> tuple[str, str]:
    return pem_of(key), certificate_of(key, **options)


def _ours(**options: Any) -> tuple[str, str]:
    return _pair(rsa_key("brought"), **options)


BAD = {
    "another's certificate": (lambda: (_ours()[0], certificate_of(rsa_key("other"))), "certificate", "another key"),
    "elliptic": (lambda: _pair(ec.generate_private_key(ec.SECP256R1())), "private_key", "RSA"),
    "short": (lambda: _pair(rsa.generate_private_key(65537, 1024)), "private_key", "1024 bits"),
    "ended": (lambda: _ours(ends=0), "certificate", "ended"),
    "not yet": (lambda: _ours(begins=1), "certificate", "not hold yet"),
    "authority": (lambda: _ours(ca=True), "certificate", "authority"),
    "usage": (lambda: _ours(usage="key_encipherment"), "certificate", "digitalSignature"),
    "no PEM": (lambda: ("nonsense", _ours()[1]), "private_key", "no private key"),
    "no certificate": (lambda: (_ours()[0], "nonsense"), "certificate", "Exactly one"),
    "a chain": (lambda: (_ours()[0], _ours()[1] * 2), "certificate", "Exactly one"),
    "too long": (lambda: ("x" * (MAX_PEM + 1), _ours()[1]), "private_key", "characters"),
    "locked": (lambda: (pem_of(rsa_key("brought"), "x"), _ours()[1]), "passphrase", "missing"),
    "a public half": (lambda: (_ours()[1], _ours()[1]), "private_key", "no private key"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_one_is_refused_with_its_reason(case: str) -> None:
    """Each with the field that is to be mended."""
    made, field, words = BAD[case]
    private_key, certificate = made()
    with pytest.raises(KeyInvalid) as refused:
        read_key_pair("signing", private_key, certificate, None, NOW)
    assert words in refused.value.detail["errors"][field][0]


def _with_rounds(rounds: int) -> str:
    """Encrypted PKCS #8 that asks for so many rounds; its content is of no matter."""

    def element(tag: int, *parts: bytes) -> bytes:
        inner = b"".join(parts)
        size = bytes([len(inner)]) if len(inner) < 128 else b"\x82" + len(inner).to_bytes(2)
        return bytes([tag]) + size + inner

    oid = lambda text: element(6, bytes.fromhex(text))  # noqa: E731
    stretched = element(0x30, element(4, b"saltsalt"), element(2, rounds.to_bytes(6)))
    pbkdf2 = element(0x30, oid("2a864886f70d01050c"), stretched)
    cipher = element(0x30, oid("60864801650304012a"), element(4, bytes(16)))
    algorithm = element(0x30, oid("2a864886f70d01050d"), element(0x30, pbkdf2, cipher))
    der = element(0x30, algorithm, element(4, bytes(1200)))
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END ENCRYPTED PRIVATE KEY-----\n"


@pytest.mark.parametrize("rounds", [1_000_001, 2**31, 2**40])
def test_a_passphrase_is_not_stretched_for_ever(rounds: int) -> None:
    """Two thousand million rounds would keep a worker for a quarter of an hour: refused before the first."""
    began = time.thread_time()
    with pytest.raises(KeyInvalid, match="rounds"):
        read_key_pair("signing", _with_rounds(rounds), certificate_of(rsa_key("brought")), "x", NOW)
    assert time.thread_time() - began < 2


def test_no_other_way_to_stretch_a_passphrase_is_begun() -> None:
    """scrypt may ask for gigabytes."""
    scrypt = _with_rounds(1000).replace("\n", "")
    body = base64.b64decode(scrypt.removeprefix("-----BEGIN ENCRYPTED PRIVATE KEY-----").split("-----")[0])
    changed = base64.b64encode(body.replace(bytes.fromhex("2a864886f70d01050c"), bytes.fromhex("2b060104019a470401"))).decode()
    text = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{changed}\n-----END ENCRYPTED PRIVATE KEY-----\n"
    with pytest.raises(KeyInvalid, match="PBKDF2"):
        read_key_pair("signing", text, certificate_of(rsa_key("brought")), "x", NOW)
