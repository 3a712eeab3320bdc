"""XML encryption as identity providers do it, on the primitives of `cryptography`."""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.saml_xml import DS, SAML, XENC

XENC11 = "http://www.w3.org/2009/xmlenc11#"
CIPHERS: Mapping[str, tuple[str, int]] = {
    **{f"aes{bits}-gcm": (f"{XENC11}aes{bits}-gcm", bits // 8) for bits in (128, 192, 256)},
    **{f"aes{bits}-cbc": (f"{XENC}aes{bits}-cbc", bits // 8) for bits in (128, 192, 256)},
}
"""Short name -> algorithm and length of its key in bytes."""
KEY_TRANSPORTS = {"rsa-oaep-mgf1p": XENC + "rsa-oaep-mgf1p", "rsa-oaep": XENC11 + "rsa-oaep", "rsa-1_5": XENC + "rsa-1_5"}
HASHES: Mapping[str, tuple[str, hashes.HashAlgorithm]] = {
    "sha1": (DS + "sha1", hashes.SHA1()),  # OAEP's default since 2001, and still what most identity providers use
    "sha256": (XENC + "sha256", hashes.SHA256()),
    "sha384": ("http://www.w3.org/2001/04/xmldsig-more#sha384", hashes.SHA384()),
    "sha512": (XENC + "sha512", hashes.SHA512()),
}

Recipient = x509.Certificate | rsa.RSAPublicKey | str
"""Whom it is for: a certificate, its PEM, or the key."""


def encrypt_assertion(xml: str | bytes, recipient: Recipient, algorithm: str = "aes256-gcm", **options: str) -> bytes:
    """Replace the one Assertion in the text by an EncryptedAssertion; `options` are those of `encrypted_xml`."""
    text = xml.decode() if isinstance(xml, bytes) else xml
    found = re.search(r"<((?:[\w.-]+:)?Assertion)\b.*</\1\s*>", text, re.DOTALL)
    if found is None:
        raise ValueError("no Assertion")
    inner = encrypted_xml(found.group().encode(), recipient, algorithm, **options)
    return (text[: found.start()] + inner + text[found.end() :]).encode()


def encrypted_xml(
    plaintext: bytes,
    recipient: Recipient,
    algorithm: str = "aes256-gcm",
    *,
    wrapper: str = "EncryptedAssertion",
    key_transport: str = "rsa-oaep-mgf1p",
    oaep_digest: str = "sha1",
    mgf_digest: str = "sha1",
    key_place: str = "inside",
) -> str:
    """An EncryptedAssertion, EncryptedID or EncryptedAttribute around the plaintext.

    Args:
        algorithm: a short name of CIPHERS.
        oaep_digest, mgf_digest: short names of HASHES; written down where they are not the default (SHA-1).
        key_place: "inside" EncryptedData's KeyInfo; "beside" it, as Shibboleth 2 and AD FS may do; "referred" to by
            a RetrievalMethod and standing beside it.
    """
    uri, length = CIPHERS[algorithm]
    key = os.urandom(length)
    how, key_id = (key_transport, oaep_digest, mgf_digest), f"_k{secrets.token_hex(8)}"
    carrier = _encrypted_key_xml(key_id, _wrap(key, recipient, *how), *how)
    pointer = f'<ds:RetrievalMethod Type="{XENC}EncryptedKey" URI="#{key_id}"/>'
    inside = {"inside": carrier, "beside": "", "referred": pointer}[key_place]
    key_info = f'<ds:KeyInfo xmlns:ds="{DS}">{inside}</ds:KeyInfo>' if inside else ""
    return (
        f'<saml:{wrapper} xmlns:saml="{SAML}">'
        f'<xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element"><xenc:EncryptionMethod Algorithm="{uri}"/>'
        f"{key_info}{_cipher_xml(encipher(plaintext, key, algorithm))}</xenc:EncryptedData>"
        f"{carrier if key_place != 'inside' else ''}</saml:{wrapper}>"
    )


def encipher(plaintext: bytes, key: bytes, algorithm: str) -> bytes:
    """IV, ciphertext and (GCM) tag in the order of XML Encryption 1.1 section 5.2."""
    if algorithm.endswith("gcm"):
        iv = os.urandom(12)
        return iv + AESGCM(key).encrypt(iv, plaintext, None)
    iv, missing = os.urandom(16), 16 - len(plaintext) % 16
    padded = plaintext + os.urandom(missing - 1) + bytes([missing])
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def _wrap(key: bytes, recipient: Recipient, key_transport: str, oaep_digest: str, mgf_digest: str) -> bytes:
    if isinstance(recipient, str):
        recipient = x509.load_pem_x509_certificate(recipient.encode())
    public = recipient.public_key() if isinstance(recipient, x509.Certificate) else recipient
    if not isinstance(public, rsa.RSAPublicKey):
        raise TypeError("only RSA carries keys")
    if key_transport == "rsa-1_5":
        return public.encrypt(key, padding.PKCS1v15())
    return public.encrypt(key, padding.OAEP(padding.MGF1(HASHES[mgf_digest][1]), HASHES[oaep_digest][1], None))


def _encrypted_key_xml(id: str, wrapped: bytes, key_transport: str, oaep_digest: str, mgf_digest: str) -> str:
    digest = f'<ds:DigestMethod xmlns:ds="{DS}" Algorithm="{HASHES[oaep_digest][0]}"/>' if oaep_digest != "sha1" else ""
    mgf = f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{XENC11}mgf1{mgf_digest}"/>' if mgf_digest != "sha1" else ""
    return (
        f'<xenc:EncryptedKey xmlns:xenc="{XENC}" Id="{id}">'
        f'<xenc:EncryptionMethod Algorithm="{KEY_TRANSPORTS[key_transport]}">{digest}{mgf}</xenc:EncryptionMethod>'
        f"{_cipher_xml(wrapped)}</xenc:EncryptedKey>"
    )


def _cipher_xml(octets: bytes) -> str:
    value = base64.b64encode(octets).decode()
    return f"<xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData>"
