"""Flow: a tenant's own metadata from its stored keys and canonical addresses (K1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from identity.saml.sp_metadata import sp_metadata
from tenants.records import TenantView, service_provider_keys
from tenants.service_provider import service_provider_of
from tenants.trust import SAMLTrust

ANNOUNCED: Mapping[str, tuple[str, ...]] = {"signing": ("active", "next", "retiring"), "encryption": ("next", "active")}
"""Which keys metadata names, by use and state, in this order (K2).

Signing: whoever reads all of them can verify before and after a promotion, and back; whoever reads only the first knows the one
that signs now. Encryption: most identity providers take the first one that they find, so the next one comes first: it opens
messages already, and they move over by themselves whenever they fetch. A retiring one opens, and is not offered any more.
"""


@dataclass(frozen=True, slots=True)
class OwnMetadata:
    """The document, and the ids of the keys that stand in it."""

    xml: bytes
    key_ids: tuple[str, ...]


def tenant_metadata(tenant: TenantView, providers: Sequence[SAMLTrust]) -> OwnMetadata:
    """SP metadata with every key that an identity provider has to know.

    It is one document for all identity providers of the tenant, so it promises only what holds for each of them.
    """
    keys = service_provider_keys(tenant.id)
    named = {
        use: [row for state in states for row in keys if (row.use, row.state) == (use, state)]
        for use, states in ANNOUNCED.items()
    }
    xml = sp_metadata(
        service_provider_of(tenant.origin),
        organisation_name=tenant.name,
        support_url=tenant.origin,
        signing_certificates=[row.certificate for row in named["signing"]],
        encryption_certificates=[row.certificate for row in named["encryption"]],
        authn_requests_signed=all(trust.settings.sign_requests for trust in providers),
        want_assertions_signed=all(trust.settings.want_assertions_signed for trust in providers),
        single_logout=True,
    )
    return OwnMetadata(xml, tuple(row.id for rows in named.values() for row in rows))
