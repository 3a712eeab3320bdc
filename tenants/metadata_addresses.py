"""Which network addresses metadata may be fetched from: public ones, and private ones that the operator has listed.

The table is ours and not `ipaddress.is_global`, whose answer changes between Python versions and calls multicast global.
Source: IANA special-purpose address registries (RFC 6890).
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from config.settings import Network
from tenants.metadata_errors import FetchFailed, FetchTimeout

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str], Sequence[str]]
"""Host name to addresses as text; raises OSError where there are none."""

MAX_LOOKUPS = 16
"""Look-ups under way in one process. One that hangs keeps its place until the system's resolver gives up."""
MAX_OF_ONE_TENANT = 4
"""So that whose name servers never answer takes the places of nobody else."""

LOCALHOST = ("127.0.0.1", "::1")

_CLOSED_NETWORKS: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a carrier's private network"),
        ("127.0.0.0/8", "the loopback address"),
        ("168.63.129.16/32", "a cloud's own service address"),  # Azure's, the one such address outside of closed networks
        ("169.254.0.0/16", "a link-local address"),  # cloud metadata services among them
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "a reserved network"),
        ("192.0.2.0/24", "a network for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "a private network"),
        ("198.18.0.0/15", "a network for benchmarks"),
        ("198.51.100.0/24", "a network for documentation"),
        ("203.0.113.0/24", "a network for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved network"),
        ("::/128", "an unspecified address"),
        ("::1/128", "the loopback address"),
        ("64:ff9b::/96", "an address that embeds another (NAT64)"),
        ("64:ff9b:1::/48", "an address that embeds another (NAT64)"),
        ("2001::/23", "a reserved network"),  # Teredo, which embeds another address, among them
        ("2001:db8::/32", "a network for documentation"),
        ("2002::/16", "an address that embeds another (6to4)"),
        ("3fff::/20", "a network for documentation"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

_places = threading.Condition()
_taken: Counter[int] = Counter()
"""Look-ups under way by whose they are; guarded by `_places`."""


def is_listed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether the operator has listed this address (METADATA_ALLOWED_NETWORKS)."""
    return any(address in network for network in networks)


def why_closed(address: Address) -> str | None:
    """What kind of address this is, where it is not a public one."""
    for network, kind in _CLOSED_NETWORKS:
        if address in network:
            return kind
    return "a reserved network" if address.version == 6 and address not in _GLOBAL_UNICAST else None


def addresses_of(host: str, resolver: Resolver, deadline: float, *, whose: int = 0) -> tuple[Address, ...]:
    """The addresses that a host name has now, in the resolver's order; an IPv4-mapped one becomes the IPv4 address.

    `localhost` and all names under it are this machine, whatever a name server says (RFC 6761 6.3).

    Args:
        whose: the tenant that named the host; 0 for the service's own.

    Raises:
        FetchTimeout: nothing came until the deadline (time.monotonic).
        FetchFailed: there is no such name.
    """
    found: Sequence[str]
    if _is_address(host):
        found = (host,)
    elif host == "localhost" or host.endswith(".localhost"):
        found = LOCALHOST
    else:
        found = _look_up(host, resolver, deadline, whose)
    addresses = dict.fromkeys(_unmapped(ipaddress.ip_address(text.partition("%")[0])) for text in found)
    if not addresses:
        raise FetchFailed(f"{host} has no address", host=host, stage="dns")
    return tuple(addresses)


def system_resolver(host: str) -> Sequence[str]:
    """The addresses that the operating system knows for a name."""
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def _look_up(host: str, resolver: Resolver, deadline: float, whose: int) -> Sequence[str]:
    """Ask in a thread: getaddrinfo takes no time limit, so that the caller has to be able to leave it behind."""
    answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host))
        except (OSError, UnicodeError) as error:
            answers.put(error)
        finally:
            _give_back(whose)

    if not _take(whose, deadline):
        raise FetchTimeout("too many name look-ups are under way", host=host, stage="dns")
    threading.Thread(target=ask, name="metadata-look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise FetchTimeout(f"no name server answered for {host} in time", host=host, stage="dns") from None
    if isinstance(answer, Exception):
        why = getattr(answer, "strerror", None) or answer
        raise FetchFailed(f"the name {host} cannot be found: {why}"[:300], host=host, stage="dns")
    return answer


def _take(whose: int, deadline: float) -> bool:
    def is_free() -> bool:
        return _taken.total() < MAX_LOOKUPS and (whose == 0 or _taken[whose] < MAX_OF_ONE_TENANT)

    with _places:
        free = _places.wait_for(is_free, timeout=max(0.0, deadline - time.monotonic()))
        if free:
            _taken[whose] += 1
        return free


def _give_back(whose: int) -> None:
    with _places:
        _taken[whose] -= 1
        if not _taken[whose]:
            del _taken[whose]  # forgets tenants that look up nothing
        _places.notify_all()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unmapped(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
