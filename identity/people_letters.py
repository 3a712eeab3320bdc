"""Flow: people are told by mail what was changed about their account, in case it was neither them nor meant (P8, G2).

Each letter goes through the outbox, in the transaction of the change. It has no link: whoever forges one has nothing to copy.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from config.sealing import KeyRing
from config.settings import Settings
from identity.moments import utc_words
from tenants.email_domains import domain_of
from tenants.notices.letters import Letter
from tenants.notices.outbox import tell_by_mail
from tenants.notices.telling import NamedTenant
from tenants.records import proven_domains

CHANGED_MAIL = "account.changed"
READDRESSED = "an administrator changed the e-mail address of your account"
RELINKED = "an administrator linked it anew to how you sign in, and its sessions ended"
_NOT_YOU = "If you neither did that nor expect it, tell your administrator at once."


@dataclass(frozen=True, slots=True)
class Post:
    """How people are written to: whether there is a mail server, and the keys that seal what waits for it."""

    goes: bool
    keys: KeyRing = field(repr=False)


def post_of(settings: Settings, keys: KeyRing) -> Post:
    """How this deployment writes."""
    return Post(bool(settings.smtp_url), keys)


def tell_person(tenant: NamedTenant, email: str, what: str, post: Post, now: dt.datetime) -> None:
    """Tell somebody what was changed about their account, inside the change's transaction.

    Strangers' domains get nothing from us, whatever is asked for.
    """
    if post.goes and domain_of(email) in proven_domains(tenant.id):
        tell_by_mail(tenant.id, CHANGED_MAIL, changed_letter(tenant.name, what, now), [email], post.keys, now)


def changed_letter(tenant: str, what: str, now: dt.datetime) -> Letter:
    """What it says."""
    return Letter(f"{tenant}: {what}", (f"For your account at {tenant}: {what}, on {utc_words(now)}.", _NOT_YOU))
