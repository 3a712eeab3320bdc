"""Records of e-mail domains that wait for their proof, and of the challenges that prove them by DNS (T6)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, savepoint, write
from tenants.errors import DomainTaken
from tenants.models import EmailDomain
from tenants.setup_models import DomainChallenge

BY_DNS = "dns"
TOKEN_BYTES = 20
LOOKUP_INTERVAL = dt.timedelta(seconds=5)
"""One domain is looked up at most once in this time for one tenant, whoever asks and wherever it runs."""


@dataclass(frozen=True, slots=True)
class ClaimedDomain:
    """An e-mail domain of a tenant: proven, or waiting. `token` None: nothing has to be published.

    `owned` False: another tenant claims it too, without proof; whoever proves it gets it.
    """

    domain: str
    proof: str | None
    reason: str | None
    proven_at: dt.datetime | None
    owned: bool
    token: str | None
    checked_at: dt.datetime | None
    outcome: str | None


_OWNED = sa.select(EmailDomain.domain, EmailDomain.proof, EmailDomain.reason, EmailDomain.proven_at).where(
    EmailDomain.tenant_id == sa.bindparam("of_tenant")
)
_CHALLENGES = sa.select(
    DomainChallenge.domain, DomainChallenge.token, DomainChallenge.checked_at, DomainChallenge.outcome
).where(DomainChallenge.tenant_id == sa.bindparam("of_tenant"))
_ONE_CHALLENGE = (DomainChallenge.tenant_id == sa.bindparam("of_tenant"), DomainChallenge.domain == sa.bindparam("of_domain"))
_BEGIN_LOOKUP = (
    sa.update(DomainChallenge)
    .where(
        *_ONE_CHALLENGE,
        sa.or_(DomainChallenge.checked_at.is_(None), DomainChallenge.checked_at <= sa.bindparam("long_enough_ago")),
    )
    .values(checked_at=sa.bindparam("now"))
)


def claimed_domains(tenant_id: int) -> list[ClaimedDomain]:
    """A tenant's e-mail domains in order, those that it only has a challenge for among them."""
    owned = {row.domain: row for row in read(_OWNED, {"of_tenant": tenant_id})}
    challenges = {row.domain: row for row in read(_CHALLENGES, {"of_tenant": tenant_id})}
    return [_claimed(domain, owned.get(domain), challenges.get(domain)) for domain in sorted({*owned, *challenges})]


def find_claimed(tenant_id: int, domain: str) -> ClaimedDomain | None:
    """One of a tenant's e-mail domains."""
    return next((claimed for claimed in claimed_domains(tenant_id) if claimed.domain == domain), None)


def proven_elsewhere(tenant_id: int, domain: str) -> bool:
    """Whether another tenant has proven this domain, or staff have attested it there; whose it is stays unsaid."""
    statement = sa.select(EmailDomain.domain).where(
        EmailDomain.domain == domain, EmailDomain.tenant_id != tenant_id, EmailDomain.proof.is_not(None)
    )
    return read(statement).first() is not None


def add_claim(tenant_id: int, domain: str, now: dt.datetime) -> None:
    """Claim a domain that is free; one that another tenant claims without proof stays there until somebody proves it."""
    statement = sa.insert(EmailDomain).values(domain=domain, tenant_id=tenant_id, proof=None, created_at=now)
    try:
        with savepoint():
            write(statement)
    except sa.exc.IntegrityError:
        return


def keep_challenge(tenant_id: int, domain: str, now: dt.datetime) -> None:
    """Give a domain its challenge, unless it has one: the record that somebody is just publishing stays good."""
    values = {"tenant_id": tenant_id, "domain": domain, "token": secrets.token_hex(TOKEN_BYTES), "created_at": now}
    try:
        with savepoint():
            write(sa.insert(DomainChallenge.__table__).values(**values))
    except sa.exc.IntegrityError:
        return


def begin_lookup(tenant_id: int, domain: str, now: dt.datetime) -> bool:
    """Take the turn for a look-up; False within LOOKUP_INTERVAL of the last one (two at once get one)."""
    parameters = {"of_tenant": tenant_id, "of_domain": domain, "now": now, "long_enough_ago": now - LOOKUP_INTERVAL}
    return write(_BEGIN_LOOKUP, parameters).rowcount == 1


def note_outcome(tenant_id: int, domain: str, outcome: str | None) -> None:
    """Keep how the last look-up went; None where it found the value."""
    statement = sa.update(DomainChallenge).where(*_ONE_CHALLENGE).values(outcome=outcome)
    write(statement, {"of_tenant": tenant_id, "of_domain": domain})


def set_proof(tenant_id: int, domain: str, proof: str, reason: str | None, now: dt.datetime) -> None:
    """Make a domain count for this tenant.

    Raises:
        DomainTaken: it is another tenant's.
    """
    values = {"proof": proof, "reason": reason, "proven_at": now}
    ours = sa.update(EmailDomain).where(EmailDomain.tenant_id == tenant_id, EmailDomain.domain == domain).values(**values)
    if write(ours).rowcount == 1:
        return
    try:
        with savepoint():
            write(sa.insert(EmailDomain).values(domain=domain, tenant_id=tenant_id, created_at=now, **values))
    except sa.exc.IntegrityError:
        raise DomainTaken(domain, domain=domain) from None


def remove_challenges(tenant_id: int, domains: Sequence[str]) -> None:
    """Forget the challenges of domains that a tenant gives up."""
    write(
        sa.delete(DomainChallenge).where(DomainChallenge.tenant_id == tenant_id, DomainChallenge.domain.in_(list(domains)))
    )


def _claimed(domain: str, owned: sa.Row[Any] | None, challenge: sa.Row[Any] | None) -> ClaimedDomain:
    return ClaimedDomain(
        domain=domain,
        proof=owned.proof if owned else None,
        reason=owned.reason if owned else None,
        proven_at=owned.proven_at if owned else None,
        owned=owned is not None,
        token=challenge.token if challenge else None,
        checked_at=challenge.checked_at if challenge else None,
        outcome=challenge.outcome if challenge else None,
    )
