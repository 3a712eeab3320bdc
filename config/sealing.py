"""Secrets at rest: AES-256-GCM under rotatable keys, bound to the row that holds them."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
DERIVED_BYTES = 32
VERSION = "v1"


SEALED = "sealed"
"""Where a column's `info` says that its values are sealed, and to what."""


@dataclass(frozen=True, slots=True, init=False)
class SealedTo:
    """What a column's values are sealed to: a word, and what names the row, `sp_key:7:<id>`.

    Every sealed column says so in its `info`; config.resealing finds it there, so that none is left under an old key.
    """

    word: str
    columns: tuple[str, ...]

    def __init__(self, word: str, *columns: str) -> None:
        object.__setattr__(self, "word", word)
        object.__setattr__(self, "columns", columns)

    def place(self, row: Mapping[str, Any]) -> str:
        """The place of one row's value."""
        return ":".join([self.word, *(str(row[name]) for name in self.columns)])

    def as_info(self) -> dict[str, Any]:
        """For `mapped_column(info=…)`."""
        return {SEALED: self}


SEALED_BY_OTHERS: Mapping[str, Any] = {SEALED: None}
"""The `info` of a column that is sealed with keys of somebody else's, which this service does not keep."""


class SealBroken(Exception):
    """A sealed value that none of the configured keys opens in this place."""


class KeyRing:
    """Keys by id; the first seals, every one opens.

    `place` is authenticated with the value (for example `sp_key:7:<id>`), so that a sealed value copied into another
    tenant's row does not open there.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._active = next(iter(keys))

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of all keys, the active one first."""
        return tuple(self._ciphers)

    def derived(self, name: str, purpose: str) -> bytes:
        """A key of its own for one purpose, from the key of this name (RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=DERIVED_BYTES, salt=None, info=purpose.encode()).derive(self._keys[name])

    @staticmethod
    def prefix_of(name: str) -> str:
        """How everything begins that the key of this id has sealed."""
        return f"{VERSION}.{name}."

    def seal(self, value: bytes, place: str) -> str:
        """Encrypt under the active key."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, value, place.encode())
        return f"{self.prefix_of(self._active)}{base64.urlsafe_b64encode(nonce + sealed).decode()}"

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
