"""A look-up of TXT records in DNS: bounded in time, in number and in what is taken from an answer.

One of the two doors to the network. An answer that does not fit into UDP is asked for again over TCP by dnspython, which
also throws away answers that do not belong to its question.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from config.settings import Resolver
from tenants.domain_errors import DomainLookupFailed, DomainLookupTimeout, DomainRecordMissing
from tenants.errors import RateLimited

LOOKUP_SECONDS = 5.0
"""For one look-up as a whole, all servers and tries together."""
QUERY_SECONDS = 2.0
"""For one question to one server."""
MAX_RECORDS = 50
MAX_VALUE_OCTETS = 1024
MAX_LOOKUPS = 3
"""Look-ups under way in one process, one of each tenant: name servers that never answer hold so many of its threads, and no
more, and the tenant that names them takes nobody else's place."""

_under_way: set[int] = set()
_lock = threading.Lock()


def txt_values(name: str, resolvers: tuple[Resolver, ...], *, tenant_id: int) -> tuple[str, ...]:
    """The TXT values at a name, as text; the strings of one record are joined (RFC 7208 3.3).

    Args:
        resolvers: whom to ask; the system's resolvers where there are none.
        tenant_id: who wants to know.

    Raises:
        DomainRecordMissing: the name or its TXT records do not exist. DomainLookupTimeout, DomainLookupFailed.
        RateLimited: another look-up of the tenant's is under way, or too many of others.
    """
    with _place(tenant_id):
        try:
            answer = _resolver(resolvers).resolve(name, dns.rdatatype.TXT, lifetime=LOOKUP_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise DomainRecordMissing(f"{name}: {type(error).__name__}") from None
        except dns.exception.Timeout:
            raise DomainLookupTimeout(f"{name}: no answer within {LOOKUP_SECONDS:g} s") from None
        except (dns.exception.DNSException, OSError) as error:
            raise DomainLookupFailed(f"{name}: {type(error).__name__}") from None
    octets = [b"".join(record.strings) for record in list(answer)[:MAX_RECORDS]]
    return tuple(value[:MAX_VALUE_OCTETS].decode("utf-8", "replace") for value in octets)


@contextmanager
def _place(tenant_id: int) -> Iterator[None]:
    with _lock:
        if tenant_id in _under_way or len(_under_way) >= MAX_LOOKUPS:
            cause = "another look-up of the tenant's" if tenant_id in _under_way else "too many look-ups"
            raise RateLimited(f"{cause} under way", retry_after=math.ceil(LOOKUP_SECONDS))
        _under_way.add(tenant_id)
    try:
        yield
    finally:
        with _lock:
            _under_way.discard(tenant_id)


def _resolver(resolvers: tuple[Resolver, ...]) -> dns.resolver.Resolver:
    """A resolver without a cache: who has just mended a record wants to see it."""
    if not resolvers:
        found = dns.resolver.Resolver()
    else:
        found = dns.resolver.Resolver(configure=False)
        found.nameservers = [dns.nameserver.Do53Nameserver(str(server.address), server.port) for server in resolvers]
    found.timeout = QUERY_SECONDS
    return found
