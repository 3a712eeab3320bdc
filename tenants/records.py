"""Records of the sign-in path: whose host is this, and what do this tenant and its identity providers agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from config.statements import Prepared
from tenants.models import DELETED, SUSPENDED, EmailDomain, IdentityProvider, MyDomain, ServiceProviderKey, Tenant


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant as one request sees it. `canonical` is False where the request came by a former MyDomain (T1)."""

    id: int
    slug: str
    name: str
    state: str
    version: int
    origin: str
    brand_colour: str
    logo: str | None
    session_idle_seconds: int
    session_absolute_seconds: int
    canonical: bool

    @property
    def suspended(self) -> bool:
        """Whether sign-in is switched off."""
        return self.state == SUSPENDED


_TENANT_COLUMNS = (
    Tenant.id,
    Tenant.slug,
    Tenant.name,
    Tenant.state,
    Tenant.version,
    Tenant.origin,
    Tenant.brand_colour,
    Tenant.logo,
    Tenant.session_idle_seconds,
    Tenant.session_absolute_seconds,
)
_FIND_TENANT = Prepared(
    sa.select(*_TENANT_COLUMNS, MyDomain.current.label("canonical"))
    .join(MyDomain, MyDomain.tenant_id == Tenant.id)
    .where(MyDomain.slug == sa.bindparam("slug"))  # nothing else: PostgreSQL guesses that "state <> $2" holds for no row
)
_CONNECTED = sa.select(
    IdentityProvider.id,
    IdentityProvider.name,
    IdentityProvider.display_name,
    IdentityProvider.metadata_document.label("metadata_document"),
    IdentityProvider.settings,
    IdentityProvider.organisation_id,
    IdentityProvider.placement_follows,
    IdentityProvider.email_domains,
).where(IdentityProvider.tenant_id == sa.bindparam("tenant_id"), IdentityProvider.deleted_at.is_(None))
_PROVIDERS = _CONNECTED.where(IdentityProvider.enabled.is_(True))
_PROVIDER = _CONNECTED.where(IdentityProvider.id == sa.bindparam("idp_id"))
_SWITCHED_OFF = _CONNECTED.where(
    IdentityProvider.entity_id == sa.bindparam("entity_id"), IdentityProvider.enabled.is_(False)
)
_ANY_SWITCHED_OFF = sa.select(IdentityProvider.id).where(
    IdentityProvider.tenant_id == sa.bindparam("tenant_id"),
    IdentityProvider.deleted_at.is_(None),
    IdentityProvider.enabled.is_(False),
)
_KEYS = (
    sa.select(
        ServiceProviderKey.id,
        ServiceProviderKey.use,
        ServiceProviderKey.state,
        ServiceProviderKey.certificate,
    )
    .where(ServiceProviderKey.tenant_id == sa.bindparam("tenant_id"), ServiceProviderKey.state != "retired")
    .order_by(ServiceProviderKey.created_at, ServiceProviderKey.id)
)
_DOMAINS = sa.select(EmailDomain.domain).where(
    EmailDomain.tenant_id == sa.bindparam("tenant_id"), EmailDomain.proof.is_not(None)
)


def find_tenant(slug: str) -> TenantView | None:
    """The tenant that a MyDomain, present or former, leads to; None where there is none or it is deleted."""
    row = _FIND_TENANT.one_or_none({"slug": slug})
    return TenantView(*row) if row is not None and row.state != DELETED else None


def enabled_providers(tenant_id: int) -> Sequence[sa.Row[Any]]:
    """Rows of a tenant's identity providers that may sign people in."""
    return read(_PROVIDERS, {"tenant_id": tenant_id}).all()


def connected_provider(tenant_id: int, idp_id: str) -> sa.Row[Any] | None:
    """The row of one of a tenant's identity providers, whether it may sign people in or not."""
    return read(_PROVIDER, {"tenant_id": tenant_id, "idp_id": idp_id}).one_or_none()


def switched_off_provider(tenant_id: int, entity_id: str) -> sa.Row[Any] | None:
    """The row of an identity provider that is connected and may sign nobody in at present."""
    return read(_SWITCHED_OFF, {"tenant_id": tenant_id, "entity_id": entity_id}).one_or_none()


def is_any_switched_off(tenant_id: int) -> bool:
    """Whether a tenant has connected an identity provider that may sign nobody in at present."""
    return read(_ANY_SWITCHED_OFF.limit(1), {"tenant_id": tenant_id}).first() is not None


def service_provider_keys(tenant_id: int) -> Sequence[sa.Row[Any]]:
    """A tenant's own keys that are not retired, oldest first."""
    return read(_KEYS, {"tenant_id": tenant_id}).all()


def proven_domains(tenant_id: int) -> frozenset[str]:
    """The e-mail domains that count for sign-in: proven or attested ones (T6)."""
    return frozenset(read(_DOMAINS, {"tenant_id": tenant_id}).scalars())


def key_place(tenant_id: int, key_id: str) -> str:
    """What a private key is sealed to: its tenant and its row."""
    return f"sp_key:{tenant_id}:{key_id}"
