"""Flow: a new customer in one go: the tenant, our side of its trust, and a set-up link for its IT people (O1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from config.database import transaction
from config.sealing import KeyRing
from config.settings import Settings
from identity.setup_progress import Progress
from tenants.administration import create_tenant, draft_tenant
from tenants.email_domains import normalise_email
from tenants.management_errors import FieldsInvalid
from tenants.models import ONBOARDING
from tenants.onboarding.link_mail import mail_link
from tenants.onboarding.link_records import LinkRow
from tenants.onboarding.links import IssuedLink, issue_link
from tenants.tenant_records import Attestation, ManagedTenant


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """What staff say of a new customer. Without `attest_reason` its domains wait for their proof by DNS."""

    slug: str
    name: str
    email_domains: Sequence[str]
    attest_reason: str | None
    setup_email: str
    lifetime: dt.timedelta
    first_admin: bool = False
    """Whether the link's person becomes the tenant's first administrator when sign-in is activated."""
    by_mail: bool = False
    """Whether the link goes to its person by mail, too. Only staff begin customers, so any address may be written to."""


def start_onboarding(
    customer: NewCustomer, settings: Settings, keys: KeyRing, *, actor: str, now: dt.datetime
) -> tuple[ManagedTenant, IssuedLink]:
    """Make everything, or nothing. Opens its own transaction, after the keys were made.

    Raises:
        FieldsInvalid, SlugInvalid, SlugTaken, DomainInvalid, DomainTaken, MailNotSetUp.
    """
    if normalise_email(customer.setup_email) is None:
        raise FieldsInvalid("setup_email", errors={"setup_email": ["This is not an e-mail address."]})
    draft = draft_tenant(customer.slug, customer.name, customer.email_domains, settings, now)
    attestation = Attestation(customer.attest_reason) if customer.attest_reason else None
    with transaction():
        tenant = create_tenant(draft, settings, keys, attestation=attestation, actor=actor, now=now)
        link = issue_link(
            tenant,
            customer.setup_email,
            customer.lifetime,
            settings,
            names_admin=customer.first_admin,
            actor=actor,
            now=now,
        )
        if customer.by_mail:
            link = mail_link(tenant, link, settings, keys, by_staff=True, actor=actor, now=now)
        return tenant, link


def new_link_document(link: IssuedLink, tenant: ManagedTenant, now: dt.datetime) -> dict[str, Any]:
    """A set-up link with the link itself, for the answer that made it alone."""
    return {**link_document(link.row, tenant, now), "url": link.url, "delivery": link.delivery}


def link_document(link: LinkRow, tenant: ManagedTenant, now: dt.datetime) -> dict[str, Any]:
    """A set-up link as it is shown; never the link itself."""
    shown = {name: value for name, value in asdict(link).items() if name != "tenant_id"}
    return {**shown, "state": link.state_at(now, onboarding=tenant.state == ONBOARDING)}


def progress_document(progress: Progress) -> dict[str, Any]:
    """How far an onboarding is, as it is shown."""
    provider = progress.facts.provider
    return {
        "state": progress.facts.tenant.state,
        "product": progress.facts.choices.product,
        "identity_provider": provider.name if provider else None,
        "steps": [{"name": state.step.value, "done": state.done, "enough": state.enough} for state in progress.steps],
        "next": progress.next.value,
    }
