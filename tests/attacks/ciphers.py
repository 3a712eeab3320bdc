"""Encryption by hand: what anyone may encrypt for us, and every part of it in the attacker's own words."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.attacks.support import Pending, Refused
from tests.attacks.surgery import Victim
from tests.support.saml_xml import DS, SAML, XENC
from tests.support.xml_encryption import HASHES, XENC11, encipher
from tests.support.xml_signing import sign

GCM, CBC = f"{XENC11}aes256-gcm", f"{XENC}aes256-cbc"
UNIFORM = "not one element that our current keys open"
OAEP_MGF1P, OAEP = f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep"


def wrap(key: bytes, certificate: x509.Certificate, digest: str = "sha1", mask: str = "sha1") -> bytes:
    """A content key under RSA-OAEP."""
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    return public.encrypt(key, padding.OAEP(padding.MGF1(HASHES[mask][1]), HASHES[digest][1], None))


def text_of(octets: bytes) -> str:
    """Base64 on one line."""
    return base64.b64encode(octets).decode()


@dataclass(frozen=True)
class Sealed:
    """An EncryptedAssertion (or another wrapper) with every part replaceable; `…_xml` replaces the whole part.

    `octets` and `wrapped` are what CipherValues hold.
    """

    octets: bytes
    wrapped: bytes
    algorithm: str = GCM
    transport: str = OAEP_MGF1P
    transport_parts: str = ""
    wrapper: str = "EncryptedAssertion"
    type: str | None = f"{XENC}Element"
    content_xml: str | None = None
    key_info_xml: str | None = None
    beside_xml: str = ""
    before_keys: str = ""

    @property
    def key_xml(self) -> str:
        """The EncryptedKey."""
        return (
            f'<xenc:EncryptedKey xmlns:xenc="{XENC}"><xenc:EncryptionMethod Algorithm="{self.transport}">'
            f"{self.transport_parts}</xenc:EncryptionMethod>{cipher_data(self.wrapped)}</xenc:EncryptedKey>"
        )

    @property
    def xml(self) -> str:
        """The whole."""
        inside = self.before_keys + self.key_xml if self.key_info_xml is None else self.key_info_xml
        key_info = f'<ds:KeyInfo xmlns:ds="{DS}">{inside}</ds:KeyInfo>' if inside else ""
        kind = f' Type="{self.type}"' if self.type is not None else ""
        content = cipher_data(self.octets) if self.content_xml is None else self.content_xml
        return (
            f'<saml:{self.wrapper} xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{XENC}"{kind}>'
            f'<xenc:EncryptionMethod Algorithm="{self.algorithm}"/>{key_info}{content}</xenc:EncryptedData>'
            f"{self.beside_xml}</saml:{self.wrapper}>"
        )


def cipher_data(octets: bytes) -> str:
    """CipherData with a CipherValue."""
    return f"<xenc:CipherData><xenc:CipherValue>{text_of(octets)}</xenc:CipherValue></xenc:CipherData>"


def seal(plaintext: bytes | str, certificate: x509.Certificate, cipher: str = "aes256-gcm") -> Sealed:
    """Encrypt for whoever has the certificate's key; `replace` changes parts of the result."""
    bits = int(cipher[3:6])
    key = os.urandom(bits // 8)
    octets = encipher(plaintext.encode() if isinstance(plaintext, str) else plaintext, key, cipher)
    uri = (XENC11 if cipher.endswith("gcm") else XENC) + cipher
    return Sealed(octets, wrap(key, certificate), algorithm=uri)


_ASSERTION = re.compile(r"<saml:Assertion .*</saml:Assertion>", re.DOTALL)


def assertion_in(xml: bytes) -> str:
    """The text of a message's assertion."""
    found = _ASSERTION.search(xml.decode())
    assert found
    return found[0]


def carrying(victim: Victim, content: str, signing_key: rsa.RSAPrivateKey | None = None, **parts: Any) -> bytes:
    """The victim's answer with anything in the place of the assertion, its response signed by a key where one is given."""
    xml = _ASSERTION.sub(lambda _: content, victim.response(sign="none", **parts).decode())
    if signing_key is None:
        return xml.encode()
    found = re.search(r'<samlp:Response [^>]*\bID="([^"]+)"', xml)
    assert found
    return sign(xml, found[1], signing_key)


def encrypted(victim: Pending, cipher: str = "aes256-gcm", **parts: Any) -> bytes:
    """The victim's answer with the assertion encrypted for the service."""
    return victim.response(encrypt=cipher, encryption_certificate=victim.encryption_certificate, **parts)


def sealed(victim: Pending, cipher: str = "aes256-gcm", **parts: Any) -> Sealed:
    """The victim's good assertion, encrypted for the service, in parts."""
    return seal(assertion_in(victim.response(**parts)), victim.encryption_certificate, cipher)


def assert_uniform(refused: Refused) -> None:
    """It was refused in the words that stand for every secret reason."""
    assert (refused.code, refused.cause, refused.check) == ("decryption_failed", UNIFORM, "decryption")
