"""Flow: which e-mail domains are a tenant's; each belongs to one tenant in the service, and only a proven one counts (T6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tenants.audit import EventType, record
from tenants.domain_records import add_claim, keep_challenge, proven_elsewhere, remove_challenges
from tenants.email_domains import normalise_domain
from tenants.errors import DomainInvalid, DomainTaken
from tenants.management_errors import FieldsInvalid
from tenants.tenant_records import (
    Attestation,
    ManagedTenant,
    add_domain,
    attest_domain,
    bump_version,
    domains_of,
    remove_domains,
    take_unproven_domain,
)

MAX_EMAIL_DOMAINS = 100


def read_domains(texts: Sequence[str]) -> tuple[str, ...]:
    """E-mail domains in the form that they are stored in, each once, in the order given."""
    if len(texts) > MAX_EMAIL_DOMAINS:
        raise FieldsInvalid("domains", errors={"email_domains": [f"At most {MAX_EMAIL_DOMAINS} domains."]})
    domains: dict[str, None] = {}
    for position, text in enumerate(texts):
        try:
            domains[normalise_domain(text)] = None
        except DomainInvalid as refusal:
            named = f"{text[:80]}: {refusal.sentence}"
            raise DomainInvalid(refusal.cause, errors={"email_domains": {str(position): [named]}}) from None
    return tuple(domains)


def claim_domain(tenant_id: int, domain: str, attestation: Attestation | None, actor: str, now: dt.datetime) -> None:
    """Give a tenant a domain that is free. An attested one is free too where another tenant only claims it.

    Otherwise anybody who runs a tenant could keep an organisation out by naming its domain first.

    Raises:
        DomainTaken
    """
    former = take_unproven_domain(tenant_id, domain) if attestation else None
    if former is not None:
        bump_version(former)
        record(former, EventType.EMAIL_DOMAINS_CHANGED, at=now, actor=actor, added=[], removed=[domain], attested=[])
    add_domain(tenant_id, domain, attestation, now)
    if attestation is None:
        keep_challenge(tenant_id, domain, now)


def claim_without_proof(tenant_id: int, domain: str, now: dt.datetime) -> None:
    """Note a claim that DNS has to prove. Where another tenant merely claims the domain too, only the challenge is kept.

    Raises:
        DomainTaken: it is proven for another tenant.
    """
    if proven_elsewhere(tenant_id, domain):
        raise DomainTaken(domain, domain=domain)
    add_claim(tenant_id, domain, now)
    keep_challenge(tenant_id, domain, now)


def replace_domains(
    tenant: ManagedTenant, wanted: Sequence[str], attestation: Attestation | None, actor: str, now: dt.datetime
) -> None:
    """Replace the list. Staff attest what they list; a tenant's own admin adds domains that wait for their proof (T6)."""
    owned = {item.domain: item.proof for item in domains_of([tenant.id])[tenant.id]}
    removed = sorted(set(owned) - set(wanted))
    added = [domain for domain in wanted if domain not in owned]
    attested = [domain for domain in wanted if attestation and domain in owned and owned[domain] is None]
    if removed:
        remove_domains(tenant.id, removed)
        remove_challenges(tenant.id, removed)
    for domain in added:
        claim_domain(tenant.id, domain, attestation, actor, now)
    if attestation is not None:
        for domain in attested:
            attest_domain(tenant.id, domain, attestation, now)
    if removed or added or attested:
        reason = attestation.reason if attestation else None
        detail: dict[str, Any] = {"added": added, "removed": removed, "attested": attested, "attestation": reason}
        record(tenant.id, EventType.EMAIL_DOMAINS_CHANGED, at=now, actor=actor, **detail)
