"""Whose something is: one tenant's, or the service's as a whole, and in which table it stands."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tenants.notices.models import (
    Delivery,
    NoticeContact,
    ServiceContact,
    ServiceDelivery,
    ServiceWebhook,
    Webhook,
)

Owner = int | None
"""A tenant's id; None: the service as a whole, whose staff it concerns."""


def contacts(owner: Owner) -> Any:
    """The table of contacts."""
    return ServiceContact if owner is None else NoticeContact


def webhooks(owner: Owner) -> Any:
    """The table of webhooks."""
    return ServiceWebhook if owner is None else Webhook


def deliveries(owner: Owner) -> Any:
    """The table of deliveries."""
    return ServiceDelivery if owner is None else Delivery


def owned(table: Any, owner: Owner) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that rows are the owner's; the service's tables have no rows but its own."""
    return () if owner is None else (table.tenant_id == owner,)


def values_of(owner: Owner) -> dict[str, Any]:
    """The columns of a new row that say whose it is."""
    return {} if owner is None else {"tenant_id": owner}


def place_of(kind: str, owner: Owner, row_id: str) -> str:
    """What a secret of a row is sealed to, as its column says (tenants.notices.models)."""
    return f"service_{kind}:{row_id}" if owner is None else f"{kind}:{owner}:{row_id}"
