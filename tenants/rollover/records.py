"""Records of a tenant's own keys, in every state; private halves stay where they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, savepoint, write
from config.isolation import every_tenant
from tenants.models import OwnPublicKey, ServiceProviderKey, Tenant
from tenants.rollover.errors import KeyTaken, NextExists

MAX_LISTED = 100
NEXT, ACTIVE, RETIRING, RETIRED = "next", "active", "retiring", "retired"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """One of a tenant's own key pairs, without its private half. `is_erased`: that half is gone."""

    id: str
    use: str
    state: str
    certificate: str
    imported: bool
    ends_at: dt.datetime
    created_at: dt.datetime
    promoted_at: dt.datetime | None
    replaced_at: dt.datetime | None
    retire_at: dt.datetime | None
    retired_at: dt.datetime | None
    is_erased: bool


@dataclass(frozen=True, slots=True)
class DueKey:
    """A key with which a job has something to do."""

    tenant_id: int
    id: str
    use: str
    promoted_at: dt.datetime | None
    replaced_at: dt.datetime | None
    retired_at: dt.datetime | None


_ROW = ServiceProviderKey.__table__
_COLUMNS = (
    *(ServiceProviderKey.id, ServiceProviderKey.use, ServiceProviderKey.state, ServiceProviderKey.certificate),
    *(ServiceProviderKey.imported, ServiceProviderKey.ends_at, ServiceProviderKey.created_at),
    *(ServiceProviderKey.promoted_at, ServiceProviderKey.replaced_at, ServiceProviderKey.retire_at),
    *(ServiceProviderKey.retired_at, ServiceProviderKey.sealed_private_key.is_(None).label("is_erased")),
)
_DUE_COLUMNS = (
    *(ServiceProviderKey.tenant_id, ServiceProviderKey.id, ServiceProviderKey.use),
    *(ServiceProviderKey.promoted_at, ServiceProviderKey.replaced_at, ServiceProviderKey.retired_at),
)


def keys_of(tenant_id: int) -> list[OwnKey]:
    """The keys of a tenant, signing ones first, the newest first; of retired ones no more than anybody wants to see."""
    statement = (
        sa.select(*_COLUMNS)
        .where(ServiceProviderKey.tenant_id == tenant_id)
        .order_by(
            sa.case((ServiceProviderKey.state == RETIRED, 1), else_=0),
            ServiceProviderKey.created_at.desc(),
            ServiceProviderKey.id.desc(),
        )
        .limit(MAX_LISTED)
    )
    found = [OwnKey(*row) for row in read(statement)]
    return sorted(found, key=lambda key: (key.use == "signing", key.created_at, key.id), reverse=True)


def find_key(tenant_id: int, key_id: str) -> OwnKey | None:
    """One key of a tenant."""
    statement = sa.select(*_COLUMNS).where(ServiceProviderKey.tenant_id == tenant_id, ServiceProviderKey.id == key_id)
    row = read(statement).one_or_none()
    return OwnKey(*row) if row else None


def insert_key(values: Mapping[str, Any], public_sha256: str) -> None:
    """Add a key pair, its private half sealed; the database decides whether it may be.

    Raises:
        KeyTaken: the pair is, or was, somebody's. NextExists: there is one in its place.
    """
    try:
        with savepoint():
            write(sa.insert(OwnPublicKey.__table__).values(sha256=public_sha256, tenant_id=values["tenant_id"]))
    except sa.exc.IntegrityError:
        raise KeyTaken("the hash of its public half is known") from None
    try:
        with savepoint():
            write(sa.insert(_ROW).values(**values))
    except sa.exc.IntegrityError:
        raise NextExists("one of its use is in this state") from None


def move_key(tenant_id: int, key_id: str, was: str, **values: Any) -> bool:
    """Change a key that is in the state `was`; False where it is in another one by now."""
    statement = sa.update(ServiceProviderKey).where(
        ServiceProviderKey.tenant_id == tenant_id, ServiceProviderKey.id == key_id, ServiceProviderKey.state == was
    )
    return write(statement.values(**values)).rowcount == 1


def erase_private_half(key: DueKey, now: dt.datetime) -> bool:
    """Erase it, unless the key was in use again since it was found; one that retired anew has its time before it."""
    one = (ServiceProviderKey.tenant_id == key.tenant_id, ServiceProviderKey.id == key.id)
    unchanged = (ServiceProviderKey.state == RETIRED, ServiceProviderKey.retired_at == key.retired_at)
    statement = sa.update(ServiceProviderKey).where(*one, *unchanged).values(sealed_private_key=None, erased_at=now)
    return write(statement).rowcount == 1


def keys_to_retire(now: dt.datetime, limit: int) -> list[DueKey]:
    """Retiring keys whose grace is over, of every tenant."""
    statement = sa.select(*_DUE_COLUMNS).where(
        ServiceProviderKey.state == RETIRING,
        ServiceProviderKey.retire_at <= now,
        ServiceProviderKey.sealed_private_key.is_not(None),
    )
    with every_tenant():
        return [DueKey(*row) for row in read(statement.order_by(ServiceProviderKey.retire_at).limit(limit))]


def keys_to_erase(before: dt.datetime, limit: int) -> list[DueKey]:
    """Retired keys that were retired before a moment and still have their private half, of every tenant."""
    statement = sa.select(*_DUE_COLUMNS).where(
        ServiceProviderKey.state == RETIRED,
        ServiceProviderKey.retired_at <= before,
        ServiceProviderKey.sealed_private_key.is_not(None),
    )
    with every_tenant():
        return [DueKey(*row) for row in read(statement.order_by(ServiceProviderKey.retired_at).limit(limit))]


def remove_old_keys(before: dt.datetime, limit: int) -> int:
    """Remove rows of keys that were erased before a moment; the hash of their public half stays, and so does the audit."""
    old = (
        sa.select(ServiceProviderKey.tenant_id, ServiceProviderKey.id)
        .where(ServiceProviderKey.erased_at < before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = sa.delete(ServiceProviderKey).where(sa.tuple_(ServiceProviderKey.tenant_id, ServiceProviderKey.id).in_(old))
    with every_tenant():
        return write(statement).rowcount


def version_moves(tenant_id: int) -> None:
    """Let every worker build this tenant's trust anew, a deleted tenant's too."""
    write(sa.update(Tenant).where(Tenant.id == tenant_id).values(version=Tenant.version + 1))
