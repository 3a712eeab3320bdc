"""Records of tenants for those who manage them: the tenant's row, its MyDomains and e-mail domains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, savepoint, write
from tenants.errors import DomainTaken, SlugTaken
from tenants.folding import folded
from tenants.models import ACTIVE, DELETED, ONBOARDING, EmailDomain, MyDomain, Tenant


@dataclass(frozen=True, slots=True)
class ManagedTenant:
    """A tenant as those see it who manage it. Found by its present MyDomain only."""

    id: int
    slug: str
    name: str
    state: str
    origin: str
    brand_colour: str
    logo: str | None
    session_idle_seconds: int
    session_absolute_seconds: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class OwnedDomain:
    """An e-mail domain of a tenant. `proof` None: it does not count yet (T6)."""

    domain: str
    proof: str | None


@dataclass(frozen=True, slots=True)
class Attestation:
    """Staff's word that a domain is the tenant's, with the reason; without one a domain waits for its proof (T6)."""

    reason: str


ATTESTED = "attested"
KEY_CHARACTERS = 200
COLUMNS = (
    Tenant.id,
    Tenant.slug,
    Tenant.name,
    Tenant.state,
    Tenant.origin,
    Tenant.brand_colour,
    Tenant.logo,
    Tenant.session_idle_seconds,
    Tenant.session_absolute_seconds,
    Tenant.created_at,
)
_FIND = sa.select(*COLUMNS).where(Tenant.slug == sa.bindparam("slug"), Tenant.state != DELETED)
_FIND_BY_ID = sa.select(*COLUMNS).where(Tenant.id == sa.bindparam("id"), Tenant.state != DELETED)
_PAGE = (
    sa.select(*COLUMNS)
    .where(Tenant.slug > sa.bindparam("after"), Tenant.state != DELETED)
    .order_by(Tenant.slug)
    .limit(sa.bindparam("limit"))
)
_DOMAINS = (
    sa.select(EmailDomain.tenant_id, EmailDomain.domain, EmailDomain.proof)
    .where(EmailDomain.tenant_id.in_(sa.bindparam("tenant_ids", expanding=True)))
    .order_by(EmailDomain.domain)
)
_BUMP = (
    sa.update(Tenant).where(Tenant.id == sa.bindparam("of_tenant"), Tenant.state != DELETED).values(version=Tenant.version + 1)
)
_ACTIVATE = sa.update(Tenant).where(Tenant.id == sa.bindparam("of_tenant"), Tenant.state == ONBOARDING).values(state=ACTIVE)


def find_managed_tenant(slug: str) -> ManagedTenant | None:
    """The tenant whose present MyDomain this is, in lower case exactly; None where there is none or it is deleted."""
    row = read(_FIND, {"slug": slug}).one_or_none()
    return ManagedTenant(**row._mapping) if row else None


def find_managed_tenant_by_id(tenant_id: int) -> ManagedTenant | None:
    """The tenant of a token, or None where it is deleted."""
    row = read(_FIND_BY_ID, {"id": tenant_id}).one_or_none()
    return ManagedTenant(**row._mapping) if row else None


def page_of_tenants(after: str, limit: int) -> list[ManagedTenant]:
    """Tenants in the order of their MyDomains, from behind `after` on; across tenants, for staff only."""
    return [ManagedTenant(**row._mapping) for row in read(_PAGE, {"after": after, "limit": limit})]


def domains_of(tenant_ids: Sequence[int]) -> dict[int, list[OwnedDomain]]:
    """The e-mail domains of each of these tenants, in order."""
    found: dict[int, list[OwnedDomain]] = {tenant_id: [] for tenant_id in tenant_ids}
    for row in read(_DOMAINS, {"tenant_ids": list(tenant_ids)}):
        found[row.tenant_id].append(OwnedDomain(row.domain, row.proof))
    return found


def bump_version(tenant_id: int) -> bool:
    """Let every worker build this tenant's trust anew; False where the tenant is deleted.

    It comes first in a change: the tenant's row is then held until the end, so that two changes of one tenant follow each
    other. Sign-ins read that row only and wait for neither.
    """
    return write(_BUMP, {"of_tenant": tenant_id}).rowcount == 1


def hold_version(tenant_id: int) -> None:
    """Hold a tenant's row until the end of the transaction, against whoever changes the tenant; others may hold it as well."""
    write(sa.select(Tenant.id).where(Tenant.id == tenant_id).with_for_update(read=True)).all()


def activate_when_onboarding(tenant_id: int) -> bool:
    """Onboarding ends with the first identity provider that can sign people in; False where it had ended before."""
    return write(_ACTIVATE, {"of_tenant": tenant_id}).rowcount == 1


def add_tenant(values: Mapping[str, Any]) -> int:
    """Add the row and its MyDomain; the database decides whether the label is free.

    Raises:
        SlugTaken: by a tenant, a deleted one, or as the former MyDomain of one.
    """
    try:
        with savepoint():
            tenant_id = int(write(sa.insert(Tenant).values(**_keyed(values)).returning(Tenant.id)).scalar_one())
            write(sa.insert(MyDomain).values(slug=values["slug"], tenant_id=tenant_id, current=True))
    except sa.exc.IntegrityError:
        raise SlugTaken(str(values["slug"])) from None
    return tenant_id


def move_to_slug(tenant_id: int, slug: str) -> None:
    """Make another label the present MyDomain. The former one goes on leading here; a former one of ours may come back (T1).

    Raises:
        SlugTaken: it is, or was, another tenant's.
    """
    write(sa.update(MyDomain).where(MyDomain.tenant_id == tenant_id).values(current=False))
    ours = write(sa.update(MyDomain).where(MyDomain.tenant_id == tenant_id, MyDomain.slug == slug).values(current=True))
    try:
        with savepoint():
            if ours.rowcount == 0:
                write(sa.insert(MyDomain).values(slug=slug, tenant_id=tenant_id, current=True))
            write(sa.update(Tenant).where(Tenant.id == tenant_id).values(slug=slug))
    except sa.exc.IntegrityError:
        raise SlugTaken(slug) from None


def change_tenant_row(tenant_id: int, values: Mapping[str, Any]) -> None:
    """Set columns of the tenant's row."""
    write(sa.update(Tenant).where(Tenant.id == tenant_id).values(**_keyed(values)))


def _keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A name brings the key along that lists search and sort it by."""
    return {**values, "name_key": folded(values["name"])[:KEY_CHARACTERS]} if "name" in values else dict(values)


def add_domain(tenant_id: int, domain: str, attestation: Attestation | None, now: dt.datetime) -> None:
    """Claim an e-mail domain for a tenant.

    Raises:
        DomainTaken: it is another tenant's; whose is never said.
    """
    statement = sa.insert(EmailDomain).values(
        domain=domain,
        tenant_id=tenant_id,
        proof=ATTESTED if attestation else None,
        reason=attestation.reason if attestation else None,
        proven_at=now if attestation else None,
        created_at=now,
    )
    try:
        with savepoint():
            write(statement)
    except sa.exc.IntegrityError:
        raise DomainTaken(domain, domain=domain) from None


def take_unproven_domain(tenant_id: int, domain: str) -> int | None:
    """Take a domain away from another tenant that only claims it; its id, or None where nobody did."""
    statement = sa.delete(EmailDomain).where(
        EmailDomain.domain == domain, EmailDomain.tenant_id != tenant_id, EmailDomain.proof.is_(None)
    )
    former: int | None = write(statement.returning(EmailDomain.tenant_id)).scalar_one_or_none()
    return former


def attest_domain(tenant_id: int, domain: str, attestation: Attestation, now: dt.datetime) -> None:
    """Give staff's word for a domain that waited for its proof."""
    write(
        sa.update(EmailDomain)
        .where(EmailDomain.tenant_id == tenant_id, EmailDomain.domain == domain)
        .values(proof=ATTESTED, reason=attestation.reason, proven_at=now)
    )


def remove_domains(tenant_id: int, domains: Sequence[str]) -> None:
    """Give e-mail domains up; another tenant may then have them."""
    write(sa.delete(EmailDomain).where(EmailDomain.tenant_id == tenant_id, EmailDomain.domain.in_(list(domains))))
