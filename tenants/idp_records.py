"""Records of identity providers for those who manage them: the rows.

Every statement names the tenant first. A deleted identity provider is a row with `deleted_at` that only
`find_deleted` sees.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from tenants.errors import ConflictingState
from tenants.management_errors import EntityIDTaken
from tenants.models import LOOK_AT_ONCE, IdentityProvider

CLAIM_VOID = {"sync_requested_at": None, "sync_reason": None, "sync_claim": None, "sync_claimed_until": None}
"""Goes with every change of what metadata is fetched or judged by: a fetch under way comes back to find itself overtaken."""
VERSION_DIGITS = 16
_NOTICED = frozenset({"metadata_document", "enabled", "deleted_at"})
"""Columns that decide what of an identity provider ends, and whether it matters."""


@dataclass(frozen=True, slots=True)
class ManagedProvider:
    """An identity provider as those see it who manage it."""

    tenant_id: int
    id: str
    name: str
    display_name: str
    enabled: bool
    entity_id: str
    metadata_url: str | None
    metadata_path: str | None
    metadata_mdq: str | None
    metadata_signing_certificate: str | None
    allow_aggregate: bool
    metadata_version_id: str | None
    metadata_held: Mapping[str, Any] | None
    metadata_document: Mapping[str, Any]
    settings: Mapping[str, Any]
    etag: str | None
    last_modified: str | None
    sync_requested_at: dt.datetime | None
    last_sync_at: dt.datetime | None
    last_sync_result: str | None
    last_sync_code: str | None
    last_sync_stage: str | None
    last_sync_cause: str | None
    last_success_at: dt.datetime | None
    sync_hours: int | None
    sync_asked_at: dt.datetime | None
    key_asked_at: dt.datetime | None
    fresh_from: dt.datetime
    sync_due_at: dt.datetime | None
    sync_failures: int
    pending: Mapping[str, Any] | None
    certificate_ends_at: dt.datetime | None

    @property
    def version(self) -> str:
        """Changes with what somebody has saved of it, not with what is fetched; whoever names it changes what they saw."""
        told = [getattr(self, name) for name in _SAVED]
        if self.metadata_url is None and self.metadata_path is None and self.metadata_mdq is None:
            told.append(self.metadata_version_id)
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:VERSION_DIGITS]


_SAVED = (
    *("display_name", "enabled", "entity_id", "metadata_url", "metadata_path", "metadata_mdq"),
    *("metadata_signing_certificate", "allow_aggregate"),
)

_COLUMNS = tuple(getattr(IdentityProvider, name).label(name) for name in ManagedProvider.__dataclass_fields__)
_OF_TENANT = (IdentityProvider.tenant_id == sa.bindparam("of_tenant"), IdentityProvider.deleted_at.is_(None))
_FIND = sa.select(*_COLUMNS).where(*_OF_TENANT, IdentityProvider.name == sa.bindparam("of_name"))
_FIND_BY_ID = sa.select(*_COLUMNS).where(*_OF_TENANT, IdentityProvider.id == sa.bindparam("of_idp"))
_LIST = sa.select(*_COLUMNS).where(*_OF_TENANT).order_by(IdentityProvider.name)
_FIND_DELETED = (
    sa.select(IdentityProvider.id)
    .where(
        IdentityProvider.tenant_id == sa.bindparam("of_tenant"),
        IdentityProvider.entity_id == sa.bindparam("of_entity"),
        IdentityProvider.deleted_at.is_not(None),
    )
    .order_by(IdentityProvider.deleted_at.desc())
    .limit(1)
)


def find_provider(tenant_id: int, name: str) -> ManagedProvider | None:
    """A tenant's identity provider by its name."""
    return _provider_of(read(_FIND, {"of_tenant": tenant_id, "of_name": name}).one_or_none())


def find_provider_by_id(tenant_id: int, idp_id: str) -> ManagedProvider | None:
    """A tenant's identity provider by its row."""
    return _provider_of(read(_FIND_BY_ID, {"of_tenant": tenant_id, "of_idp": idp_id}).one_or_none())


def providers_of(tenant_id: int) -> list[ManagedProvider]:
    """A tenant's identity providers by name."""
    return [ManagedProvider(**row._mapping) for row in read(_LIST, {"of_tenant": tenant_id})]


def how_many(tenant_id: int, since: dt.datetime) -> tuple[int, int]:
    """How many identity providers a tenant has, and how many were made since, those that were deleted again among them."""
    connected: Any = sa.func.count().filter(IdentityProvider.deleted_at.is_(None))
    made: Any = sa.func.count().filter(IdentityProvider.created_at > since)
    row = read(sa.select(connected, made).where(IdentityProvider.tenant_id == tenant_id)).one()
    return int(row[0]), int(row[1])


def find_deleted(tenant_id: int, entity_id: str) -> str | None:
    """The row of an identity provider that was deleted and comes back under its entity ID, for the sake of its people."""
    idp_id: str | None = read(_FIND_DELETED, {"of_tenant": tenant_id, "of_entity": entity_id}).scalar_one_or_none()
    return idp_id


def add_provider(tenant_id: int, values: Mapping[str, Any]) -> str:
    """Add an identity provider and give its id.

    Raises:
        EntityIDTaken, ConflictingState: another one has this entity ID, or got this name just now.
    """
    idp_id = new_id()
    statement = sa.insert(IdentityProvider.__table__).values(tenant_id=tenant_id, id=idp_id, **_by_column(values))
    _write_unique(tenant_id, idp_id, statement, values)
    return idp_id


def change_provider(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of an identity provider's row. Where something else may end now, the job of warnings looks at it (K3).

    Raises:
        EntityIDTaken, ConflictingState: another one has this entity ID, or got this name just now.
    """
    looked_at = {"next_notice_at": LOOK_AT_ONCE} if _NOTICED & values.keys() else {}
    statement = (
        sa.update(IdentityProvider.__table__)
        .where(IdentityProvider.tenant_id == tenant_id, IdentityProvider.id == idp_id)
        .values(**_by_column(values), **looked_at)
    )
    _write_unique(tenant_id, idp_id, statement, values)


def _provider_of(row: sa.Row[Any] | None) -> ManagedProvider | None:
    return ManagedProvider(**row._mapping) if row else None


def _by_column(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the columns' names in the table, which calls the document `metadata`."""
    return {"metadata" if name == "metadata_document" else name: value for name, value in values.items()}


def _write_unique(tenant_id: int, idp_id: str, statement: sa.Executable, values: Mapping[str, Any]) -> None:
    try:
        with savepoint():
            write(statement)
    except sa.exc.IntegrityError:
        taken = sa.select(IdentityProvider.id).where(
            IdentityProvider.tenant_id == tenant_id,
            IdentityProvider.entity_id == values.get("entity_id"),
            IdentityProvider.id != idp_id,
            IdentityProvider.deleted_at.is_(None),
        )
        if read(taken).first() is not None:
            raise EntityIDTaken(str(values.get("entity_id")), entity_id=values.get("entity_id")) from None
        raise ConflictingState("another change of this name came first") from None
