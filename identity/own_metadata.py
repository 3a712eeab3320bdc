"""Flow: a tenant's own metadata from its stored keys and canonical addresses (K1)."""

from __future__ import annotations

from identity.saml.sp_metadata import sp_metadata
from tenants.records import TenantView, service_provider_keys
from tenants.service_provider import service_provider_of


def tenant_metadata(tenant: TenantView) -> bytes:
    """SP metadata with every key that an identity provider may meet: the active ones first, then the next (K2)."""
    keys = sorted(service_provider_keys(tenant.id), key=lambda row: row.state != "active")
    published = {
        use: [row.certificate for row in keys if row.use == use and row.state != "retired"]
        for use in ("signing", "encryption")
    }
    return sp_metadata(
        service_provider_of(tenant.origin),
        organisation_name=tenant.name,
        support_url=tenant.origin,
        signing_certificates=published["signing"],
        encryption_certificates=published["encryption"],
    )
