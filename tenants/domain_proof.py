"""Flow: a tenant shows that an e-mail domain is its own, by a TXT record in DNS, or staff give their word (T6).

A domain that another tenant merely claims goes to whoever proves it; one that is proven elsewhere is refused, and whose
it is stays unsaid. The look-up stands outside of any transaction.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from config.database import transaction
from config.settings import Settings
from tenants.audit import EventType, record
from tenants.domain_errors import DomainRecordWrong, DomainUnproven
from tenants.domain_lookup import txt_values
from tenants.domain_ownership import MAX_EMAIL_DOMAINS, claim_without_proof
from tenants.domain_records import (
    BY_DNS,
    LOOKUP_INTERVAL,
    ClaimedDomain,
    begin_lookup,
    claimed_domains,
    find_claimed,
    keep_challenge,
    note_outcome,
    proven_elsewhere,
    remove_challenges,
    set_proof,
)
from tenants.email_domains import normalise_domain
from tenants.errors import DomainInvalid, DomainTaken, NotFound, RateLimited
from tenants.management_errors import FieldsInvalid
from tenants.tenant_records import (
    ATTESTED,
    Attestation,
    ManagedTenant,
    bump_version,
    remove_domains,
    take_unproven_domain,
)

CHALLENGE_LABEL = "_vestibule-challenge"
VALUE_PREFIX = "vestibule-domain-verification="
MAX_SHOWN_VALUES = 5
MAX_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class ChallengeRecord:
    """The TXT record that proves a domain."""

    name: str
    value: str


def challenge_record(claimed: ClaimedDomain) -> ChallengeRecord | None:
    """What is to be published for a domain; None where nothing has to be."""
    if claimed.token is None:
        return None
    return ChallengeRecord(f"{CHALLENGE_LABEL}.{claimed.domain}", VALUE_PREFIX + claimed.token)


def add_email_domain(tenant: ManagedTenant, text: str, *, actor: str, now: dt.datetime) -> ClaimedDomain:
    """Add a domain that waits for its proof; the same again changes nothing. The edge opens the transaction.

    Raises:
        DomainInvalid, DomainTaken (proven elsewhere), FieldsInvalid (too many), NotFound (the tenant is gone).
    """
    domain = _read_domain(text)
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    present = claimed_domains(tenant.id)
    known = next((claimed for claimed in present if claimed.domain == domain), None)
    if known is None and len(present) >= MAX_EMAIL_DOMAINS:
        raise FieldsInvalid("domains", errors={"domain": [f"At most {MAX_EMAIL_DOMAINS} domains."]})
    if known is None or known.proof is None:
        claim_without_proof(tenant.id, domain, now)
    if known is None:
        _record_change(tenant.id, actor, now, added=[domain])
    return require_email_domain(tenant.id, domain)


def require_email_domain(tenant_id: int, domain: str) -> ClaimedDomain:
    """The tenant's e-mail domain of this name, or NotFound."""
    claimed = find_claimed(tenant_id, domain)
    if claimed is None:
        raise NotFound("no such e-mail domain")
    return claimed


def verify_email_domain(
    tenant: ManagedTenant, domain: str, settings: Settings, *, actor: str, now: dt.datetime
) -> ClaimedDomain:
    """Look for the TXT record, and take the domain where it is there. Opens its own transactions.

    Raises:
        NotFound: the tenant has no such domain. RateLimited: it was looked up a moment ago.
        DomainUnproven: and the code that says why, which is kept as the outcome. DomainTaken: it is proven elsewhere.
    """
    require_email_domain(tenant.id, domain)
    with transaction():
        keep_challenge(tenant.id, domain, now)
        if not begin_lookup(tenant.id, domain, now):
            raise RateLimited("looked up a moment ago", retry_after=int(LOOKUP_INTERVAL.total_seconds()))
        wanted = challenge_record(require_email_domain(tenant.id, domain))
    try:
        _require_published(tenant.id, wanted, settings)
    except DomainUnproven as refusal:
        with transaction():
            note_outcome(tenant.id, domain, refusal.code)
        raise
    with transaction():
        _take(tenant.id, domain, now)
        if challenge_record(require_email_domain(tenant.id, domain)) != wanted:
            raise NotFound("given up, or another challenge, since the look-up began")
        note_outcome(tenant.id, domain, None)
        set_proof(tenant.id, domain, BY_DNS, None, now)
        record(tenant.id, EventType.EMAIL_DOMAIN_PROVEN, at=now, actor=actor, domain=domain, proof=BY_DNS)
    return require_email_domain(tenant.id, domain)


def attest_email_domain(
    tenant: ManagedTenant, domain: str, attestation: Attestation, *, actor: str, now: dt.datetime
) -> ClaimedDomain:
    """Staff's word that a domain is the tenant's. The edge opens the transaction.

    Raises:
        NotFound: the tenant has no such domain. DomainTaken: it is proven elsewhere.
    """
    claimed = require_email_domain(tenant.id, domain)
    _take(tenant.id, domain, now)
    if claimed.proof is None:
        set_proof(tenant.id, domain, ATTESTED, attestation.reason, now)
        detail = {"domain": domain, "proof": ATTESTED, "attestation": attestation.reason}
        record(tenant.id, EventType.EMAIL_DOMAIN_PROVEN, at=now, actor=actor, **detail)
    return require_email_domain(tenant.id, domain)


def remove_email_domain(tenant: ManagedTenant, domain: str, *, actor: str, now: dt.datetime) -> None:
    """Give a domain up: nobody with an address there gets in any more. The edge opens the transaction.

    Raises:
        NotFound: the tenant has no such domain.
    """
    require_email_domain(tenant.id, domain)
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    remove_domains(tenant.id, [domain])
    remove_challenges(tenant.id, [domain])
    _record_change(tenant.id, actor, now, removed=[domain])


def _require_published(tenant_id: int, wanted: ChallengeRecord | None, settings: Settings) -> None:
    if wanted is None:
        raise NotFound("given up since the look-up began")
    found = txt_values(wanted.name, settings.dns_resolvers, tenant_id=tenant_id)
    if not any(secrets.compare_digest(value.strip().encode(), wanted.value.encode()) for value in found):
        shown = [value[:MAX_SHOWN_CHARACTERS] for value in found[:MAX_SHOWN_VALUES]]
        raise DomainRecordWrong(f"{wanted.name}: {len(found)} other values", name=wanted.name, found=shown)


def _take(tenant_id: int, domain: str, now: dt.datetime) -> None:
    """Take the domain from another tenant that merely claims it, and refuse where it is proven there."""
    if not bump_version(tenant_id):
        raise NotFound("deleted meanwhile")
    former = take_unproven_domain(tenant_id, domain)
    if former is not None:
        bump_version(former)
        _record_change(former, "domain-proof", now, removed=[domain])
    if proven_elsewhere(tenant_id, domain):
        raise DomainTaken(domain, domain=domain)


def _read_domain(text: str) -> str:
    try:
        return normalise_domain(text.strip())
    except DomainInvalid as refusal:
        raise DomainInvalid(refusal.cause, errors={"domain": [refusal.sentence]}) from None


def _record_change(
    tenant_id: int, actor: str, now: dt.datetime, *, added: list[str] | None = None, removed: list[str] | None = None
) -> None:
    detail: dict[str, Any] = {"added": added or [], "removed": removed or [], "attested": []}
    record(tenant_id, EventType.EMAIL_DOMAINS_CHANGED, at=now, actor=actor, **detail)
