"""Flow: messages are put into the outbox, in the transaction of what they tell; a job sends them (tenants.notices.sending).

Whoever has an event to tell calls `tell_webhooks` or `tell_by_mail`, and nothing else: what was committed is sent at least
once, under an id that stays the same, and what was rolled back is not sent.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

from config.database import new_id
from config.sealing import KeyRing
from tenants.notices.delivery_records import add_deliveries
from tenants.notices.letters import Letter
from tenants.notices.models import EMAIL, WEBHOOK
from tenants.notices.owners import Owner, place_of
from tenants.notices.webhook_records import webhooks_of

MAX_RECIPIENTS = 20
"""Of one event by mail: a tenant's contacts and administrators together."""
PLACE = "delivery"


def tell_by_mail(
    owner: Owner, event: str, letter: Letter, recipients: Iterable[str], keys: KeyRing, now: dt.datetime
) -> list[str]:
    """Put one mail for each recipient into the outbox, so that none of them sees another's address; their ids."""
    body = json.dumps(letter.to_document(), ensure_ascii=False).encode()
    chosen = list(dict.fromkeys(recipients))[:MAX_RECIPIENTS]
    rows = [_row(owner, EMAIL, event, body, keys, now) | {"recipient": address} for address in chosen]
    add_deliveries(owner, rows)
    return [row["id"] for row in rows]


def tell_webhooks(
    owner: Owner,
    event: str,
    data: Mapping[str, Any],
    keys: KeyRing,
    now: dt.datetime,
    *,
    only: str | None = None,
) -> list[str]:
    """Put one event for each of the owner's webhooks that are switched on into the outbox; ids of the deliveries.

    Args:
        data: JSON, without secrets.
        only: the id of the one webhook that it is for.
    """
    document = {"type": event, "timestamp": now.isoformat(), "data": data}
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    chosen = [item.id for item in webhooks_of(owner) if item.enabled and only in (None, item.id)]
    rows = [_row(owner, WEBHOOK, event, body, keys, now) | {"webhook_id": webhook_id} for webhook_id in chosen]
    add_deliveries(owner, rows)
    return [row["id"] for row in rows]


def _row(owner: Owner, channel: str, event: str, body: bytes, keys: KeyRing, now: dt.datetime) -> dict[str, Any]:
    delivery_id = new_id()
    sealed = keys.seal(body, place_of(PLACE, owner, delivery_id))
    return {"id": delivery_id, "channel": channel, "event": event, "sealed_body": sealed, "created_at": now, "due_at": now}
