"""Flow: an identity provider is connected or changed, from its source to its row, for API and command line alike."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.database import transaction
from config.settings import Settings
from tenants.idp_records import ManagedProvider, find_provider
from tenants.metadata_errors import MetadataRefused
from tenants.metadata_intake import MetadataSource, ReadMetadata, read_source
from tenants.providers import ProviderDraft, record_refused_metadata, require_provider_name, save_provider
from tenants.tenant_records import ManagedTenant


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """What somebody asks for. `enabled` None: as it is, and a new one is; `chosen_entity_id` None: none was named."""

    name: str
    display_name: str
    source: MetadataSource
    enabled: bool | None = None
    chosen_entity_id: str | None = None


def connect(
    tenant: ManagedTenant, wanted: ProviderRequest, settings: Settings, *, actor: str, now: dt.datetime
) -> tuple[ManagedProvider, bool]:
    """Read the metadata outside of any transaction, then save; what was refused is kept on record and changes nothing.

    Returns:
        The identity provider as it is now, and whether it is new.

    Raises:
        NameInvalid, FieldsInvalid, MetadataRefused, EntityIDTaken, NotFound.
    """
    present = find_provider(tenant.id, require_provider_name(wanted.name))
    read = read_for(tenant, wanted, present, settings, actor=actor, now=now)
    enabled = wanted.enabled if wanted.enabled is not None else present is None or present.enabled
    with transaction():
        return save_provider(tenant, draft_of(wanted, read, enabled), actor=actor, now=now)


def read_for(
    tenant: ManagedTenant,
    wanted: ProviderRequest,
    present: ManagedProvider | None,
    settings: Settings,
    *,
    actor: str,
    now: dt.datetime,
) -> ReadMetadata:
    """Read the metadata, outside of any transaction; what is refused is kept on record.

    Raises:
        MetadataRefused
    """
    try:
        return read_source(
            wanted.source,
            tenant,
            settings,
            now,
            pinned=present.entity_id if present else None,
            chosen=wanted.chosen_entity_id,
        )
    except MetadataRefused as refusal:
        with transaction():
            record_refused_metadata(tenant.id, wanted.name, refusal, actor=actor, now=now)
        raise


def draft_of(wanted: ProviderRequest, read: ReadMetadata, enabled: bool) -> ProviderDraft:
    """What is to be saved."""
    return ProviderDraft(wanted.name, wanted.display_name, enabled, read, wanted.chosen_entity_id)
