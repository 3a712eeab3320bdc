"""Flows: webhooks are made, changed, tried and removed; their secrets change while both hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from config.sealing import KeyRing
from config.settings import Settings
from tenants.audit import EventType
from tenants.errors import NotFound, RateLimited
from tenants.management_errors import FieldsInvalid
from tenants.metadata_errors import URLNotAllowed
from tenants.metadata_url import target_of
from tenants.notices.errors import TooManyWebhooks
from tenants.notices.outbox import tell_webhooks
from tenants.notices.owners import Owner, place_of
from tenants.notices.sending import WEBHOOK_PLACE
from tenants.notices.signing import new_secret
from tenants.notices.trail import record_change
from tenants.notices.webhook_records import (
    WebhookRow,
    add_webhook,
    change_webhook,
    find_webhook,
    new_webhook_id,
    note_test,
    remove_webhook,
    webhooks_of,
)
from tenants.notices.words import TEST
from tenants.tenant_records import bump_version

MAX_WEBHOOKS = 5
FORMER_HOLDS = dt.timedelta(hours=24)
"""How long a secret that was replaced signs along, so that the receiver can change over without losing an event."""
TEST_INTERVAL = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class WebhookMade:
    """A webhook with a new secret, which is shown this once."""

    row: WebhookRow
    secret: str = field(repr=False)


def make_webhook(owner: Owner, url: str, settings: Settings, keys: KeyRing, *, actor: str, now: dt.datetime) -> WebhookMade:
    """Make a webhook, inside a transaction.

    Raises:
        FieldsInvalid, TooManyWebhooks.
    """
    checked = _checked(url, settings)
    _hold(owner)
    if len(webhooks_of(owner)) >= MAX_WEBHOOKS:
        raise TooManyWebhooks(f"{MAX_WEBHOOKS} webhooks")
    webhook_id, secret = new_webhook_id(), new_secret()
    sealed = keys.seal(secret.encode(), place_of(WEBHOOK_PLACE, owner, webhook_id))
    add_webhook(owner, webhook_id, {"url": checked, "sealed_secret": sealed, "created_by": actor, "created_at": now})
    _record(owner, EventType.WEBHOOK_CREATED, webhook_id, checked, actor, now)
    return WebhookMade(require_webhook(owner, webhook_id), secret)


def alter_webhook(
    owner: Owner,
    webhook_id: str,
    settings: Settings,
    *,
    url: str | None = None,
    enabled: bool | None = None,
    actor: str,
    now: dt.datetime,
) -> WebhookRow:
    """Change where it goes, or whether it does, inside a transaction; None leaves as it is.

    Raises:
        NotFound, FieldsInvalid.
    """
    before = require_webhook(owner, webhook_id)
    values: dict[str, str | bool] = {}
    if url is not None and url != before.url:
        values["url"] = _checked(url, settings)
    if enabled is not None and enabled != before.enabled:
        values["enabled"] = enabled
    if values:
        change_webhook(owner, webhook_id, values)
        _record(owner, EventType.WEBHOOK_CHANGED, webhook_id, str(values.get("url", before.url)), actor, now)
    return require_webhook(owner, webhook_id)


def rotate_secret(owner: Owner, webhook_id: str, keys: KeyRing, *, actor: str, now: dt.datetime) -> WebhookMade:
    """Give it a new secret, inside a transaction; the present one signs along for a day.

    Raises:
        NotFound
    """
    _hold(owner)
    before, secret = require_webhook(owner, webhook_id), new_secret()
    sealed = keys.seal(secret.encode(), place_of(WEBHOOK_PLACE, owner, webhook_id))
    former = {"sealed_former_secret": before.sealed_secret, "former_until": now + FORMER_HOLDS}
    change_webhook(owner, webhook_id, {"sealed_secret": sealed, **former})
    _record(owner, EventType.WEBHOOK_SECRET_ROTATED, webhook_id, before.url, actor, now)
    return WebhookMade(require_webhook(owner, webhook_id), secret)


def try_webhook(owner: Owner, webhook_id: str, keys: KeyRing, *, actor: str, now: dt.datetime) -> str:
    """Send it a test, inside a transaction; the id of the delivery.

    Raises:
        NotFound, RateLimited. FieldsInvalid: it is switched off.
    """
    webhook = require_webhook(owner, webhook_id)
    if not webhook.enabled:
        raise FieldsInvalid("enabled", errors={"enabled": ["It is switched off, so nothing is sent to it."]})
    if not note_test(owner, webhook_id, now, now - TEST_INTERVAL):
        raise RateLimited("a test within 30 seconds", retry_after=int(TEST_INTERVAL.total_seconds()))
    (delivery_id,) = tell_webhooks(owner, TEST, {"webhook": webhook_id}, keys, now, only=webhook_id)
    _record(owner, EventType.NOTICE_TESTED, webhook_id, webhook.url, actor, now)
    return delivery_id


def drop_webhook(owner: Owner, webhook_id: str, *, actor: str, now: dt.datetime) -> None:
    """Remove it with whatever waits for it, inside a transaction.

    Raises:
        NotFound
    """
    webhook = require_webhook(owner, webhook_id)
    if not remove_webhook(owner, webhook_id):
        raise NotFound("removed meanwhile")
    _record(owner, EventType.WEBHOOK_REMOVED, webhook_id, webhook.url, actor, now)


def require_webhook(owner: Owner, webhook_id: str) -> WebhookRow:
    """One of the owner's, or NotFound."""
    webhook = find_webhook(owner, webhook_id)
    if webhook is None:
        raise NotFound("no such webhook")
    return webhook


def shown_url(url: str) -> str:
    """An address as events and viewers see it: its host alone, since many receivers have a secret in the path."""
    return f"{target_of(url).scheme}://{target_of(url).authority}/…"


def _checked(url: str, settings: Settings) -> str:
    """The URL, as far as it can be judged without asking for its host; each delivery judges its addresses."""
    try:
        target = target_of(url.strip())
    except URLNotAllowed as refusal:
        raise FieldsInvalid("url", errors={"url": [f"It takes an https URL: {refusal.cause}."]}) from None
    if target.scheme != "https" and not settings.webhook_allowed_networks:
        raise FieldsInvalid("url", errors={"url": ["It takes an https URL."]})
    return target.url


def _hold(owner: Owner) -> None:
    """Two changes of one tenant follow each other."""
    if owner is not None:
        bump_version(owner)


def _record(owner: Owner, event: EventType, webhook_id: str, url: str, actor: str, now: dt.datetime) -> None:
    record_change(owner, event, at=now, actor=actor, webhook=webhook_id, url=shown_url(url))
