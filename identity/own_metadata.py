"""Flow: a tenant's own metadata from its stored keys and canonical addresses (K1)."""

from __future__ import annotations

from collections.abc import Sequence

from identity.saml.sp_metadata import sp_metadata
from tenants.records import TenantView, service_provider_keys
from tenants.service_provider import service_provider_of
from tenants.trust import SAMLTrust


def tenant_metadata(tenant: TenantView, providers: Sequence[SAMLTrust]) -> bytes:
    """SP metadata with every key that an identity provider may meet: the active ones first, then the next (K2).

    It is one document for all identity providers of the tenant, so it promises only what holds for each of them.
    """
    keys = sorted(service_provider_keys(tenant.id), key=lambda row: row.state != "active")
    published = {
        use: [row.certificate for row in keys if row.use == use and row.state != "retired"] for use in ("signing", "encryption")
    }
    return sp_metadata(
        service_provider_of(tenant.origin),
        organisation_name=tenant.name,
        support_url=tenant.origin,
        signing_certificates=published["signing"],
        encryption_certificates=published["encryption"],
        authn_requests_signed=all(trust.settings.sign_requests for trust in providers),
        want_assertions_signed=all(trust.settings.want_assertions_signed for trust in providers),
        single_logout=True,
    )
