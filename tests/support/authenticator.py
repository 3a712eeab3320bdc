"""A WebAuthn authenticator of the tests: real keys, real signatures, and every lie that an attacker's could tell."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """One credential of one person."""

    def __init__(self, origin: str = "http://localhost:8000", party: str = "localhost") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.origin, self.party = origin, party
        self.count = 0
        self.handle = b""

    def make(self, options: dict[str, Any], **lies: Any) -> str:
        """What a browser sends when the passkey has been made (WebAuthn 7.1)."""
        self.handle = _octets(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)
        told = self._told("webauthn.create", options, lies)
        octets = self._authenticator_octets(lies.get("flags", PRESENT | VERIFIED | ATTESTED), lies) + attested
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": octets})
        return self._answer({"clientDataJSON": _text(told), "attestationObject": _text(made)})

    def use(self, options: dict[str, Any], **lies: Any) -> str:
        """What a browser sends when the passkey has been used (WebAuthn 7.2)."""
        self.count = lies.get("count", self.count + 1)
        told = self._told("webauthn.get", options, lies)
        octets = self._authenticator_octets(lies.get("flags", PRESENT | VERIFIED), lies)
        signature = self.key.sign(octets + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": _text(told), "authenticatorData": _text(octets), "signature": _text(signature)}
        return self._answer(response | {"userHandle": _text(lies.get("handle", self.handle))})

    def _told(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        told = {
            "type": lies.get("type", kind),
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(told).encode()

    def _authenticator_octets(self, flags: int, lies: dict[str, Any]) -> bytes:
        party = hashlib.sha256(lies.get("party", self.party).encode()).digest()
        return party + bytes([flags]) + self.count.to_bytes(4, "big")

    def _answer(self, response: dict[str, Any]) -> str:
        name = _text(self.credential_id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": response}
        )


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
