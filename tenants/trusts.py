"""The trust of a tenant: built once from its rows, kept while its version stays the same.

A cache entry is keyed by tenant and holds the version that it was built from. Each request reads the tenant's version
with its host, so a change of metadata, settings, keys or domains holds on every worker with the next request. Entries
can be lost at any time.
"""

from __future__ import annotations

import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from sys import intern
from typing import Any, Protocol

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from config.sealing import KeyRing
from tenants.console_role_records import console_rules
from tenants.idp_metadata import key_ends_of, metadata_from_document, public_keys_of
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import NO_ORGANISATIONS, OrganisationTree
from tenants.own_keys import OpenKeys
from tenants.placement.records import rules_by_provider, rules_in_force
from tenants.placement_rules import NO_RULES, PlacementRules
from tenants.records import (
    TenantView,
    connected_provider,
    enabled_providers,
    is_any_switched_off,
    proven_domains,
    service_provider_keys,
    switched_off_provider,
)
from tenants.saml_settings import SAMLSettings
from tenants.service_provider import certificate_der, service_provider_of
from tenants.settings_documents import settings_from_document
from tenants.trust import ConsoleRule, SAMLTrust, ServiceProvider

MAX_CACHED_TENANTS = 20_000
"""At under 8 KiB each, 160 MiB in the worst case; the least recently used goes first."""


DECRYPTION_ORDER = ("active", "next", "retiring")


@dataclass(frozen=True, slots=True)
class TenantTrust:
    """Everything one tenant's sign-ins are judged by: a SAMLTrust for each enabled identity provider, and its organisations.

    That of a test sign-in has its `trial_id`, and the one trust that is tested. `switched_off`: there are identity providers,
    and none of them is on.
    """

    version: int
    providers: tuple[SAMLTrust, ...]
    trial_id: str | None = None
    organisations: OrganisationTree = NO_ORGANISATIONS
    switched_off: bool = False

    def by_id(self, idp_id: str) -> SAMLTrust | None:
        """The trust of the identity provider that was asked."""
        return next((trust for trust in self.providers if trust.idp_id == idp_id), None)

    def by_name(self, name: str) -> SAMLTrust | None:
        """The trust of the identity provider that a link names."""
        return next((trust for trust in self.providers if trust.idp_name == name), None)

    def by_entity_id(self, entity_id: str) -> SAMLTrust | None:
        """The trust of the identity provider that an unsolicited response claims to come from."""
        return next((trust for trust in self.providers if trust.idp_entity_id == entity_id), None)


class TrustedTenant(Protocol):
    """What a trust has to know of its tenant; a TenantView and a ManagedTenant are ones."""

    @property
    def id(self) -> int:
        """Its row."""

    @property
    def origin(self) -> str:
        """The address that entity ID and ACS URL were built from."""


class TrustCache:
    """At most MAX_CACHED_TENANTS tenants; safe under threads."""

    def __init__(self, keys: KeyRing, limit: int = MAX_CACHED_TENANTS) -> None:
        self._open_keys = OpenKeys(keys)
        self._limit = limit
        self._entries: OrderedDict[int, TenantTrust] = OrderedDict()
        self._lock = threading.Lock()

    def trust_of(self, tenant: TenantView) -> TenantTrust:
        """The tenant's trust as of the version that this request has read."""
        with self._lock:
            entry = self._entries.get(tenant.id)
            if entry is not None and entry.version == tenant.version:
                self._entries.move_to_end(tenant.id)
                return entry
        entry = build_trust(tenant, self._open_keys)
        with self._lock:
            present = self._entries.get(tenant.id)
            if present is None or present.version <= entry.version:
                self._entries[tenant.id] = entry
                self._entries.move_to_end(tenant.id)
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)
        return entry

    def trial_trust(self, tenant: TrustedTenant, idp_id: str, settings: SAMLSettings) -> SAMLTrust | None:
        """One identity provider, switched off ones too, with other settings than those in force; never kept.

        None: it is not connected any more.
        """
        row = connected_provider(tenant.id, idp_id)
        if row is None:
            return None
        trust = self._trust_of_one(tenant, row)
        metadata = metadata_from_document(row.metadata_document)
        ends = key_ends_of(metadata, trust.signing_keys) if settings.refuse_expired_certificates else ()
        return replace(trust, settings=settings, key_ends=ends)

    def parting_trust(self, tenant: TrustedTenant, entity_id: str) -> SAMLTrust | None:
        """An identity provider that is switched off, for what it still may say: that sessions end. Never kept."""
        row = switched_off_provider(tenant.id, entity_id)
        return None if row is None else self._trust_of_one(tenant, row)

    def _trust_of_one(self, tenant: TrustedTenant, row: sa.Row[Any]) -> SAMLTrust:
        placed = rules_by_provider(tenant.id).get(row.id, ())
        placement = rules_in_force(placed, organisations_of(tenant.id), row.organisation_id, follows=row.placement_follows)
        own, domains = _own_side(tenant, self._open_keys), proven_domains(tenant.id)
        return _trust_of_provider(tenant, row, own, domains, placement=placement)


def build_trust(tenant: TenantView, open_keys: OpenKeys) -> TenantTrust:
    """Read a tenant's providers, domains and certificates; its private keys stay where they are until they are needed."""
    own, domains = _own_side(tenant, open_keys), proven_domains(tenant.id)
    rules, placed, organisations = console_rules(tenant.id), rules_by_provider(tenant.id), organisations_of(tenant.id)

    def trust_of(row: sa.Row[Any]) -> SAMLTrust:
        listed, room = placed.get(row.id, ()), row.organisation_id
        placement = rules_in_force(listed, organisations, room, follows=row.placement_follows)
        return _trust_of_provider(tenant, row, own, domains, rules.get(row.id, ()), placement)

    providers = tuple(trust_of(row) for row in enabled_providers(tenant.id))
    off = not providers and is_any_switched_off(tenant.id)
    return TenantTrust(version=tenant.version, providers=providers, organisations=organisations, switched_off=off)


def _own_side(tenant: TrustedTenant, open_keys: OpenKeys) -> OwnSide:
    own_keys = service_provider_keys(tenant.id)
    signing = next(row for row in own_keys if row.use == "signing" and row.state == "active")
    # Whatever metadata that somebody still has may name; each costs an RSA operation, so the likeliest one comes first.
    current = sorted((row for row in own_keys if row.use == "encryption"), key=lambda row: DECRYPTION_ORDER.index(row.state))
    decryption = tuple(row.id for row in current)
    open_keys.keep_only(tenant.id, [row.id for row in own_keys])
    return OwnSide(
        service_provider=service_provider_of(tenant.origin),
        signing_certificate=certificate_der(signing.certificate),
        open_signing_key=partial(open_keys.key, tenant.id, signing.id),
        open_decryption_keys=partial(open_keys.all, tenant.id, decryption),
        decryption_key_ids=decryption,
        fingerprint_key=open_keys.fingerprint_key(tenant.id),
    )


@dataclass(frozen=True, slots=True)
class OwnSide:
    """What is the same in all trusts of one tenant."""

    service_provider: ServiceProvider
    signing_certificate: bytes
    open_signing_key: Callable[[], rsa.RSAPrivateKey]
    open_decryption_keys: Callable[[], tuple[rsa.RSAPrivateKey, ...]]
    decryption_key_ids: tuple[str, ...]
    fingerprint_key: tuple[str, bytes]


def _trust_of_provider(
    tenant: TrustedTenant,
    row: sa.Row[Any],
    own: OwnSide,
    domains: frozenset[str],
    rules: tuple[ConsoleRule, ...] = (),
    placement: PlacementRules = NO_RULES,
) -> SAMLTrust:
    metadata, settings = metadata_from_document(row.metadata_document), shared_settings(row.settings)
    keys = public_keys_of(metadata)
    return SAMLTrust(
        tenant_id=tenant.id,
        idp_id=row.id,
        idp_name=intern(row.name),
        idp_display_name=intern(row.display_name),
        service_provider=own.service_provider,
        idp_entity_id=metadata.entity_id,
        sso=metadata.sso,
        signing_keys=keys,
        key_ends=key_ends_of(metadata, keys) if settings.refuse_expired_certificates else (),
        valid_until=metadata.valid_until,
        settings=settings,
        email_domains=domains.intersection(row.email_domains) if row.email_domains else domains,
        signing_certificate=own.signing_certificate,
        open_signing_key=own.open_signing_key,
        open_decryption_keys=own.open_decryption_keys,
        console_rules=rules,
        decryption_key_ids=own.decryption_key_ids,
        organisation_id=row.organisation_id,
        placement=placement,
        own_domains=tuple(row.email_domains),
        fingerprint_key=own.fingerprint_key,
    )


def shared_settings(document: Mapping[str, Any]) -> SAMLSettings:
    """Settings as a value; tenants with equal settings share one."""
    return _settings_of(json.dumps(document, sort_keys=True))


@functools.lru_cache(maxsize=2048)
def _settings_of(text: str) -> SAMLSettings:
    return settings_from_document(json.loads(text))
