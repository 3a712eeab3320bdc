"""Records of webhooks; their secrets come and go sealed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from tenants.notices.owners import Owner, owned, values_of, webhooks


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """An address that events are posted to."""

    id: str
    url: str
    enabled: bool
    created_by: str
    created_at: dt.datetime
    former_until: dt.datetime | None
    tested_at: dt.datetime | None
    sealed_secret: str = field(repr=False)
    sealed_former_secret: str | None = field(repr=False)


def webhooks_of(owner: Owner) -> list[WebhookRow]:
    """All of an owner's, in the order of their making; there are few."""
    table = webhooks(owner)
    statement = sa.select(*_columns(owner)).where(*owned(table, owner)).order_by(table.id)
    return [WebhookRow(**row._mapping) for row in read(statement)]


def find_webhook(owner: Owner, webhook_id: str) -> WebhookRow | None:
    """One of an owner's."""
    table = webhooks(owner)
    row = read(sa.select(*_columns(owner)).where(*owned(table, owner), table.id == webhook_id)).one_or_none()
    return WebhookRow(**row._mapping) if row else None


def add_webhook(owner: Owner, webhook_id: str, values: Mapping[str, Any]) -> None:
    """Add a webhook, inside a transaction. Its id comes first, since its secret is sealed to it."""
    write(sa.insert(webhooks(owner).__table__).values(id=webhook_id, **values_of(owner), **values))


def change_webhook(owner: Owner, webhook_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of a webhook, inside a transaction."""
    table = webhooks(owner)
    write(sa.update(table).where(*owned(table, owner), table.id == webhook_id).values(**values))


def note_test(owner: Owner, webhook_id: str, now: dt.datetime, since: dt.datetime) -> bool:
    """Note that a test is sent; False where one was sent after `since` (two at once get one)."""
    table = webhooks(owner)
    not_lately = sa.or_(table.tested_at.is_(None), table.tested_at <= since)
    statement = sa.update(table).where(*owned(table, owner), table.id == webhook_id, not_lately)
    return write(statement.values(tested_at=now)).rowcount == 1


def remove_webhook(owner: Owner, webhook_id: str) -> bool:
    """Remove a webhook with its deliveries; False where somebody did so before."""
    table = webhooks(owner)
    return write(sa.delete(table).where(*owned(table, owner), table.id == webhook_id)).rowcount == 1


def new_webhook_id() -> str:
    """The id of a webhook that is going to be made."""
    return new_id()


def _columns(owner: Owner) -> tuple[sa.ColumnElement[object], ...]:
    return tuple(getattr(webhooks(owner), name) for name in WebhookRow.__dataclass_fields__)
