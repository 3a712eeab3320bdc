"""Flows of management: identity providers are connected, changed, taken away, and their SAML settings edited.

The edge opens the transaction, and reads metadata before it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenants.access_tokens import end_tokens_of_lost_roles
from tenants.administration import EndSessions, require_name
from tenants.audit import EventType, record
from tenants.console_role_records import remove_rules_of
from tenants.errors import NotFound
from tenants.idp_records import (
    CLAIM_VOID,
    ManagedProvider,
    add_provider,
    change_provider,
    find_deleted,
    find_provider,
    how_many,
)
from tenants.management_errors import FieldsInvalid, NameInvalid, ProviderChanged, TooManyProviders
from tenants.metadata_errors import EntityIDChanged, MetadataRefused
from tenants.metadata_history.taking import keep_version, supersede_pending
from tenants.metadata_intake import ReadMetadata, SourceKind, columns_of, source_columns
from tenants.metadata_signature import read_signer
from tenants.placement.records import remove_placement_rules
from tenants.placement_rules import IDENTITY_PROVIDER
from tenants.refresh.records import SyncResult
from tenants.refresh.taking import scheduled_columns
from tenants.saml_settings import SAMLSettings
from tenants.settings_changes import changes_between, patched
from tenants.settings_documents import settings_from_document
from tenants.settings_versions import keep_first_version, put_in_force
from tenants.tenant_records import ManagedTenant, activate_when_onboarding, bump_version
from tenants.version_records import drop_draft

MAX_PROVIDERS = 200
"""Of one tenant: each of them is a part of what every sign-in of the tenant is judged by."""
MAX_MADE_A_DAY = 100
"""A deleted one leaves a row for good, so that many cannot be made and deleted in turn."""
DAY = dt.timedelta(days=1)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_AUDITED = frozenset(
    {"name", "display_name", "enabled", "entity_id", "metadata_url", "metadata_path", "metadata_mdq", "allow_aggregate"}
    | {"sync_hours"}
)


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """An identity provider as somebody wants it. `chosen_entity_id`: the one that they named, None where they named none.

    `version`: of what they have seen; None overwrites whatever is there.
    """

    name: str
    display_name: str
    enabled: bool
    read: ReadMetadata
    chosen_entity_id: str | None
    version: str | None = None


def require_provider_name(text: str) -> str:
    """The label of an identity provider in URLs."""
    if not _NAME.fullmatch(text):
        raise NameInvalid(text[:80])
    return text


def save_provider(
    tenant: ManagedTenant, draft: ProviderDraft, *, actor: str, now: dt.datetime
) -> tuple[ManagedProvider, bool]:
    """Connect or change an identity provider, and tell whether it is new; the same again changes nothing.

    An identity provider that was deleted comes back with its people when its entity ID is connected again.

    Raises:
        NotFound: the tenant was deleted meanwhile. EntityIDTaken: another one of the tenant's has this entity ID.
        EntityIDChanged: the pinned entity ID changed between reading and saving. ProviderChanged. TooManyProviders.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    display_name = require_name(draft.display_name, "display_name")
    values = {
        "name": draft.name,
        "display_name": display_name,
        "enabled": draft.enabled,
        **source_columns(draft.read.source, draft.read.metadata.entity_id),
        **columns_of(draft.read),
        **CLAIM_VOID,
        "pending": None,
        "metadata_held": None,  # somebody has looked at what is saved
    }
    present = find_provider(tenant.id, draft.name)
    require_seen(present, draft.version)
    if present is None:
        _require_room(tenant.id, now)
        idp_id, restored = _connect(tenant, draft, values, now)
        keep_first_version(tenant.id, idp_id, SAMLSettings(), actor=actor, now=now)
        detail: dict[str, Any] = {"source": draft.read.source.kind.value, "restored": restored}
        detail["entity_id"] = draft.read.metadata.entity_id
        record(tenant.id, EventType.IDENTITY_PROVIDER_CREATED, at=now, actor=actor, idp=draft.name, **detail)
    else:
        idp_id = present.id
        _require_pinned(present, draft)
        supersede_pending(present, actor, now)
        change_provider(tenant.id, idp_id, values)
        _record_changes(present, values, actor, now)
    _keep(tenant, idp_id, draft, actor, now)
    if draft.enabled and activate_when_onboarding(tenant.id):
        record(tenant.id, EventType.TENANT_ACTIVATED, at=now, actor=actor, idp=draft.name)
    return require_provider(tenant.id, draft.name), present is None


def require_seen(present: ManagedProvider | None, version: str | None) -> None:
    """Whoever says which version they saw is held to it.

    Raises:
        ProviderChanged
    """
    found = present.version if present else None
    if version not in (None, found):
        raise ProviderChanged(f"{version} instead of {found}", version=found)


def record_refused_metadata(
    tenant_id: int, name: str, refusal: MetadataRefused, *, actor: str, now: dt.datetime
) -> None:
    """Keep on record that a source was refused; the identity provider in force stays as it is."""
    detail = {"idp": name, "cause": refusal.cause}
    record(tenant_id, EventType.METADATA_FAILED, at=now, actor=actor, reason=refusal.code, **detail)


def delete_provider(
    tenant: ManagedTenant, name: str, *, actor: str, now: dt.datetime, end_sessions: EndSessions
) -> None:
    """Take an identity provider away: nobody comes in by it any more, its sessions and rules end, its people stay.

    Raises:
        NotFound: there is none of this name.
    """
    bump_version(tenant.id)
    provider = require_provider(tenant.id, name)
    supersede_pending(provider, actor, now)
    gone = {"deleted_at": now, "enabled": False, "pending": None, **CLAIM_VOID}
    change_provider(tenant.id, provider.id, gone)
    remove_rules_of(tenant.id, provider.id)
    # They must not come back unseen when it is connected again.
    remove_placement_rules(tenant.id, IDENTITY_PROVIDER, provider.id)
    end_tokens_of_lost_roles(tenant.id, actor=actor, now=now)
    ended = end_sessions(tenant.id, now, idp_id=provider.id)
    detail: dict[str, Any] = {"idp": name, "entity_id": provider.entity_id, "sessions_ended": ended}
    record(tenant.id, EventType.IDENTITY_PROVIDER_DELETED, at=now, actor=actor, **detail)


def change_provider_facts(
    tenant: ManagedTenant,
    name: str,
    *,
    display_name: str | None = None,
    enabled: bool | None = None,
    version: str | None = None,
    actor: str,
    now: dt.datetime,
) -> ManagedProvider:
    """Change what people call an identity provider, or whether it may sign them in; its metadata stays as it is.

    Args:
        version: of what they have seen; None changes whatever is there.

    Raises:
        NotFound: there is none of this name. FieldsInvalid: the name for people is none. ProviderChanged.
    """
    bump_version(tenant.id)
    present = require_provider(tenant.id, name)
    require_seen(present, version)
    values: dict[str, Any] = {}
    if display_name is not None:
        values["display_name"] = require_name(display_name, "display_name")
    if enabled is not None:
        values["enabled"] = enabled
    if values:
        change_provider(tenant.id, present.id, values)
        _record_changes(present, values, actor, now)
    if enabled and activate_when_onboarding(tenant.id):
        record(tenant.id, EventType.TENANT_ACTIVATED, at=now, actor=actor, idp=name)
    return require_provider(tenant.id, name)


def change_saml_settings(
    tenant: ManagedTenant, name: str, patch: Mapping[str, Any], *, actor: str, now: dt.datetime
) -> SAMLSettings:
    """Change the settings that `patch` names, at once and without a test; what was in force stays as a version.

    Raises:
        NotFound: there is no identity provider of this name. SettingsInvalid: with a sentence for each field.
    """
    bump_version(tenant.id)
    provider = require_provider(tenant.id, name)
    before = settings_from_document(provider.settings)
    settings = patched(before, patch)
    changes = changes_between(before, settings)
    if changes:
        put_in_force(provider, settings, "edited", actor=actor, now=now)
        record(tenant.id, EventType.SAML_SETTINGS_CHANGED, at=now, actor=actor, idp=name, changes=changes)
    return settings


def require_provider(tenant_id: int, name: str) -> ManagedProvider:
    """The tenant's identity provider of this name, or NotFound."""
    provider = find_provider(tenant_id, name) if _NAME.fullmatch(name) else None
    if provider is None:
        raise NotFound("no such identity provider")
    return provider


def only_source(sources: Mapping[SourceKind, str | None]) -> tuple[SourceKind, str]:
    """The one metadata source that was given.

    Raises:
        FieldsInvalid: there is none, or more than one.
    """
    given = [(kind, value) for kind, value in sources.items() if value is not None]
    if len(given) != 1:
        sentence = "Name exactly one source of metadata: metadata_xml, metadata_url, metadata_path or metadata_mdq."
        raise FieldsInvalid("metadata source", errors={"metadata_xml": [sentence]})
    return given[0]


def _connect(
    tenant: ManagedTenant, draft: ProviderDraft, values: Mapping[str, Any], now: dt.datetime
) -> tuple[str, bool]:
    fresh = {**values, "settings": SAMLSettings().to_document(), "created_at": now}
    former = find_deleted(tenant.id, draft.read.metadata.entity_id)
    if former is None:
        return add_provider(tenant.id, fresh), False
    change_provider(tenant.id, former, {**fresh, "deleted_at": None, "sync_hours": None})
    drop_draft(tenant.id, former)
    return former, True


def _require_room(tenant_id: int, now: dt.datetime) -> None:
    connected, made = how_many(tenant_id, now - DAY)
    if connected >= MAX_PROVIDERS or made >= MAX_MADE_A_DAY:
        raise TooManyProviders(f"{connected} connected, {made} made within a day")


def _require_pinned(present: ManagedProvider, draft: ProviderDraft) -> None:
    """Reading compared with what was pinned then; somebody may have changed it since."""
    found = draft.read.metadata.entity_id
    if found != present.entity_id and found != draft.chosen_entity_id:
        raise EntityIDChanged(f"{found} instead of {present.entity_id}", entity_id=found, expected=present.entity_id)


def _keep(tenant: ManagedTenant, idp_id: str, draft: ProviderDraft, actor: str, now: dt.datetime) -> None:
    """Keep the version, and say when the source is to be asked again; saving from a URL counts as that minute's sync."""
    kind = draft.read.source.kind
    saved = require_provider(tenant.id, draft.name)
    version_id, is_new = keep_version(saved, draft.read, actor=actor, now=now)
    values = scheduled_columns(saved.sync_hours, saved.metadata_document, now) | {"metadata_version_id": version_id}
    if kind is SourceKind.XML:
        values |= {"last_sync_at": None, "last_sync_result": None, "last_success_at": None, "sync_due_at": None}
    else:
        values |= {"last_sync_result": SyncResult.OK.value, "last_success_at": now}
    if kind in (SourceKind.URL, SourceKind.MDQ):
        values["sync_asked_at"] = now
        record(tenant.id, EventType.METADATA_FETCHED, at=now, actor=actor, idp=draft.name, changed=is_new)
    change_provider(tenant.id, idp_id, values)


def _record_changes(present: ManagedProvider, values: Mapping[str, Any], actor: str, now: dt.datetime) -> None:
    changed = {name: value for name, value in values.items() if value != getattr(present, name, value)}
    changes: dict[str, Any] = {
        name: {"from": getattr(present, name), "to": value} for name, value in changed.items() if name in _AUDITED
    }
    if "metadata_document" in changed:
        changes["metadata"] = "replaced"
    if "metadata_signing_certificate" in changed:
        changes["metadata_signing_certificate"] = {
            "from": _pinned_sha256(present.metadata_signing_certificate),
            "to": _pinned_sha256(values["metadata_signing_certificate"]),
        }
    if changes:
        record(present.tenant_id, EventType.IDENTITY_PROVIDER_CHANGED, at=now, actor=actor, idp=present.name, changes=changes)


def _pinned_sha256(pem: str | None) -> str | None:
    return read_signer(pem).certificate.sha256 if pem else None
