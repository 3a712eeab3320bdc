"""Records across tenants, for the jobs that seal."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read
from tenants.sealing.records import dashed, text_of


def oldest_waiting(waiting: sa.Table, limit: int) -> list[tuple[int, str, int]]:
    """For each tenant with events that wait, the lowest id and how many there are; across tenants, for the job."""
    lowest = sa.func.min(text_of(waiting.c.event_id))  # PostgreSQL 15 knows no least of UUIDs
    statement = sa.select(waiting.c.tenant_id, lowest, sa.func.count()).group_by(waiting.c.tenant_id)
    return [(row[0], dashed(row[1]), row[2]) for row in read(statement.order_by(lowest).limit(limit))]


def page_of_chains(tenants: sa.Table, after: int, limit: int) -> list[tuple[int, str | None]]:
    """Every tenant behind an id, deleted ones too, with its MyDomain while it has one: each of them has a chain."""
    slug = sa.case((tenants.c.deleted_at.is_(None), tenants.c.slug))
    rows = read(sa.select(tenants.c.id, slug).where(tenants.c.id > after).order_by(tenants.c.id).limit(limit))
    return [(row[0], row[1]) for row in rows]


def chain_heads(seals: sa.Table, tenants: sa.Table, after: int, limit: int) -> list[tuple[int, str | None]]:
    """For each tenant behind an id: the public key of its newest seal, None where it has none; across tenants, for the job."""
    newest = sa.select(seals.c.public_key).where(seals.c.tenant_id == tenants.c.id).order_by(seals.c.number.desc()).limit(1)
    statement = sa.select(tenants.c.id, newest.scalar_subquery()).where(tenants.c.id > after)
    return [(row[0], row[1]) for row in read(statement.order_by(tenants.c.id).limit(limit))]
