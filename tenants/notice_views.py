"""Notices as documents: what of them whoever asks may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tenants.notices.contact_records import Contact
from tenants.notices.delivery_records import DeliveryRow
from tenants.notices.notice_records import NoticeRow
from tenants.notices.thresholds import Ending
from tenants.notices.webhook_records import WebhookRow
from tenants.notices.webhooks import WebhookMade, shown_url


def contact_document(contact: Contact) -> dict[str, Any]:
    """An address that gets notices."""
    return asdict(contact)


def webhook_document(webhook: WebhookRow, *, whole: bool) -> dict[str, Any]:
    """A webhook, never its secrets.

    Args:
        whole: the address too; whoever may change nothing sees its host alone.
    """
    return {
        "id": webhook.id,
        "url": webhook.url if whole else shown_url(webhook.url),
        "enabled": webhook.enabled,
        "created_by": webhook.created_by,
        "created_at": webhook.created_at,
        "former_secret_until": webhook.former_until,
        "tested_at": webhook.tested_at,
    }


def made_document(made: WebhookMade) -> dict[str, Any]:
    """A webhook with its new secret, this once."""
    return {**webhook_document(made.row, whole=True), "secret": made.secret}


def delivery_document(delivery: DeliveryRow) -> dict[str, Any]:
    """A delivery, never what it says. `may_be_sent_again`: it was given up, and its body is still there."""
    document = asdict(delivery)
    has_body = document.pop("has_body")
    return {**document, "may_be_sent_again": delivery.state == "failed" and has_body}


def notice_document(notice: NoticeRow) -> dict[str, Any]:
    """A warning that was given."""
    return asdict(notice)


def ending_documents(endings: Sequence[Ending], now: dt.datetime) -> list[dict[str, Any]]:
    """What ends, the first one first."""
    return [
        {
            "subject": ending.subject,
            "label": ending.label,
            "ends_at": ending.ends_at,
            "days_left": ending.days_left(now),
            "lasts_on": ending.lasts_on,
        }
        for ending in endings
    ]
