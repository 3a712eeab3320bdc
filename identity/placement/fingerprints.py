"""Fingerprints of the values that a sign-in brought: rules can be tried on them, and nobody can read the values out of them.

A fingerprint is six octets of keyed BLAKE2b (RFC 7693; a seventh of the time of an HMAC) over an attribute's name and one of
its values, under a key that is derived from SECRET_KEYS for one tenant. Whoever has the database alone can neither read a value
nor try one; whoever has the key as well can try values. Two values meet by chance once in 280 million million.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from config.sealing import KeyRing
from tenants.own_keys import fingerprint_purpose
from tenants.placement_rules import HasAny

MOST = 200
"""Values of one sign-in. Attributes with few values come first: of a person with thousands of groups, groups are cut."""
OCTETS = 6
CUT = "+"
"""Stands in front where there were more."""


def fingerprints_of(key: tuple[str, bytes], attributes: Mapping[str, tuple[str, ...]]) -> str:
    """What is kept of verified attributes: the key's name, and a fingerprint of each value."""
    name, secret = key
    pairs = [
        (attribute, value)
        for attribute in sorted(attributes, key=lambda attribute: (len(attributes[attribute]), attribute))
        for value in attributes[attribute]
    ]
    listed = b"".join(_fingerprint(secret, attribute, value) for attribute, value in pairs[:MOST])
    return f"{CUT if len(pairs) > MOST else ''}{name}:{base64.b64encode(listed).decode('ascii')}"


class FingerprintReader:
    """Tells whether somebody had a value, by the fingerprints of a sign-in; for one tenant, under any configured key."""

    def __init__(self, keys: KeyRing, tenant_id: int) -> None:
        self._secrets = {name: keys.derived(name, fingerprint_purpose(tenant_id)) for name in keys.names}
        self._known: dict[tuple[str, str, tuple[str, ...]], frozenset[bytes]] = {}

    def reads(self, text: str | None) -> HasAny | None:
        """The question what values somebody had; None where it has no answer: no fingerprints, or a key that is gone."""
        if text is None:
            return None
        name, colon, encoded = text.removeprefix(CUT).rpartition(":")
        if not colon or name not in self._secrets:
            return None
        listed = base64.b64decode(encoded)
        held = {listed[start : start + OCTETS] for start in range(0, len(listed), OCTETS)}
        return lambda attribute, values: not held.isdisjoint(self._of(name, attribute, values))

    def _of(self, name: str, attribute: str, values: tuple[str, ...]) -> frozenset[bytes]:
        key = (name, attribute, values)
        if key not in self._known:
            self._known[key] = frozenset(_fingerprint(self._secrets[name], attribute, value) for value in values)
        return self._known[key]


def is_cut(text: str | None) -> bool:
    """Whether somebody had more values than are kept, so that a rule may be met that does not seem to be."""
    return text is not None and text.startswith(CUT)


def _fingerprint(secret: bytes, attribute: str, value: str) -> bytes:
    # No attribute's name holds NUL (XML 1.0 2.2), so no two pairs are the same octets.
    return hashlib.blake2b(f"{attribute}\x00{value}".encode("utf-8", "surrogatepass"), digest_size=OCTETS, key=secret).digest()
