"""Signatures of seals: Ed25519 keys derived from SECRET_KEYS, so that auditors can verify with the public half alone."""

from __future__ import annotations

import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenants.sealing.encoding import SEAL_LABEL

PURPOSE = b"vestibule audit seal Ed25519 v1"
SEED_BYTES = 32
NAME_CHARACTERS = 60


class SealKeys:
    """The keys that seals are signed with, one for each of SECRET_KEYS; the first one signs, all of them are ours."""

    def __init__(self, secret_keys: Mapping[str, bytes]) -> None:
        self._private = {name[:NAME_CHARACTERS]: _derived(secret) for name, secret in secret_keys.items()}
        self.active_name = next(iter(self._private))
        self.public = {name: key.public_key().public_bytes_raw().hex() for name, key in self._private.items()}

    @property
    def active(self) -> str:
        """The public half of the key that signs now, in hexadecimal."""
        return self.public[self.active_name]

    def are_ours(self, public_key: str) -> bool:
        """Whether the private half of a public key is ours."""
        return public_key in self.public.values()

    def sign(self, digest: str) -> str:
        """Sign a seal's hash; both in hexadecimal."""
        return self._private[self.active_name].sign(SEAL_LABEL + bytes.fromhex(digest)).hex()


def is_signed(public_key: str, digest: str, signature: str) -> bool:
    """Whether a seal's hash was signed by the key that the seal names; whose key that is, is another question."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), SEAL_LABEL + bytes.fromhex(digest))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _derived(secret: bytes) -> Ed25519PrivateKey:
    """A key for this purpose alone: SECRET_KEYS seal secrets at rest with AES, and must do nothing else."""
    seed = HKDF(SHA256(), SEED_BYTES, salt=None, info=PURPOSE).derive(secret)
    return Ed25519PrivateKey.from_private_bytes(seed)
