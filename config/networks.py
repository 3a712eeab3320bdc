"""Whom an address belongs to, as far as counting goes."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """An address; of IPv6 the network of 64 bits, since whoever has one has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
