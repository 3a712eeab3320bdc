"""Records of who fetches a tenant's metadata: few rows for each tenant, however many come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, transaction, write
from config.isolation import every_tenant
from tenants.key_models import MetadataReader
from tenants.rollover.products import is_by_hand

MAX_READERS = 50
MAX_OF_ONE_ADDRESS = 10
"""So that nobody who calls himself something else each time takes all the places."""
STALE = dt.timedelta(days=30)
"""Who has not come for so long makes room where there is none."""
READERS_KEPT_FOR = dt.timedelta(days=90)
BATCH = 200


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who has fetched a tenant's metadata; `key_ids` is what they saw the last time."""

    id: str
    address: str
    user_agent: str
    first_at: dt.datetime
    last_at: dt.datetime
    key_ids: tuple[str, ...]


def familiar_readers(key_id: str, made_at: dt.datetime, readers: Sequence[Reader]) -> list[Reader]:
    """Those who have seen a key and look like somebody who came before it was made: from there, or under that name.

    Metadata is public, so anybody can have fetched it since. Who came before is likely to be the identity provider; address
    and name are as they were seen, and both can be imitated by whoever has learnt them.
    """
    before = [reader for reader in readers if reader.first_at < made_at and not is_by_hand(reader.user_agent)]
    places, names = {reader.address for reader in before}, {reader.user_agent for reader in before if reader.user_agent}
    seen = (reader for reader in readers if key_id in reader.key_ids and not is_by_hand(reader.user_agent))
    return [reader for reader in seen if reader.address in places or reader.user_agent in names]


_COLUMNS = (
    *(MetadataReader.id, MetadataReader.address, MetadataReader.user_agent),
    *(MetadataReader.first_at, MetadataReader.last_at, MetadataReader.key_ids),
)


def readers_of(tenant_id: int) -> list[Reader]:
    """Who has fetched, the last one first; 50 at most."""
    statement = sa.select(*_COLUMNS).where(MetadataReader.tenant_id == tenant_id)
    rows = read(statement.order_by(MetadataReader.last_at.desc(), MetadataReader.id).limit(MAX_READERS))
    return [_reader(row) for row in rows]


def find_reader(tenant_id: int, address: str, user_agent: str) -> Reader | None:
    """The one who calls himself so and comes from there."""
    statement = sa.select(*_COLUMNS).where(
        MetadataReader.tenant_id == tenant_id,
        MetadataReader.address == address,
        MetadataReader.user_agent == user_agent,
    )
    row = read(statement).one_or_none()
    return _reader(row) if row else None


def _reader(row: sa.Row[Any]) -> Reader:
    return Reader(**{**row._mapping, "key_ids": tuple(row.key_ids)})


def came_again(tenant_id: int, reader_id: str, key_ids: Sequence[str], now: dt.datetime) -> None:
    """Note another fetch."""
    statement = sa.update(MetadataReader).where(MetadataReader.tenant_id == tenant_id, MetadataReader.id == reader_id)
    write(statement.values(last_at=now, key_ids=list(key_ids)))


def has_room(tenant_id: int, address: str, now: dt.datetime) -> bool:
    """Whether one more may be added; one who has not come for long gives his place up for it."""
    of_tenant = MetadataReader.tenant_id == tenant_id
    count = sa.select(sa.func.count()).select_from(MetadataReader).where(of_tenant)
    if read(count.where(MetadataReader.address == address)).scalar_one() >= MAX_OF_ONE_ADDRESS:
        return False
    if read(count).scalar_one() < MAX_READERS:
        return True
    oldest = sa.select(MetadataReader.id).where(of_tenant, MetadataReader.last_at < now - STALE)
    chosen = read(oldest.order_by(MetadataReader.last_at).limit(1)).scalar_one_or_none()
    if chosen is None:
        return False
    write(sa.delete(MetadataReader).where(of_tenant, MetadataReader.id == chosen))
    return True


def add_reader(tenant_id: int, address: str, user_agent: str, key_ids: Sequence[str], now: dt.datetime) -> None:
    """Add somebody who has not come before."""
    values = {"tenant_id": tenant_id, "id": new_id(), "address": address, "user_agent": user_agent}
    write(sa.insert(MetadataReader.__table__).values(**values, first_at=now, last_at=now, key_ids=list(key_ids)))


def purge_readers(now: dt.datetime) -> int:
    """Remove a batch of those who have not come for long; how many."""
    old = (
        sa.select(MetadataReader.tenant_id, MetadataReader.id)
        .where(MetadataReader.last_at < now - READERS_KEPT_FOR)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    with every_tenant(), transaction():
        return write(sa.delete(MetadataReader).where(sa.tuple_(MetadataReader.tenant_id, MetadataReader.id).in_(old))).rowcount
