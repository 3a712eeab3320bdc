"""Flow: a key pair gets its row, sealed to it, whoever made it."""

from __future__ import annotations

import datetime as dt

from config.database import new_id
from config.sealing import KeyRing
from tenants.records import key_place
from tenants.rollover.records import ACTIVE, insert_key
from tenants.service_provider import KeyUse, NewKeyPair


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
