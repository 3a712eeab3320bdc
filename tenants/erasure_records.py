"""Records of what is erased of a deleted tenant: everything of its own, but for what has to outlive it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from config.database import Base, read, write
from config.isolation import every_tenant
from tenants.models import DELETED, Tenant

KEPT = frozenset({"my_domain", "own_public_key", "audit_event", "audit_seal", "refusal_seal", "unsealed_event"})
"""MyDomains stay reserved and key pairs known, so that neither gets into other hands; audit is for ever (T1, K2, L2)."""


def tables_to_erase() -> list[sa.Table]:
    """Every table with rows of tenants, those that refer to others first: there is no list that one could be missing from."""
    ordered = reversed(Base.metadata.sorted_tables)
    return [table for table in ordered if "tenant_id" in table.c and table.name not in KEPT]


def tenants_to_erase(before: dt.datetime, limit: int) -> list[int]:
    """Tenants that were deleted before a moment and of which something may be left."""
    statement = sa.select(Tenant.id).where(*_is_due(before)).order_by(Tenant.deleted_at)
    with every_tenant():
        return list(read(statement.limit(limit)).scalars())


def erase_rows(table: sa.Table, tenant_id: int, before: dt.datetime, batch: int) -> int:
    """Remove a batch of one tenant's rows; none where it is not one that was deleted before that moment.

    Rows that refer to rows of their own table go in one statement, at whose end the database looks.
    """
    is_due = sa.exists().where(Tenant.id == tenant_id, *_is_due(before))
    rows = sa.select(*table.primary_key.columns).where(table.c.tenant_id == tenant_id, is_due)
    if not any(key.referred_table is table for key in table.foreign_key_constraints):
        rows = rows.limit(batch).with_for_update(skip_locked=True, of=table)
    key = sa.tuple_(*table.primary_key.columns)
    return write(sa.delete(table).where(table.c.tenant_id == tenant_id, key.in_(rows))).rowcount


def is_left(table: sa.Table, tenant_id: int) -> bool:
    """Whether a table still has rows of a tenant: another process may hold some."""
    return read(sa.select(sa.literal(1)).select_from(table).where(table.c.tenant_id == tenant_id).limit(1)).first() is not None


def mark_erased(tenant_id: int, now: dt.datetime) -> bool:
    """Note that nothing is left; False where another process has done so."""
    one = (Tenant.id == tenant_id, Tenant.state == DELETED, Tenant.erased_at.is_(None))
    return write(sa.update(Tenant).where(*one).values(erased_at=now)).rowcount == 1


def _is_due(before: dt.datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (Tenant.state == DELETED, Tenant.deleted_at <= before, Tenant.erased_at.is_(None))
