"""Records: staff's list of tenants by search, filter and order, paged by keyset at tens of thousands of tenants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from config.isolation import every_tenant
from tenants.folding import folded
from tenants.models import DELETED, EmailDomain, IdentityProvider, Tenant
from tenants.tenant_records import COLUMNS, KEY_CHARACTERS, ManagedTenant

EXPORT_BATCH = 500
SORTS: Mapping[str, sa.ColumnElement[Any]] = {
    "slug": Tenant.__table__.c.slug,
    "name": Tenant.__table__.c.name_key,
    "created": Tenant.__table__.c.created_at,
}


@dataclass(frozen=True, slots=True)
class TenantFilter:
    """Which tenants. `search` is a part of the name, the MyDomain or an e-mail domain; `domain` one of theirs, whole."""

    search: str = ""
    state: str | None = None
    domain: str | None = None
    created_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class TenantOrder:
    """By what tenants are sorted, and which way."""

    name: str = "slug"
    descending: bool = False


def list_tenants(which: TenantFilter, order: TenantOrder, after: ManagedTenant | None, limit: int) -> list[ManagedTenant]:
    """Tenants from behind `after` on, where the page before ended; across tenants, for staff only."""
    key, direction = SORTS[order.name], sa.desc if order.descending else sa.asc
    statement = sa.select(*COLUMNS).where(*_conditions(which))
    if after is not None:
        here = sa.tuple_(key, Tenant.id)
        there = sa.tuple_(sa.literal(_value(after, order.name), key.type), sa.literal(after.id, Tenant.id.type))
        statement = statement.where(here < there if order.descending else here > there)
    found = read(statement.order_by(direction(key), direction(Tenant.id)).limit(limit))
    return [ManagedTenant(**row._mapping) for row in found]


def count_tenants(which: TenantFilter) -> int:
    """How many there are."""
    return int(read(sa.select(sa.func.count()).select_from(Tenant).where(*_conditions(which))).scalar_one())


def every_tenant_of(which: TenantFilter, order: TenantOrder) -> Iterator[ManagedTenant]:
    """All of them, read in steps: for exports."""
    after: ManagedTenant | None = None
    while found := list_tenants(which, order, after, EXPORT_BATCH):
        yield from found
        after = found[-1]


def providers_by_tenant(tenant_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names, for people, of the identity providers of each of these tenants."""
    statement = (
        sa.select(IdentityProvider.tenant_id, IdentityProvider.display_name)
        .where(IdentityProvider.tenant_id.in_(list(tenant_ids)), IdentityProvider.deleted_at.is_(None))
        .order_by(IdentityProvider.tenant_id, IdentityProvider.name)
    )
    found: dict[int, list[str]] = {tenant_id: [] for tenant_id in tenant_ids}
    with every_tenant():
        for row in read(statement):
            found[row.tenant_id].append(row.display_name)
    return found


def _conditions(which: TenantFilter) -> list[sa.ColumnElement[bool]]:
    conditions = [Tenant.state != DELETED]
    if which.search:
        part, plain = folded(which.search), which.search.strip().lower()
        domains = sa.select(EmailDomain.tenant_id).where(EmailDomain.domain.contains(plain, autoescape=True))
        conditions.append(
            sa.or_(
                Tenant.name_key.contains(part, autoescape=True),
                Tenant.slug.contains(plain, autoescape=True),
                Tenant.id.in_(domains),
            )
        )
    if which.state is not None:
        conditions.append(Tenant.state == which.state)
    if which.domain is not None:
        conditions.append(Tenant.id.in_(sa.select(EmailDomain.tenant_id).where(EmailDomain.domain == which.domain)))
    if which.created_since is not None:
        conditions.append(Tenant.created_at >= which.created_since)
    return conditions


def _value(tenant: ManagedTenant, order: str) -> Any:
    return {"slug": tenant.slug, "name": folded(tenant.name)[:KEY_CHARACTERS], "created": tenant.created_at}[order]
