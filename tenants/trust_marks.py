"""What a test sign-in ran with, as a mark: the identity provider's side of a trust, and our own keys (A3).

A mark names each part by itself, so that two of them say what differs. What changes by the day and proves nothing, as how
long metadata is valid, is no part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenants.trust import Endpoint, PublicKey, SAMLTrust

ENTITY_ID, ENDPOINTS, SIGNING_KEYS = "entity_id", "endpoints", "signing_keys"
OWN_SIGNING_KEY, OWN_ENCRYPTION_KEY = "own_signing_key", "own_encryption_key"
PARTS = (ENTITY_ID, ENDPOINTS, SIGNING_KEYS, OWN_SIGNING_KEY, OWN_ENCRYPTION_KEY)
_ASKED_WITH = (ENDPOINTS, OWN_SIGNING_KEY)
_DIGITS = 32
"""Of each part's SHA-256; a column of 200 characters holds five of them."""


def mark_of(
    entity_id: str, sso: Iterable[Endpoint], keys: Iterable[PublicKey], own_certificate: bytes, own_encryption_key_id: str
) -> str:
    """The mark of what a sign-in is asked with and judged by.

    Args:
        own_certificate: of the key that signs our requests, as DER.
        own_encryption_key_id: of the active one, that identity providers are told of first.
    """
    endpoints = sorted(f"{endpoint.binding} {endpoint.location}" for endpoint in sso)
    pinned = sorted(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    parts = (
        [entity_id.encode()],
        [endpoint.encode() for endpoint in endpoints],
        pinned,
        [own_certificate],
        [own_encryption_key_id.encode()],
    )
    return ".".join(_digest(octets) for octets in parts)


def mark_of_trust(trust: SAMLTrust) -> str:
    """The mark of a trust as it is at this moment."""
    encryption_key_id = next(iter(trust.decryption_key_ids), "")
    return mark_of(trust.idp_entity_id, trust.sso, trust.signing_keys, trust.signing_certificate, encryption_key_id)


def mark_of_run(asked_with: str, judged_by: str) -> str:
    """What a whole test ran with: asked with one trust, judged by another one where metadata changed in between."""
    asked, judged = _parts_of(asked_with), _parts_of(judged_by)
    return ".".join((asked if name in _ASKED_WITH else judged)[name] for name in PARTS)


def differing(mark: str | None, other: str) -> tuple[str, ...]:
    """Names of the parts that two marks differ in; all of them where there is no mark to compare."""
    if mark is None:
        return PARTS
    before, after = _parts_of(mark), _parts_of(other)
    return tuple(name for name in PARTS if before[name] != after[name])


def _parts_of(mark: str) -> dict[str, str]:
    return dict(zip(PARTS, mark.split("."), strict=True))


def _digest(items: Iterable[bytes]) -> str:
    """Of several octet strings, each hashed by itself first: none can be taken for two."""
    whole = hashlib.sha256(b"".join(hashlib.sha256(item).digest() for item in items))
    return whole.hexdigest()[:_DIGITS]
