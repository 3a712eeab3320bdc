"""A key pair that somebody brings along: PEM to values, and every reason why it will not do (K2).

Whatever takes long is bounded before it is begun: octets, the rounds that a passphrase is stretched by, bits of the key.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tenants.rollover.errors import KeyInvalid
from tenants.service_provider import KeyUse, NewKeyPair, key_pair_of

MAX_PEM = 16 * 1024
"""Characters of a key or certificate; 4096 bits take 3,300, a chatty certificate twice as many."""
MAX_PASSPHRASE = 1024
MIN_BITS, RECOMMENDED_BITS, MAX_BITS = 2048, 3072, 4096
"""More than 4096 would cost each sign-in 10 ms of CPU time and more."""
MAX_ROUNDS = 1_000_000
"""Of PBKDF2: half a second. A file can ask for two thousand million."""
LEAST_LEFT = dt.timedelta(days=1)
KEY, CERTIFICATE, PASSPHRASE = "private_key", "certificate", "passphrase"

_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----(.*?)-----END ENCRYPTED PRIVATE KEY-----", re.DOTALL)
_PBES2 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"
_PBKDF2 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"
_INTEGER, _SEQUENCE, _LONG = 0x02, 0x30, 0x80
_MAX_DEPTH = 8


def is_encrypted(private_key: str) -> bool:
    """Whether a passphrase is needed to read this."""
    return "ENCRYPTED" in private_key[:MAX_PEM]


def read_key_pair(use: KeyUse, private_key: str, certificate: str, passphrase: str | None, now: dt.datetime) -> NewKeyPair:
    """Read and check a key pair; nothing of it is kept.

    Args:
        private_key: PEM, PKCS #8 or PKCS #1, with a passphrase or without.
        certificate: PEM, one certificate.

    Raises:
        KeyInvalid: with the field and what is wrong with it.
    """
    key = _read_key(private_key, passphrase)
    found = _read_certificate(certificate)
    public = found.public_key()
    if not isinstance(public, rsa.RSAPublicKey) or public.public_numbers() != key.public_key().public_numbers():
        raise KeyInvalid(CERTIFICATE, "The certificate belongs to another key.")
    _require_usable(found, use, now)
    return key_pair_of(key, found, imported=True)


def _read_key(text: str, passphrase: str | None) -> rsa.RSAPrivateKey:
    octets = _octets(text, KEY)
    if passphrase is not None and len(passphrase) > MAX_PASSPHRASE:
        raise KeyInvalid(PASSPHRASE, f"A passphrase has at most {MAX_PASSPHRASE} characters.")
    _require_few_rounds(text)
    secret = passphrase.encode() if passphrase else None
    try:
        # Unchecked at first: the full check of a key of 60,000 bits would take minutes.
        unchecked = serialization.load_pem_private_key(octets, secret, unsafe_skip_rsa_key_validation=True)
        _require_kind(unchecked)
        key = serialization.load_pem_private_key(octets, secret)
    except KeyInvalid:
        raise
    except TypeError:
        sentence = "The key is encrypted: its passphrase is missing." if not secret else "This key takes no passphrase."
        raise KeyInvalid(PASSPHRASE, sentence) from None
    except (ValueError, UnsupportedAlgorithm):
        sentence = "This is no private key in PEM (PKCS #8 or PKCS #1)"
        raise KeyInvalid(KEY, sentence + (", or the passphrase is another one." if secret else ".")) from None
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _require_kind(key: object) -> None:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyInvalid(KEY, "Only RSA keys are used: every identity provider knows them.")
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise KeyInvalid(KEY, f"The key has {key.key_size} bits; {MIN_BITS} to {MAX_BITS} are used, best {RECOMMENDED_BITS}.")
    if key.public_key().public_numbers().e != 65537:
        raise KeyInvalid(KEY, "The public exponent is not 65537.")


def _read_certificate(text: str) -> x509.Certificate:
    octets = _octets(text, CERTIFICATE)
    if text.count("-----BEGIN CERTIFICATE-----") != 1:
        raise KeyInvalid(CERTIFICATE, "Exactly one certificate in PEM is taken, without those that issued it.")
    try:
        return x509.load_pem_x509_certificate(octets)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyInvalid(CERTIFICATE, "This is no certificate in PEM.") from None


def _require_usable(certificate: x509.Certificate, use: KeyUse, now: dt.datetime) -> None:
    if certificate.not_valid_before_utc > now:
        raise KeyInvalid(CERTIFICATE, "The certificate does not hold yet.")
    if certificate.not_valid_after_utc < now + LEAST_LEFT:
        raise KeyInvalid(CERTIFICATE, "The certificate has ended, or ends within a day.")
    try:
        extensions = certificate.extensions
        constraints = next((one.value for one in extensions if isinstance(one.value, x509.BasicConstraints)), None)
        usage = next((one.value for one in extensions if isinstance(one.value, x509.KeyUsage)), None)
    except (ValueError, x509.DuplicateExtension):
        raise KeyInvalid(CERTIFICATE, "The certificate has extensions that cannot be read.") from None
    if constraints is not None and constraints.ca:
        raise KeyInvalid(CERTIFICATE, "This is the certificate of an authority, which issues others and signs nothing else.")
    if usage is not None:
        allowed = usage.digital_signature if use == "signing" else usage.key_encipherment or usage.data_encipherment
        if not allowed:
            wanted = "digitalSignature" if use == "signing" else "keyEncipherment"
            raise KeyInvalid(CERTIFICATE, f"The certificate does not allow {use}: {wanted} is missing in its key usage.")


def _octets(text: str, field: str) -> bytes:
    if not text.strip() or len(text) > MAX_PEM:
        raise KeyInvalid(field, f"It takes 1 to {MAX_PEM} characters of PEM.")
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise KeyInvalid(field, "PEM is made of ASCII characters alone.") from None


def _require_few_rounds(text: str) -> None:
    """PKCS #8: PBES2 with PBKDF2, and no more rounds than are done in half a second (RFC 8018 6.2). PKCS #1 has one round."""
    found = _ENCRYPTED.search(text)
    if found is None:
        return
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
        algorithm = _first_inside(der)
        highest = max(_integers(algorithm, 0), default=0)
    except (binascii.Error, ValueError, IndexError):
        raise KeyInvalid(KEY, "This is no private key in PEM (PKCS #8 or PKCS #1).") from None
    if _PBES2 not in algorithm or _PBKDF2 not in algorithm:
        raise KeyInvalid(KEY, "The key is encrypted in a way that is not read. Encrypt it with PBKDF2, or not at all.")
    if highest > MAX_ROUNDS:
        raise KeyInvalid(KEY, f"The passphrase is stretched by more than {MAX_ROUNDS:,} rounds.")


def _first_inside(der: bytes) -> bytes:
    """The AlgorithmIdentifier of an EncryptedPrivateKeyInfo, its content alone (RFC 5958 section 3)."""
    _, content, _ = _element(der)
    _, algorithm, _ = _element(content)
    return algorithm


def _integers(content: bytes, depth: int) -> list[int]:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    numbers: list[int] = []
    while content:
        tag, inner, content = _element(content)
        if tag == _INTEGER:
            numbers.append(int.from_bytes(inner))
        elif tag == _SEQUENCE:
            numbers += _integers(inner, depth + 1)
    return numbers


def _element(content: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows, of the first element (X.690 8.1)."""
    tag, length, at = content[0], content[1], 2
    if length & _LONG:
        octets = length & ~_LONG
        length, at = int.from_bytes(content[2 : 2 + octets]), 2 + octets
    if at + length > len(content):
        raise ValueError("cut off")
    return tag, content[at : at + length], content[at + length :]
