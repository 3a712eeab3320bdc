"""Flow: a set-up link that was just made goes to its person by mail, through the outbox (O2).

The token is known at that moment alone: it stands sealed in the outbox until the mail has arrived, and in no log and no event.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from config.sealing import KeyRing
from config.settings import Settings
from tenants.audit import EventType, record
from tenants.email_domains import domain_of
from tenants.management_errors import FieldsInvalid
from tenants.notices.errors import MailNotSetUp
from tenants.notices.letters import Letter
from tenants.notices.outbox import tell_by_mail
from tenants.onboarding.links import IssuedLink
from tenants.rates import Rate, require_rate
from tenants.records import proven_domains
from tenants.tenant_records import ManagedTenant

SETUP_LINK = "setup_link"
MAILS = Rate("setup_link_mail", per_minute=10 / 60, burst=10)
"""For each tenant: links can be revoked and made anew without end, and our mail server is not to pay for that."""
_TAKES = (
    "It takes access to the administration of your identity provider, perhaps to the DNS of your e-mail domain, and about a "
    "quarter of an hour. It takes no account here, and you can leave it and go on later."
)


def mail_link(
    tenant: ManagedTenant,
    link: IssuedLink,
    settings: Settings,
    keys: KeyRing,
    *,
    by_staff: bool,
    actor: str,
    now: dt.datetime,
) -> IssuedLink:
    """Send it, in the transaction that made it: without the mail there is no link either.

    Args:
        by_staff: their word stands in for the proof of the address's domain, or anybody could have us write to strangers.

    Raises:
        MailNotSetUp, FieldsInvalid, RateLimited.
    """
    if not settings.smtp_url:
        raise MailNotSetUp("SMTP_URL is not set")
    address = link.row.email
    if not by_staff and domain_of(address) not in proven_domains(tenant.id):
        sentence = "We send mail only to addresses at the organisation's proven e-mail domains. Hand the link over yourself."
        raise FieldsInvalid("email", errors={"email": [sentence]})
    require_rate(tenant.id, MAILS, now)
    (delivery_id,) = tell_by_mail(tenant.id, SETUP_LINK, setup_letter(tenant.name, link), [address], keys, now)
    record(tenant.id, EventType.SETUP_LINK_MAILED, at=now, actor=actor, link=link.row.id, delivery=delivery_id)
    return replace(link, delivery=delivery_id)


def setup_letter(tenant: str, link: IssuedLink) -> Letter:
    """What the mail says. The name was typed by whoever made the tenant: it is quoted, and asks for nothing by itself."""
    end = link.row.expires_at
    holds = f"{end.day} {end:%B %Y at %H:%M} UTC"
    return Letter(
        f"Set up sign-in for {tenant}",
        (
            f"You are asked to connect the identity provider of {tenant}, so that its people can sign in with their accounts.",
            _TAKES,
            f"The link is for you alone: do not pass it on. It holds until {holds}, in the one browser that you begin in.",
            "If you do not know what this is about, leave the link alone and ask whoever looks after sign-in where you work.",
        ),
        ("Begin the set-up", link.url),
    )
