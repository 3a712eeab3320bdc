"""Documents that the management API and the command line show: tenants, identity providers, events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tenants.domain_proof import challenge_record
from tenants.domain_records import ClaimedDomain
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import ManagedProvider
from tenants.logo_marks import mark_of
from tenants.metadata_views import signer_document
from tenants.saml_settings import SAMLSettings
from tenants.service_provider import service_provider_of
from tenants.settings_warnings import warnings_of
from tenants.sync_intervals import next_sync_of, service_sync_hours
from tenants.tenant_records import ManagedTenant, OwnedDomain


def tenant_document(tenant: ManagedTenant, domains: Sequence[OwnedDomain]) -> dict[str, Any]:
    """A tenant as it is shown."""
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "state": tenant.state,
        "email_domains": [owned.domain for owned in domains],
        "unproven_email_domains": [owned.domain for owned in domains if owned.proof is None],
        "sp": asdict(service_provider_of(tenant.origin)),
        "brand_colour": tenant.brand_colour,
        "logo": mark.path if (mark := mark_of(tenant.logo)) else None,
        "session_idle_seconds": tenant.session_idle_seconds,
        "session_absolute_seconds": tenant.session_absolute_seconds,
        "created_at": tenant.created_at,
    }


def domain_document(claimed: ClaimedDomain) -> dict[str, Any]:
    """An e-mail domain as it is shown, with the record that proves it."""
    challenge = challenge_record(claimed)
    return {
        "domain": claimed.domain,
        "state": "proven" if claimed.proof else "waiting",
        "proof": claimed.proof,
        "reason": claimed.reason,
        "proven_at": claimed.proven_at,
        "record": {"type": "TXT", "name": challenge.name, "value": challenge.value} if challenge else None,
        "checked_at": claimed.checked_at,
        "last_check": claimed.outcome,
    }


def settings_document(settings: SAMLSettings) -> dict[str, Any]:
    """SAML settings as they are shown, and may be given back: no class is "", one a text, several a list."""
    document = settings.to_document()
    classes = document["authn_context_class_ref"]
    document["authn_context_class_ref"] = classes if len(classes) > 1 else "".join(classes)
    found = warnings_of(settings)
    document["warnings"] = [{"field": item.field, "code": item.code, "detail": item.sentence} for item in found]
    return document


def refresh_document(provider: ManagedProvider) -> dict[str, Any]:
    """How often its metadata is fetched again: its own interval, the one that holds, the next time; and what went wrong."""
    return {
        "sync_hours": provider.sync_hours,
        "effective_hours": provider.sync_hours or service_sync_hours(),
        "next_sync_at": next_sync_of(provider),
        "succeeded_at": provider.last_success_at,
        "failures": provider.sync_failures,
        "stage": provider.last_sync_stage,
        "cause": provider.last_sync_cause,
    }


def provider_document(provider: ManagedProvider) -> dict[str, Any]:
    """An identity provider as it is shown: what is in force, how the last sync went, what waits."""
    metadata = metadata_from_document(provider.metadata_document)
    return {
        "name": provider.name,
        "display_name": provider.display_name,
        "entity_id": provider.entity_id,
        "enabled": provider.enabled,
        "metadata_url": provider.metadata_url if provider.metadata_mdq is None else None,
        "metadata_path": provider.metadata_path,
        "metadata_mdq": provider.metadata_mdq,
        "metadata_signing_certificate": signer_document(provider.metadata_signing_certificate),
        "allow_aggregate": provider.allow_aggregate,
        "version": provider.version,
        "valid_until": metadata.valid_until,
        "sso": [{"binding": endpoint.binding, "location": endpoint.location} for endpoint in metadata.sso],
        "signing_certificates": [
            {"sha256": item.sha256, "not_before": item.not_before, "not_after": item.not_after}
            for item in metadata.signing_certificates
        ],
        "warnings": [dict(warning) for warning in metadata.warnings],
        "last_sync": {
            "at": provider.last_sync_at,
            "result": provider.last_sync_result,
            "code": provider.last_sync_code,
        },
        "refresh": refresh_document(provider),
        "pending": provider.pending,
    }
