"""Records of organisations. Every statement names the tenant first."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read
from tenants.models import Tenant
from tenants.organisations.access import settings_of
from tenants.organisations.models import Organisation
from tenants.organisations.tree import NO_ORGANISATIONS, OrganisationNode, OrganisationTree

_ROOT = sa.select(Tenant.access).where(Tenant.id == sa.bindparam("tenant_id"))
_NODES = sa.select(Organisation.id, Organisation.parent_id, Organisation.name, Organisation.settings).where(
    Organisation.tenant_id == sa.bindparam("tenant_id")
)


def organisations_of(tenant_id: int) -> OrganisationTree:
    """A tenant's whole tree."""
    root = read(_ROOT, {"tenant_id": tenant_id}).scalar_one_or_none() or {}
    rows = read(_NODES, {"tenant_id": tenant_id}).all()
    if not rows and not root:
        return NO_ORGANISATIONS
    nodes = {row.id: OrganisationNode(row.id, row.parent_id, row.name, settings_of(row.settings)) for row in rows}
    return OrganisationTree(settings_of(root), nodes)
