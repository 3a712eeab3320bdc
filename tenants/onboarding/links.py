"""Flows: a set-up link is issued, opened, claimed by one browser, released, revoked (O2).

Opening changes nothing, since mail scanners open every link. Starting claims it for the browser that does so; from then on
the link is of no use in another one, and the address in use holds no secret. A link is good only while its tenant is
onboarding.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from config.database import transaction
from config.settings import Settings
from tenants.audit import EventType, record
from tenants.email_domains import normalise_email
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.models import ONBOARDING
from tenants.onboarding.errors import (
    OnboardingFinished,
    SetupLinkClaimed,
    SetupLinkDone,
    SetupLinkExpired,
    SetupLinkInvalid,
    SetupLinkRevoked,
    SetupNotStarted,
)
from tenants.onboarding.link_records import (
    LinkRow,
    add_link,
    change_link,
    claim_row,
    complete_links,
    find_by_claim,
    find_by_token,
    find_link,
    links_of,
)
from tenants.rates import Rate, require_rate
from tenants.tenant_records import ManagedTenant

SETUP_PATH = "/setup"
SECRET_BYTES = 32
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `secrets.token_urlsafe` makes of so many bytes: a link's token, and a browser's secret."""
DEFAULT_LIFETIME = dt.timedelta(days=14)
MAX_LIFETIME_DAYS = 90
MAX_OPEN_LINKS = 20

UNKNOWN_TOKENS = Rate("unknown_setup_links", per_minute=30, burst=60)
"""For each tenant. A genuine link is never counted, so nobody is locked out by a stranger who guesses."""


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A new link. The URL holds the token, and is shown this once. `delivery`: of the mail that it goes out with."""

    row: LinkRow
    url: str = field(repr=False)
    delivery: str | None = None


def issue_link(
    tenant: ManagedTenant,
    email: str,
    lifetime: dt.timedelta,
    settings: Settings,
    *,
    names_admin: bool = False,
    actor: str,
    now: dt.datetime,
) -> IssuedLink:
    """Make a link for one person. The edge opens the transaction.

    Args:
        names_admin: whether its person becomes an administrator of the tenant with the activation; staff's word alone.

    Raises:
        FieldsInvalid: no e-mail address, or too many links. OnboardingFinished.
    """
    address = normalise_email(email)
    if address is None:
        raise FieldsInvalid("email", errors={"email": ["This is not an e-mail address."]})
    if tenant.state != ONBOARDING:
        raise OnboardingFinished(tenant.state)
    good = [link for link in links_of(tenant.id) if link.state_at(now, onboarding=True) in ("open", "claimed")]
    if len(good) >= MAX_OPEN_LINKS:
        raise FieldsInvalid("links", errors={"email": [f"There are {MAX_OPEN_LINKS} links already. Revoke one first."]})
    token = secrets.token_urlsafe(SECRET_BYTES)
    values = {"email": address, "created_by": actor, "created_at": now, "expires_at": now + lifetime}
    values |= {"names_admin": names_admin}
    link_id = add_link(tenant.id, token, values)
    detail: dict[str, Any] = {"link": link_id, "email": address, "expires_at": (now + lifetime).isoformat()}
    detail |= {"names_admin": True} if names_admin else {}
    record(tenant.id, EventType.SETUP_LINK_ISSUED, at=now, actor=actor, **detail)
    return IssuedLink(require_link(tenant.id, link_id), f"{settings.tenant_origin(tenant.slug)}{SETUP_PATH}/{token}")


def open_link(tenant_id: int, state: str, token: str, now: dt.datetime) -> LinkRow:
    """The link that somebody opened; it may be claimed by another browser. Changes nothing.

    Raises:
        SetupLinkInvalid: unknown; or, for a genuine one, expired, revoked or done. RateLimited: too many unknown ones.
    """
    link = find_by_token(tenant_id, token) if SECRET.fullmatch(token) else None
    if link is None:
        with transaction():
            require_rate(tenant_id, UNKNOWN_TOKENS, now)
        raise SetupLinkInvalid("unknown token")
    return _require_good(link, state, now)


def claim_link(link: LinkRow, now: dt.datetime) -> str:
    """Bind the link to the browser that starts, and give the secret for its cookie. The edge opens the transaction.

    Raises:
        SetupLinkClaimed: another browser has it.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    if not claim_row(link, secret, now):
        raise SetupLinkClaimed("claimed by another browser", email=masked_email(link.email))
    record(link.tenant_id, EventType.SETUP_LINK_CLAIMED, at=now, actor=actor_of(link), link=link.id)
    return secret


def require_setup(tenant_id: int, state: str, secret: str | None, now: dt.datetime) -> LinkRow:
    """The link of the browser with this secret, while it may still be used.

    Raises:
        SetupNotStarted: no browser of ours, or released meanwhile. SetupLinkInvalid: expired, revoked or done.
    """
    link = find_by_claim(tenant_id, secret) if secret and SECRET.fullmatch(secret) else None
    if link is None:
        raise SetupNotStarted("no claimed link")
    return _require_good(link, state, now)


def release_link(tenant: ManagedTenant, link_id: str, *, actor: str, now: dt.datetime) -> LinkRow:
    """Let a link be claimed anew, by whichever browser starts next. The edge opens the transaction.

    Raises:
        NotFound.
    """
    link = require_link(tenant.id, link_id)
    change_link(tenant.id, link.id, {"claimed_at": None, "claim_hash": None})
    if link.claimed_at is not None:
        record(tenant.id, EventType.SETUP_LINK_RELEASED, at=now, actor=actor, link=link.id)
    return require_link(tenant.id, link_id)


def revoke_link(tenant: ManagedTenant, link_id: str, *, actor: str, now: dt.datetime) -> LinkRow:
    """End a link at once, also in the browser that has claimed it. The edge opens the transaction.

    Raises:
        NotFound.
    """
    link = require_link(tenant.id, link_id)
    if link.revoked_at is None and link.completed_at is None:
        change_link(tenant.id, link.id, {"revoked_at": now})
        record(tenant.id, EventType.SETUP_LINK_REVOKED, at=now, actor=actor, link=link.id)
    return require_link(tenant.id, link_id)


def finish_links(tenant_id: int, *, actor: str, now: dt.datetime) -> None:
    """Onboarding is over, and so is every link."""
    for link in links_of(tenant_id):
        if link.state_at(now, onboarding=True) in ("open", "claimed"):
            record(tenant_id, EventType.SETUP_LINK_COMPLETED, at=now, actor=actor, link=link.id)
    complete_links(tenant_id, now)


def named_admins(tenant_id: int) -> list[str]:
    """Whom staff named as first administrators, by links that were not revoked; in the order of their making."""
    named = [link.email for link in reversed(links_of(tenant_id)) if link.names_admin and link.revoked_at is None]
    return list(dict.fromkeys(named))


def require_link(tenant_id: int, link_id: str) -> LinkRow:
    """The tenant's link of this id, or NotFound."""
    link = find_link(tenant_id, link_id)
    if link is None:
        raise NotFound("no such set-up link")
    return link


def actor_of(link: LinkRow) -> str:
    """How audit events name what is done through a link."""
    return f"setup:{link.email}"[:200]


def masked_email(email: str) -> str:
    """An address that its owner recognises and a stranger learns little from: `a…@acme.example`."""
    local_part, _, domain = email.partition("@")
    return f"{local_part[:1]}…@{domain}"


def _require_good(link: LinkRow, state: str, now: dt.datetime) -> LinkRow:
    if link.revoked_at is not None:
        raise SetupLinkRevoked(link.id)
    if link.completed_at is not None or state != ONBOARDING:
        raise SetupLinkDone(link.id)
    if link.expires_at <= now:
        raise SetupLinkExpired(link.id)
    return link
