"""A tenant's own private keys, opened when one is needed, and only so many at a time.

A key that was used once takes 9 KiB, since OpenSSL keeps what it computed then; opening it anew costs a look-up and 0.3 ms.
Hot keys stay open, and ten thousand tenants that sign in once a day cost nothing in between.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from config.database import read
from config.isolation import every_tenant
from config.sealing import KeyRing, SealBroken
from config.statements import Prepared
from tenants.models import ServiceProviderKey
from tenants.records import key_place
from tenants.service_provider import load_private_key

MAX_OPEN_KEYS = 1_024
"""9 MiB of opened keys in each worker."""

_FIND = Prepared(
    sa.select(ServiceProviderKey.sealed_private_key).where(
        ServiceProviderKey.tenant_id == sa.bindparam("tenant_id"), ServiceProviderKey.id == sa.bindparam("key_id")
    )
)
_OLDEST = (
    sa.select(ServiceProviderKey.tenant_id, ServiceProviderKey.id, ServiceProviderKey.sealed_private_key)
    .where(ServiceProviderKey.sealed_private_key.is_not(None))
    .order_by(ServiceProviderKey.id)
)
_NEWEST = _OLDEST.order_by(None).order_by(ServiceProviderKey.id.desc())


def opens_what_is_stored(keys: KeyRing) -> bool:
    """Whether these keys open the oldest and the newest private key: those of another database, or too few, do not."""
    with every_tenant():
        rows = [row for statement in (_OLDEST, _NEWEST) for row in read(statement.limit(1))]
    try:
        for tenant_id, key_id, sealed in rows:
            keys.open(sealed, key_place(tenant_id, key_id))
    except SealBroken:
        return False
    return True


def fingerprint_purpose(tenant_id: int) -> str:
    """What a tenant's key for fingerprints is derived for."""
    return f"vestibule placement fingerprints {tenant_id}"


class OpenKeys:
    """The keys that are open in this process; safe under threads. A row never changes its key, so none goes stale."""

    def __init__(self, keys: KeyRing, limit: int = MAX_OPEN_KEYS) -> None:
        self._keys = keys
        self._limit = limit
        self._open: OrderedDict[tuple[int, str], rsa.RSAPrivateKey] = OrderedDict()
        self._lock = threading.Lock()

    def fingerprint_key(self, tenant_id: int) -> tuple[str, bytes]:
        """What values that come to this tenant are fingerprinted with now: the name of a key, and one derived from it."""
        name = self._keys.names[0]
        return name, self._keys.derived(name, fingerprint_purpose(tenant_id))

    def key(self, tenant_id: int, key_id: str) -> rsa.RSAPrivateKey:
        """One key of one tenant.

        Raises:
            LookupError: there is no such row any more, or its private half was erased.
            SealBroken: no configured key opens it there.
        """
        place = (tenant_id, key_id)
        with self._lock:
            if place in self._open:
                self._open.move_to_end(place)
                return self._open[place]
        row = _FIND.one_or_none({"tenant_id": tenant_id, "key_id": key_id})
        if row is None or row.sealed_private_key is None:
            raise LookupError("a key that was removed a moment ago")
        key = load_private_key(self._keys.open(row.sealed_private_key, key_place(tenant_id, key_id)))
        with self._lock:
            self._open[place] = key
            while len(self._open) > self._limit:
                self._open.popitem(last=False)
        return key

    def all(self, tenant_id: int, key_ids: Sequence[str]) -> tuple[rsa.RSAPrivateKey, ...]:
        """Several keys of one tenant, in order."""
        return tuple(self.key(tenant_id, key_id) for key_id in key_ids)

    def keep_only(self, tenant_id: int, key_ids: Sequence[str]) -> None:
        """Forget whatever else of this tenant is open: a retired key does not stay in memory."""
        with self._lock:
            for place in [place for place in self._open if place[0] == tenant_id and place[1] not in key_ids]:
                del self._open[place]
