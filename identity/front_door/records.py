"""Records: whose domain or name that is. No statement here looks at a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.statements import Prepared
from tenants.models import DELETED, SUSPENDED, EmailDomain, MyDomain, Tenant

_BY_DOMAIN = Prepared(
    sa.select(Tenant.id, Tenant.slug, Tenant.state)
    .join(EmailDomain, EmailDomain.tenant_id == Tenant.id)
    .where(EmailDomain.domain == sa.bindparam("key"), EmailDomain.proof.is_not(None))
)
_BY_NAME = Prepared(
    sa.select(Tenant.id, Tenant.slug, Tenant.state)
    .join(MyDomain, MyDomain.tenant_id == Tenant.id)
    .where(MyDomain.slug == sa.bindparam("key"))  # a former name leads to the present one
)


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation that people may sign in to, and its present MyDomain."""

    tenant_id: int
    slug: str


def place_of_domain(domain: str) -> Place | None:
    """Of whoever has proven this very e-mail domain; a domain above or below it does not count (T6)."""
    return _place_of(_BY_DOMAIN.one_or_none({"key": domain}))


def place_of_name(name: str) -> Place | None:
    """Of whoever has or had this MyDomain."""
    return _place_of(_BY_NAME.one_or_none({"key": name}))


def _place_of(row: Any) -> Place | None:
    return Place(row.id, row.slug) if row is not None and row.state not in (SUSPENDED, DELETED) else None
