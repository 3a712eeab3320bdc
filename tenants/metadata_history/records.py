"""Records of metadata's versions. Every statement names the tenant first; the XML is read only where it is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from tenants.metadata_models import ACCEPTED, PENDING, MetadataVersion
from tenants.models import IdentityProvider

MAX_OCTETS_KEPT = 32 * 1024 * 1024
"""Of all documents of one identity provider, which has 20 KiB as a rule: a thousand versions and more."""
KEPT_ANYWAY = 5
"""Versions that were in force, however large they are."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version without its XML. See tenants.metadata_models."""

    tenant_id: int
    id: str
    idp_id: str
    number: int | None
    state: str
    source: str
    sha256: str
    document: Mapping[str, Any]
    base: int | None
    restored: int | None
    pending_code: str | None
    created_at: dt.datetime
    created_by: str
    decided_at: dt.datetime | None
    decided_by: str | None
    reason: str | None


_COLUMNS = tuple(getattr(MetadataVersion, name) for name in VersionRow.__dataclass_fields__)
_OF_PROVIDER = (
    MetadataVersion.tenant_id == sa.bindparam("of_tenant"),
    MetadataVersion.idp_id == sa.bindparam("of_idp"),
)
_BY_ID = sa.select(*_COLUMNS).where(*_OF_PROVIDER, MetadataVersion.id == sa.bindparam("of_id"))
_BY_NUMBER = sa.select(*_COLUMNS).where(*_OF_PROVIDER, MetadataVersion.number == sa.bindparam("of_number"))
_XML = sa.select(MetadataVersion.xml).where(*_OF_PROVIDER, MetadataVersion.id == sa.bindparam("of_id"))
_SIZES = (
    sa.select(
        MetadataVersion.id, MetadataVersion.number, MetadataVersion.state, sa.func.length(MetadataVersion.xml).label("octets")
    )
    .where(*_OF_PROVIDER)
    .order_by(MetadataVersion.created_at.desc(), MetadataVersion.id.desc())
)
_IN_FORCE = sa.select(IdentityProvider.metadata_version_id).where(
    IdentityProvider.tenant_id == sa.bindparam("of_tenant"), IdentityProvider.id == sa.bindparam("of_idp")
)
_HIGHEST = sa.select(sa.func.max(MetadataVersion.number)).where(*_OF_PROVIDER)


def find_version(tenant_id: int, idp_id: str, number: int) -> VersionRow | None:
    """An accepted version by its number."""
    return _one(_BY_NUMBER, tenant_id, idp_id, of_number=number)


def find_version_by_id(tenant_id: int, idp_id: str, version_id: str | None) -> VersionRow | None:
    """A version in whatever state."""
    return _one(_BY_ID, tenant_id, idp_id, of_id=version_id) if version_id else None


def xml_of(tenant_id: int, idp_id: str, version_id: str) -> bytes:
    """A version as it came."""
    octets: bytes = read(_XML, {"of_tenant": tenant_id, "of_idp": idp_id, "of_id": version_id}).scalar_one()
    return octets


def page_of_versions(tenant_id: int, idp_id: str, before: int | None, limit: int) -> list[VersionRow]:
    """What is and was in force, newest first, from behind the version `before` on."""
    statement = sa.select(*_COLUMNS).where(*_OF_PROVIDER, MetadataVersion.number.is_not(None))
    if before is not None:
        statement = statement.where(MetadataVersion.number < before)
    statement = statement.order_by(MetadataVersion.number.desc()).limit(limit)
    return [VersionRow(**row._mapping) for row in read(statement, {"of_tenant": tenant_id, "of_idp": idp_id})]


def add_accepted(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> tuple[str, int]:
    """Add what comes into force, and give its id and number. The caller holds the tenant's row (`bump_version`)."""
    number = next_number(tenant_id, idp_id)
    return _add(tenant_id, idp_id, {**values, "state": ACCEPTED, "number": number}), number


def add_pending(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> str:
    """Add what waits for somebody, and give its id."""
    return _add(tenant_id, idp_id, {**values, "state": PENDING})


def settle(row: VersionRow, state: str, values: Mapping[str, Any]) -> bool:
    """Decide about what waits; False where somebody was faster (a compare-and-set)."""
    statement = sa.update(MetadataVersion).where(
        MetadataVersion.tenant_id == row.tenant_id, MetadataVersion.id == row.id, MetadataVersion.state == PENDING
    )
    return write(statement.values(state=state, **values)).rowcount == 1


def next_number(tenant_id: int, idp_id: str) -> int:
    """The number of the version that comes next. The caller holds the tenant's row."""
    return (read(_HIGHEST, {"of_tenant": tenant_id, "of_idp": idp_id}).scalar_one() or 0) + 1


def _add(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> str:
    version_id = new_id()
    write(sa.insert(MetadataVersion.__table__).values(**values, tenant_id=tenant_id, idp_id=idp_id, id=version_id))
    _forget_what_is_too_much(tenant_id, idp_id)
    return version_id


def _forget_what_is_too_much(tenant_id: int, idp_id: str) -> None:
    """Keep the documents of one identity provider within bounds: whoever serves them may write one every few minutes."""
    parameters = {"of_tenant": tenant_id, "of_idp": idp_id}
    in_force, octets, numbered, gone = read(_IN_FORCE, parameters).scalar_one_or_none(), 0, 0, []
    for row in read(_SIZES, parameters):
        octets, numbered = octets + row.octets, numbered + (row.number is not None)
        kept = row.state == PENDING or row.id == in_force or (row.number is not None and numbered <= KEPT_ANYWAY)
        if octets > MAX_OCTETS_KEPT and not kept:
            gone.append(row.id)
    if gone:
        of_provider = (MetadataVersion.tenant_id == tenant_id, MetadataVersion.idp_id == idp_id)
        write(sa.delete(MetadataVersion).where(*of_provider, MetadataVersion.id.in_(gone)))


def _one(statement: sa.Select[Any], tenant_id: int, idp_id: str, **more: Any) -> VersionRow | None:
    row = read(statement, {"of_tenant": tenant_id, "of_idp": idp_id, **more}).one_or_none()
    return VersionRow(**row._mapping) if row else None
