"""Addresses and entity IDs that are almost the right ones: what is different, in words (D3)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit


def near_miss(expected: str, actual: str, own_labels: Collection[str] = ()) -> str | None:
    """How `actual` misses `expected`, where that can be told; None where the two have nothing to do with each other.

    Args:
        own_labels: MyDomains of this organisation, present and former. Another label below the same domain is told as just
            that: whether somebody has it is nobody else's business.
    """
    if actual.strip() == expected != actual:
        return "There are blanks around it."
    if actual.rstrip("/") == expected.rstrip("/"):
        return "It has a slash too many at the end." if actual.endswith("/") else "The slash at the end is missing."
    if actual.lower() == expected.lower():
        return "Capital and small letters differ; they count."
    wanted, found = _split(expected), _split(actual)
    if wanted is None or found is None or not found.netloc:
        return None
    if wanted[1:] == found[1:]:
        return f"It begins with {found.scheme}:// and not with {wanted.scheme}://."
    if wanted.netloc == found.netloc:
        return f"The host is right, the path is not: {found.path or '/'} and not {wanted.path or '/'}."
    return _other_host(wanted, found, own_labels)


def _other_host(wanted: SplitResult, found: SplitResult, own_labels: Collection[str]) -> str | None:
    if wanted.hostname == found.hostname:
        return "The port is another one."
    label, _, parent = (found.hostname or "").partition(".")
    if parent != (wanted.hostname or "").partition(".")[2]:
        return "The rest fits, the host is another one." if wanted.path == found.path else None
    if label in own_labels:
        return (
            f"{found.hostname} is an address of this organisation, but its entity ID and addresses for SAML stay those of "
            f"{wanted.hostname}, so that nothing has to be changed at the identity provider when a MyDomain changes."
        )
    return "It is the address of another organisation at this service: copy the values from here."


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:  # brackets that are no address
        return None
