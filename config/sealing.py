"""Secrets at rest: AES-256-GCM under rotatable keys, bound to the row that holds them."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
VERSION = "v1"


class SealBroken(Exception):
    """A sealed value that none of the configured keys opens in this place."""


class KeyRing:
    """Keys by id; the first seals, every one opens.

    `place` is authenticated with the value (for example `sp_key:7:<id>`), so that a sealed value copied into another
    tenant's row does not open there.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._active = next(iter(keys))

    def seal(self, value: bytes, place: str) -> str:
        """Encrypt under the active key."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, value, place.encode())
        return f"{VERSION}.{self._active}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: str) -> bytes:
        """Decrypt, or raise SealBroken."""
        try:
            version, name, encoded = sealed.split(".", 2)
            raw = base64.urlsafe_b64decode(encoded)
            if version != VERSION:
                raise SealBroken(f"unknown form {version!r}")
            return self._ciphers[name].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode())
        except (KeyError, ValueError, InvalidTag) as error:
            raise SealBroken("no configured key opens this value here") from error
