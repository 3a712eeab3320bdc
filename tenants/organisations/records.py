"""Records of organisations. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from tenants.folding import folded
from tenants.models import IdentityProvider, Tenant
from tenants.organisations.access import AccessSettings, settings_of
from tenants.organisations.errors import OrganisationExists, OrganisationNotEmpty
from tenants.organisations.models import Organisation
from tenants.organisations.tree import NO_ORGANISATIONS, OrganisationNode, OrganisationTree

KEY_CHARACTERS = 200
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


def made_at(tenant_id: int, organisation_ids: Collection[str]) -> dict[str, dt.datetime]:
    """When each of these organisations of a tenant was made."""
    statement = sa.select(Organisation.id, Organisation.created_at).where(
        Organisation.tenant_id == tenant_id, Organisation.id.in_(sorted(organisation_ids))
    )
    return {row.id: row.created_at for row in read(statement)}


def add_organisation(tenant_id: int, name: str, parent_id: str | None, depth: int, now: dt.datetime) -> str:
    """Add an organisation, and give its id. The caller holds the tenant's row (`bump_version`).

    Raises:
        OrganisationExists: one beside it has this name.
    """
    organisation_id = new_id()
    row = {"tenant_id": tenant_id, "id": organisation_id, "parent_id": parent_id, "depth": depth, "settings": {}}
    _write_unique(sa.insert(Organisation.__table__).values(**row, **_named(name), created_at=now), name)
    return organisation_id


def settle_organisation(tenant_id: int, organisation_id: str, name: str, parent_id: str | None) -> None:
    """Give an organisation this name at this place, in one statement; `shift_depths` goes with another place.

    Raises:
        OrganisationExists: one there has this name.
    """
    statement = sa.update(Organisation).where(*_one(tenant_id, organisation_id))
    _write_unique(statement.values(parent_id=parent_id, **_named(name)), name)


def shift_depths(tenant_id: int, organisation_ids: Iterable[str], by: int) -> None:
    """Say of a branch that was moved how deep it stands now."""
    if by:
        statement = sa.update(Organisation).where(
            Organisation.tenant_id == tenant_id, Organisation.id.in_(sorted(organisation_ids))
        )
        write(statement.values(depth=Organisation.depth + by))


def keep_settings(tenant_id: int, organisation_id: str | None, settings: AccessSettings) -> None:
    """Store what an organisation overrides; None: what the tenant says for all of them."""
    document = settings.to_document()
    if organisation_id is None:
        write(sa.update(Tenant).where(Tenant.id == tenant_id).values(access=document))
    else:
        write(sa.update(Organisation).where(*_one(tenant_id, organisation_id)).values(settings=document))


def move_rooms(tenant_id: int, organisation_id: str, to: str | None) -> int:
    """Have identity providers bring their people elsewhere, those that were deleted too; tells how many."""
    statement = sa.update(IdentityProvider).where(
        IdentityProvider.tenant_id == tenant_id, IdentityProvider.organisation_id == organisation_id
    )
    return write(statement.values(organisation_id=to)).rowcount


def rooms_of(tenant_id: int, organisation_id: str) -> list[str]:
    """Names of the identity providers whose people belong there by default."""
    statement = sa.select(IdentityProvider.name).where(
        IdentityProvider.tenant_id == tenant_id,
        IdentityProvider.organisation_id == organisation_id,
        IdentityProvider.deleted_at.is_(None),
    )
    return list(read(statement.order_by(IdentityProvider.name)).scalars())


def remove_organisation(tenant_id: int, organisation_id: str) -> None:
    """Remove an organisation that nothing belongs to any more.

    Raises:
        OrganisationNotEmpty: something came to belong to it a moment ago; the database says so.
    """
    try:
        with savepoint():
            write(sa.delete(Organisation).where(*_one(tenant_id, organisation_id)))
    except sa.exc.IntegrityError:
        raise OrganisationNotEmpty("something refers to it") from None


def _one(tenant_id: int, organisation_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (Organisation.tenant_id == tenant_id, Organisation.id == organisation_id)


def _named(name: str) -> Mapping[str, Any]:
    return {"name": name, "name_key": folded(name)[:KEY_CHARACTERS]}


def _write_unique(statement: sa.Executable, what: str) -> None:
    try:
        with savepoint():
            write(statement)
    except sa.exc.IntegrityError:
        raise OrganisationExists(what) from None
