"""Flows: the stages of a key's life, each one step that a person asks for (K2).

The edge opens the transaction; what is slow comes before it, as a key pair that was made or read. The tenant's row is held
from the first statement on, so two clicks at once follow each other and the second one finds what the first one did.
"""

from __future__ import annotations

import datetime as dt

from config.sealing import KeyRing
from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.rollover.errors import (
    ActiveStays,
    CertificateEnded,
    KeyErased,
    KeyStillUsed,
    KeyUnfetched,
    NothingToGoBackTo,
    NotNext,
    TooManyKeys,
)
from tenants.rollover.making import add_key_pair, require_room
from tenants.rollover.reader_records import familiar_readers, readers_of
from tenants.rollover.records import ACTIVE, NEXT, RETIRED, RETIRING, OwnKey, find_key, keys_of, move_key
from tenants.rollover.use_records import users_of
from tenants.rollover.uses import still_using
from tenants.service_provider import KeyUse, NewKeyPair
from tenants.tenant_records import ManagedTenant, bump_version

DEFAULT_GRACE_DAYS = 7
MAX_GRACE_DAYS = 90
MAX_RETIRING = 2
"""Of one use: each costs an RSA operation for every message that none of the others opens."""


def require_key(tenant_id: int, key_id: str) -> OwnKey:
    """One key of a tenant.

    Raises:
        NotFound
    """
    key = find_key(tenant_id, key_id)
    if key is None:
        raise NotFound(f"no key {key_id}")
    return key


def add_next_key(
    tenant: ManagedTenant, use: KeyUse, pair: NewKeyPair, keys: KeyRing, *, actor: str, now: dt.datetime
) -> OwnKey:
    """Publish a key pair as the next one: our metadata has it from now on, and an encryption key opens messages already.

    Raises:
        NextExists, TooManyMade, KeyTaken.
    """
    _hold(tenant)
    require_room(tenant.id, use, now)
    key_id = add_key_pair(tenant.id, use, pair, NEXT, keys, now)
    record(tenant.id, EventType.KEY_ADDED, at=now, actor=actor, key=key_id, use=use, imported=pair.imported)
    return require_key(tenant.id, key_id)


def promote(
    tenant: ManagedTenant,
    key_id: str,
    *,
    grace_days: int = DEFAULT_GRACE_DAYS,
    anyway: bool = False,
    actor: str,
    now: dt.datetime,
) -> OwnKey:
    """Let the next key take the active one's place; that one is retiring for the grace, or retired at once by one of 0 days.

    Raises:
        NotFound, NotNext, CertificateEnded, TooManyKeys. Unless `anyway`: KeyUnfetched, KeyStillUsed.
    """
    _hold(tenant)
    key = require_key(tenant.id, key_id)
    if key.state != NEXT:
        raise NotNext(key.state)
    if key.ends_at <= now:
        raise CertificateEnded(key.ends_at.isoformat())
    if key.use == "signing" and not anyway and not familiar_readers(key.id, key.created_at, readers_of(tenant.id)):
        raise KeyUnfetched("nobody who came before it was made has seen it")
    for other in [other for other in keys_of(tenant.id) if (other.use, other.state) == (key.use, ACTIVE)]:
        if grace_days == 0 and not anyway:
            _require_unused(tenant, other, now)
        _step_back(tenant.id, other, grace_days, now)
    move_key(tenant.id, key.id, NEXT, state=ACTIVE, promoted_at=now)
    terms = {"grace_days": grace_days, "anyway": anyway}
    record(tenant.id, EventType.KEY_PROMOTED, at=now, actor=actor, key=key.id, use=key.use, terms=terms)
    return require_key(tenant.id, key.id)


def retire(
    tenant: ManagedTenant, key_id: str, *, anyway: bool = False, erase: bool = False, actor: str, now: dt.datetime
) -> OwnKey:
    """End a retiring key, or discard the next one: not published, not decrypting. With `erase` its private half goes, too.

    Raises:
        NotFound, ActiveStays. Unless `anyway`: KeyStillUsed.
    """
    _hold(tenant)
    key = require_key(tenant.id, key_id)
    if key.state == ACTIVE:
        raise ActiveStays(key.use)
    if key.state != RETIRED:
        if not anyway:
            _require_unused(tenant, key, now)
        move_key(tenant.id, key.id, key.state, state=RETIRED, retired_at=now, retire_at=None)
        record(tenant.id, EventType.KEY_RETIRED, at=now, actor=actor, key=key.id, use=key.use, was=key.state, anyway=anyway)
    if erase and not key.is_erased:
        move_key(tenant.id, key.id, RETIRED, sealed_private_key=None, erased_at=now)
        record(tenant.id, EventType.KEY_ERASED, at=now, actor=actor, key=key.id, use=key.use)
    return require_key(tenant.id, key.id)


def roll_back(tenant: ManagedTenant, key_id: str, *, actor: str, now: dt.datetime) -> OwnKey:
    """Go back to a key that was active before; the one in its place is the next one again, or retires where there is a next.

    Raises:
        NotFound, NothingToGoBackTo, KeyErased, TooManyKeys.
    """
    _hold(tenant)
    key = require_key(tenant.id, key_id)
    if key.state not in (RETIRING, RETIRED) or key.replaced_at is None:
        raise NothingToGoBackTo(key.state)
    if key.is_erased:
        raise KeyErased(key.id)
    others = [other for other in keys_of(tenant.id) if other.use == key.use and other.id != key.id]
    has_next = any(other.state == NEXT for other in others)
    for other in [other for other in others if other.state == ACTIVE]:
        if has_next:
            move_key(tenant.id, key.id, key.state, state=RETIRED, retired_at=now)  # makes room before it is counted
            key = require_key(tenant.id, key.id)
            _step_back(tenant.id, other, DEFAULT_GRACE_DAYS, now)
        else:
            move_key(tenant.id, other.id, ACTIVE, state=NEXT, promoted_at=None)
    move_key(
        tenant.id, key.id, key.state, state=ACTIVE, promoted_at=now, replaced_at=None, retire_at=None, retired_at=None
    )
    record(tenant.id, EventType.KEY_ROLLED_BACK, at=now, actor=actor, key=key.id, use=key.use)
    return require_key(tenant.id, key.id)


def _hold(tenant: ManagedTenant) -> None:
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")


def _step_back(tenant_id: int, active: OwnKey, grace_days: int, now: dt.datetime) -> None:
    if grace_days == 0:
        move_key(tenant_id, active.id, ACTIVE, state=RETIRED, replaced_at=now, retired_at=now)
        return
    retiring = [key for key in keys_of(tenant_id) if (key.use, key.state) == (active.use, RETIRING)]
    if len(retiring) >= MAX_RETIRING:
        raise TooManyKeys(f"{len(retiring)} retiring {active.use} keys")
    retire_at = now + dt.timedelta(days=grace_days)
    move_key(tenant_id, active.id, ACTIVE, state=RETIRING, replaced_at=now, retire_at=retire_at)


def _require_unused(tenant: ManagedTenant, key: OwnKey, now: dt.datetime) -> None:
    users = still_using(key.id, users_of(tenant.id), now)
    if users:
        raise KeyStillUsed(f"{len(users)} identity providers", identity_providers=[user.idp for user in users])
