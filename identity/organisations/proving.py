"""Whether SSO can be relied on: each identity provider in force has passed a test sign-in, just as it is now (G3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from identity.trial_records import has_passed
from tenants.idp_records import ManagedProvider, providers_of
from tenants.metadata_history.records import find_version_by_id
from tenants.organisations.access import Access
from tenants.settings_changes import fingerprint_of
from tenants.settings_documents import settings_from_document

_BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def providers_in_force(providers: Iterable[ManagedProvider], access: Access) -> list[ManagedProvider]:
    """The identity providers that sign people in where this holds; empty where SSO is off."""
    if not access.sso_enabled:
        return []
    return [provider for provider in providers if provider.enabled and access.idp_id in (None, provider.id)]


def untested_of(tenant_id: int, accesses: Iterable[Access]) -> tuple[list[str], bool]:
    """Names of the identity providers in force without a passing test, and whether some of these have none in force at all."""
    providers, untested, unserved = providers_of(tenant_id), set[str](), False
    for access in set(accesses):
        in_force = providers_in_force(providers, access)
        unserved = unserved or not in_force
        untested |= {provider.name for provider in in_force if provider.name not in untested and not is_tested(provider)}
    return sorted(untested), unserved


def is_tested(provider: ManagedProvider) -> bool:
    """Whether a test sign-in has passed with exactly the settings in force, and with the metadata in force."""
    version = find_version_by_id(provider.tenant_id, provider.id, provider.metadata_version_id)
    since = (version.decided_at or version.created_at) if version else _BEGINNING
    fingerprint = fingerprint_of(settings_from_document(provider.settings))
    return has_passed(provider.tenant_id, provider.id, fingerprint, since)
