"""Flows: a delivery is looked at, and one that was given up is tried anew."""

from __future__ import annotations

import datetime as dt

from tenants.errors import NotFound
from tenants.notices.delivery_records import DeliveryRow, find_delivery, send_again
from tenants.notices.errors import NothingToSend
from tenants.notices.owners import Owner


def require_delivery(owner: Owner, delivery_id: str) -> DeliveryRow:
    """One of the owner's, or NotFound."""
    delivery = find_delivery(owner, delivery_id)
    if delivery is None:
        raise NotFound("no such delivery")
    return delivery


def repeat_delivery(owner: Owner, delivery_id: str, now: dt.datetime) -> DeliveryRow:
    """Try one that was given up anew, under the same id, inside a transaction.

    Raises:
        NotFound. NothingToSend: it has arrived, it waits still, or what it said is erased.
    """
    require_delivery(owner, delivery_id)
    if not send_again(owner, delivery_id, now):
        raise NothingToSend(delivery_id)
    return require_delivery(owner, delivery_id)
