"""Flow: something is told to everybody who looks after a tenant's sign-in: its contacts and administrators, and staff's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from config.sealing import KeyRing
from config.settings import Settings
from tenants.notices.contacts import addresses_of
from tenants.notices.letters import Letter
from tenants.notices.outbox import MAX_RECIPIENTS, tell_by_mail, tell_webhooks
from tenants.notices.owners import Owner

AdminsOf = Callable[[int], Sequence[str]]
"""A tenant's id to the addresses of its administrators who have an account that is active."""


class NamedTenant(Protocol):
    """A tenant, as far as its notices know it."""

    @property
    def id(self) -> int:
        """Its id."""

    @property
    def slug(self) -> str:
        """Its present MyDomain."""

    @property
    def name(self) -> str:
        """What people call it."""


@dataclass(frozen=True, slots=True)
class NoticeMeans:
    """What the deployment gives: settings, the keys that seal, and whose addresses are a tenant's administrators'."""

    settings: Settings
    keys: KeyRing
    admins_of: AdminsOf


def recipients_of(tenant_id: int, admins_of: AdminsOf) -> list[str]:
    """Who of a tenant is told by mail now: its contacts, then its administrators; each once, and so many at most."""
    return list(dict.fromkeys([*addresses_of(tenant_id), *admins_of(tenant_id)]))[:MAX_RECIPIENTS]


def tell_everybody(
    tenant: NamedTenant,
    page: str,
    event: str,
    letter: Callable[[str], Letter],
    document: Mapping[str, Any],
    means: NoticeMeans,
    now: dt.datetime,
) -> int:
    """Put mail and webhooks into the outbox, in the transaction of what they tell; how many messages that is.

    Args:
        page: of the tenant's console, the one that tells more.
        letter: what it says, for the address of that page.
        document: the same for programs.
    """
    settings, told = means.settings, 0
    pages: tuple[tuple[Owner, str, Sequence[str]], ...] = (
        (tenant.id, f"{settings.tenant_origin(tenant.slug)}/admin{page}", recipients_of(tenant.id, means.admins_of)),
        (None, f"{settings.app_url}/admin/tenants/{tenant.slug}{page}", addresses_of(None)),
    )
    data = {"tenant": tenant.slug, **document}
    for owner, address, recipients in pages:
        told += len(tell_webhooks(owner, event, data, means.keys, now))
        if settings.smtp_url:
            told += len(tell_by_mail(owner, event, letter(address), recipients, means.keys, now))
    return told
