"""Records of what staff should look at: tenants by state, certificates that end, syncs that fail, set-ups that stand still.

Each is one statement on a small index, across tenants; for staff only, but where a tenant is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read
from config.isolation import every_tenant
from tenants.models import DELETED, ONBOARDING, STATES, IdentityProvider, ServiceProviderKey, Tenant

ALREADY_ENDED = dt.timedelta(days=30)
"""A certificate that ended longer ago is no news: its key is trusted all the same."""


@dataclass(frozen=True, slots=True)
class EndingCertificate:
    """The last certificate of an identity provider, or one of a tenant's own, and when it ends. `idp` None: its own."""

    slug: str
    tenant: str
    idp: str | None
    label: str
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class FailedSync:
    """An identity provider whose last sync did not succeed."""

    slug: str
    tenant: str
    idp: str
    label: str
    code: str | None
    at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class OpenOnboarding:
    """A tenant that is not active yet."""

    slug: str
    tenant: str
    created_at: dt.datetime


def tenants_by_state() -> Mapping[str, int]:
    """How many tenants are in each state, deleted ones not among them."""
    statement = sa.select(Tenant.state, sa.func.count()).where(Tenant.state != DELETED).group_by(Tenant.state)
    found = {row[0]: int(row[1]) for row in read(statement)}
    return {state: found.get(state, 0) for state in STATES if state != DELETED}


def ending_certificates(now: dt.datetime, within: dt.timedelta, limit: int) -> list[EndingCertificate]:
    """Certificates of connected identity providers that end soon or have just ended, the first one first."""
    statement = (
        sa.select(
            Tenant.slug,
            Tenant.name,
            IdentityProvider.name.label("idp"),
            IdentityProvider.display_name,
            IdentityProvider.certificate_ends_at,
        )
        .join(Tenant, Tenant.id == IdentityProvider.tenant_id)
        .where(
            IdentityProvider.certificate_ends_at > now - ALREADY_ENDED,
            IdentityProvider.certificate_ends_at <= now + within,
            IdentityProvider.deleted_at.is_(None),
            IdentityProvider.enabled.is_(True),
            Tenant.state != DELETED,
        )
        .order_by(IdentityProvider.certificate_ends_at, Tenant.slug)
        .limit(limit)
    )
    with every_tenant():
        return [EndingCertificate(*row) for row in read(statement)]


def ending_own_keys(
    now: dt.datetime, within: dt.timedelta, limit: int, *, tenant_id: int | None = None
) -> list[EndingCertificate]:
    """Our own certificates that end soon, the first one first; retired ones are no news."""
    statement = (
        sa.select(Tenant.slug, Tenant.name, sa.null(), ServiceProviderKey.use, ServiceProviderKey.ends_at)
        .join(Tenant, Tenant.id == ServiceProviderKey.tenant_id)
        .where(
            ServiceProviderKey.ends_at <= now + within,
            ServiceProviderKey.state != "retired",
            Tenant.state != DELETED,
        )
        .order_by(ServiceProviderKey.ends_at)
        .limit(limit)
    )
    if tenant_id is not None:
        rows = read(statement.where(ServiceProviderKey.tenant_id == tenant_id)).all()
    else:
        with every_tenant():
            rows = read(statement).all()
    return [EndingCertificate(*row) for row in rows]


def failed_syncs(limit: int) -> list[FailedSync]:
    """Identity providers whose last sync failed, the newest first."""
    statement = (
        sa.select(
            Tenant.slug,
            Tenant.name,
            IdentityProvider.name.label("idp"),
            IdentityProvider.display_name,
            IdentityProvider.last_sync_code,
            IdentityProvider.last_sync_at,
        )
        .join(Tenant, Tenant.id == IdentityProvider.tenant_id)
        .where(sa.text("last_sync_result = 'failed'"), IdentityProvider.deleted_at.is_(None), Tenant.state != DELETED)
        .order_by(IdentityProvider.last_sync_at.desc(), Tenant.slug)
        .limit(limit)
    )
    with every_tenant():
        return [FailedSync(*row) for row in read(statement)]


def stalled_onboardings(before: dt.datetime, limit: int) -> list[OpenOnboarding]:
    """Tenants that were made before a moment and are not active yet, the oldest first."""
    statement = (
        sa.select(Tenant.slug, Tenant.name, Tenant.created_at)
        .where(Tenant.state == ONBOARDING, Tenant.created_at < before)
        .order_by(Tenant.created_at, Tenant.slug)
        .limit(limit)
    )
    return [OpenOnboarding(*row) for row in read(statement)]
