"""Flows: somebody decides about metadata that waits, or goes back to a version that was in force before (M6).

The edge opens the transaction. Decisions hold the tenant's row first, so that of two at once one wins.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import CLAIM_VOID, ManagedProvider, change_provider, find_provider
from tenants.management_errors import FieldsInvalid
from tenants.metadata_errors import MetadataOutOfDate
from tenants.metadata_history.changes import changes_between, documents_of, fingerprint_of
from tenants.metadata_history.errors import MetadataInForce, NothingPending, PendingChanged
from tenants.metadata_history.records import (
    VersionRow,
    add_accepted,
    find_version,
    find_version_by_id,
    next_number,
    settle,
    xml_of,
)
from tenants.metadata_history.taking import (
    CHANGE_REFUSED,
    ROLLED_BACK,
    held,
    pending_version,
    supersede_pending,
)
from tenants.metadata_history.versions import metadata_of
from tenants.metadata_intake import metadata_columns
from tenants.metadata_models import ACCEPTED, REFUSED
from tenants.tenant_records import ManagedTenant, bump_version
from tenants.trust import IdPMetadata

MAX_REASON = 500
MAX_CHANGES_RECORDED = 20


def approve(
    tenant: ManagedTenant, name: str, *, version_id: str | None, reason: str | None, actor: str, now: dt.datetime
) -> ManagedProvider:
    """Put what waits into force, exactly as it was shown.

    Args:
        version_id: the version that was looked at; None: whatever waits.

    Raises:
        NotFound, NothingPending, PendingChanged. MetadataOutOfDate: it has expired meanwhile. EntityIDTaken: its new
        entity ID is that of another identity provider of the tenant's.
    """
    provider, waiting = _waiting(tenant, name, version_id)
    words, metadata = _reason(reason), metadata_from_document(waiting.document)
    _require_valid(metadata, now)
    in_force = find_version_by_id(tenant.id, provider.id, provider.metadata_version_id)
    number = next_number(tenant.id, provider.id)
    decided = {"number": number, "base": in_force.number if in_force else None, "reason": words}
    if not settle(waiting, ACCEPTED, decided | {"decided_at": now, "decided_by": actor}):
        raise PendingChanged("decided by somebody else just now")
    changes = documents_of(changes_between(metadata_from_document(provider.metadata_document), metadata))
    _put_in_force(provider, waiting.id, metadata, None)
    detail: dict[str, Any] = {"idp": name, "version": number, "why": words, "changes": changes[:MAX_CHANGES_RECORDED]}
    record(tenant.id, EventType.METADATA_APPROVED, at=now, actor=actor, reason=waiting.pending_code, **detail)
    return _provider(tenant, name)


def refuse(
    tenant: ManagedTenant, name: str, *, version_id: str | None, reason: str | None, actor: str, now: dt.datetime
) -> ManagedProvider:
    """Turn down what waits; it is not asked again until the source says something else.

    Raises:
        NotFound, NothingPending, PendingChanged.
    """
    provider, waiting = _waiting(tenant, name, version_id)
    words, metadata = _reason(reason), metadata_from_document(waiting.document)
    if not settle(waiting, REFUSED, {"reason": words, "decided_at": now, "decided_by": actor}):
        raise PendingChanged("decided by somebody else just now")
    kept = held(metadata, CHANGE_REFUSED, actor, now)
    change_provider(tenant.id, provider.id, {"pending": None, "metadata_held": kept, **CLAIM_VOID})
    record(tenant.id, EventType.METADATA_REFUSED, at=now, actor=actor, reason=waiting.pending_code, idp=name, why=words)
    return _provider(tenant, name)


def go_back(
    tenant: ManagedTenant, name: str, number: int, *, reason: str | None, actor: str, now: dt.datetime
) -> ManagedProvider:
    """Put a former version into force again, as a new one. What is left comes back only if somebody approves of it.

    Raises:
        NotFound: there is no such identity provider or version. MetadataInForce: what it says is in force.
        MetadataOutOfDate: it has expired. EntityIDTaken: its entity ID is that of another one by now.
    """
    provider = _held_provider(tenant, name)
    former = find_version(tenant.id, provider.id, number)
    if former is None:
        raise NotFound("no such version")
    present, metadata = metadata_from_document(provider.metadata_document), metadata_of(former, provider)
    if metadata is None:
        raise NotFound("a version that cannot be read any more")
    if fingerprint_of(metadata) == fingerprint_of(present):
        raise MetadataInForce(f"version {number}")
    _require_valid(metadata, now)
    words = _reason(reason)
    in_force = find_version_by_id(tenant.id, provider.id, provider.metadata_version_id)
    supersede_pending(provider, actor, now)
    values = {
        **{name: getattr(former, name) for name in ("source", "sha256", "document")},
        "xml": xml_of(tenant.id, provider.id, former.id), "restored": number, "reason": words,
        "base": in_force.number if in_force else None, "created_at": now, "created_by": actor,
    }
    version_id, made = add_accepted(tenant.id, provider.id, values)
    _put_in_force(provider, version_id, metadata, held(present, ROLLED_BACK, actor, now))
    changes = documents_of(changes_between(present, metadata))[:MAX_CHANGES_RECORDED]
    detail: dict[str, Any] = {"idp": name, "version": made, "restored": number, "why": words, "changes": changes}
    record(tenant.id, EventType.METADATA_ROLLED_BACK, at=now, actor=actor, **detail)
    return _provider(tenant, name)


def _put_in_force(
    provider: ManagedProvider, version_id: str, metadata: IdPMetadata, kept: dict[str, str] | None
) -> None:
    """The next fetch asks without conditions: the validators that are known are those of another copy."""
    values = {"metadata_version_id": version_id, "pending": None, "metadata_held": kept, "etag": None, "last_modified": None}
    change_provider(provider.tenant_id, provider.id, {**values, **metadata_columns(metadata), **CLAIM_VOID})


def _waiting(tenant: ManagedTenant, name: str, version_id: str | None) -> tuple[ManagedProvider, VersionRow]:
    provider = _held_provider(tenant, name)
    waiting = pending_version(provider)
    if waiting is None:
        raise NothingPending(name)
    if version_id is not None and version_id != waiting.id:
        raise PendingChanged("another version waits", version=waiting.id)
    return provider, waiting


def _held_provider(tenant: ManagedTenant, name: str) -> ManagedProvider:
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    return _provider(tenant, name)


def _provider(tenant: ManagedTenant, name: str) -> ManagedProvider:
    provider = find_provider(tenant.id, name)
    if provider is None:
        raise NotFound("no such identity provider")
    return provider


def _require_valid(metadata: IdPMetadata, now: dt.datetime) -> None:
    if metadata.valid_until is not None and metadata.valid_until <= now:
        until = metadata.valid_until.isoformat()
        raise MetadataOutOfDate(f"validUntil was {until}", valid_until=until)


def _reason(text: str | None) -> str | None:
    words = (text or "").strip()
    if len(words) > MAX_REASON:
        raise FieldsInvalid("reason", errors={"reason": [f"At most {MAX_REASON} characters."]})
    return words or None
