"""Records that advice on a refusal needs beside the receipt: how the identity provider is set up at this moment."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read
from identity.advice_facts import Circumstances
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import find_provider
from tenants.models import MyDomain
from tenants.settings_documents import settings_from_document


def circumstances_of(tenant_id: int, idp_name: str | None) -> Circumstances:
    """How things stand for an identity provider of the tenant, by its name; None where it is not known which one it was."""
    labels = frozenset(read(sa.select(MyDomain.slug).where(MyDomain.tenant_id == tenant_id)).scalars())
    provider = find_provider(tenant_id, idp_name) if idp_name else None
    if provider is None:
        return Circumstances(labels=labels)
    certificates = metadata_from_document(provider.metadata_document).signing_certificates
    return Circumstances(
        settings=settings_from_document(provider.settings),
        pinned=tuple(certificate.sha256 for certificate in certificates),
        fetches_metadata=provider.metadata_url is not None,
        labels=labels,
    )
