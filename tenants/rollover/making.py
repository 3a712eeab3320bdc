"""Flow: a key pair is made, and gets its row, sealed to it, whoever made it."""

from __future__ import annotations

import datetime as dt

from config.database import new_id, transaction
from config.sealing import KeyRing
from tenants.errors import RateLimited
from tenants.rates import Rate, require_rate
from tenants.records import key_place
from tenants.rollover.errors import NextExists, TooManyMade
from tenants.rollover.records import ACTIVE, NEXT, insert_key, keys_of
from tenants.service_provider import LIFETIME, RSA_BITS, KeyUse, NewKeyPair, new_key_pair
from tenants.tenant_records import ManagedTenant

MIN_LIFETIME_DAYS = 30
MAX_LIFETIME_DAYS = LIFETIME.days
MAX_MADE_A_DAY = 10
"""Of one use: each takes CPU time to make, and a row for years."""
DAY = dt.timedelta(days=1)
MAKING = Rate("key_making", per_minute=6, burst=6)
"""A key takes a second of CPU time."""


def require_turn(tenant_id: int, use: str, now: dt.datetime) -> None:
    """Another key may be made or read: asked before what is slow, so that many requests at once cost no more than a few.

    Raises:
        NextExists, TooManyMade.
    """
    require_room(tenant_id, use, now)
    try:
        with transaction():
            require_rate(tenant_id, MAKING, now)
    except RateLimited as refusal:
        raise TooManyMade("too many at once", **refusal.detail) from None


def require_room(tenant_id: int, use: str, now: dt.datetime) -> None:
    """There is no next key of this use yet, and not too many were made.

    Raises:
        NextExists, TooManyMade.
    """
    keys = [key for key in keys_of(tenant_id) if key.use == use]
    if any(key.state == NEXT for key in keys):
        raise NextExists(f"next {use} key")
    lately = [key.created_at for key in keys if key.created_at > now - DAY]
    if len(lately) >= MAX_MADE_A_DAY:
        raise TooManyMade(f"{len(lately)} in a day", retry_after=int((min(lately) + DAY - now).total_seconds()) + 1)


def draft_key(
    tenant: ManagedTenant,
    use: KeyUse,
    now: dt.datetime,
    *,
    lifetime_days: int = MAX_LIFETIME_DAYS,
    bits: int = RSA_BITS,
) -> NewKeyPair:
    """Make a key pair for a tenant; slow, and before any transaction.

    Raises:
        NextExists, TooManyMade: it would be for nothing.
    """
    require_turn(tenant.id, use, now)
    return new_key_pair(tenant.name, now, use, lifetime=dt.timedelta(days=lifetime_days), bits=bits)


def add_key_pair(tenant_id: int, use: KeyUse, pair: NewKeyPair, state: str, keys: KeyRing, now: dt.datetime) -> str:
    """Seal and store a key pair; its id.

    Raises:
        KeyTaken, NextExists.
    """
    key_id = new_id()
    values = {
        "tenant_id": tenant_id,
        "id": key_id,
        "use": use,
        "state": state,
        "certificate": pair.certificate_pem,
        "ends_at": pair.ends_at,
        "sealed_private_key": keys.seal(pair.private_der, key_place(tenant_id, key_id)),
        "imported": pair.imported,
        "created_at": now,
        "promoted_at": now if state == ACTIVE else None,
    }
    insert_key(values, pair.public_sha256)
    return key_id
