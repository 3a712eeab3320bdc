"""Records of deliveries: the outbox. A due one is claimed by one worker, and finished with that claim alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from config.isolation import every_tenant
from config.looks import Look, any_row
from tenants.notices.models import FAILED, SENT, WAITING, Delivery, ServiceDelivery
from tenants.notices.owners import Owner, deliveries, owned, values_of

LEASE = dt.timedelta(minutes=3)
"""How long a worker may take over what it has claimed before another one takes it up; a run sends for less than a minute."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as it is shown: never what it says."""

    id: str
    channel: str
    event: str
    recipient: str | None
    webhook_id: str | None
    state: str
    created_at: dt.datetime
    due_at: dt.datetime
    attempts: int
    code: str | None
    detail: str | None
    done_at: dt.datetime | None
    has_body: bool


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this worker holds: nobody else sends it, and only with `claim` may it be finished."""

    owner: Owner
    id: str
    claim: str
    channel: str
    event: str
    recipient: str | None
    webhook_id: str | None
    attempts: int
    sealed_body: str | None = field(repr=False)


def add_deliveries(owner: Owner, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put deliveries into the outbox, in the transaction of what they tell."""
    for row in rows:
        write(sa.insert(deliveries(owner).__table__).values(**values_of(owner), **row))


def due_deliveries(now: dt.datetime, limit: int) -> list[tuple[Owner, str]]:
    """What waits and is due, of all owners, the oldest first; two looks at small indexes."""
    found: list[tuple[dt.datetime, Owner, str]] = []
    with every_tenant():
        for table, owner_column in ((Delivery, Delivery.tenant_id), (ServiceDelivery, sa.null())):
            statement = sa.select(table.due_at, owner_column.label("owner"), table.id).where(*_may_be_claimed(table, now))
            found += [tuple(row) for row in read(statement.order_by(table.due_at).limit(limit))]
    return [(owner, delivery_id) for _, owner, delivery_id in sorted(found, key=lambda item: item[0])[:limit]]


def claim_delivery(owner: Owner, delivery_id: str, now: dt.datetime) -> ClaimedDelivery | None:
    """Take a delivery up, which counts as an attempt; None where another worker was faster."""
    table, claim = deliveries(owner), new_id()
    one = (*owned(table, owner), table.id == delivery_id)
    statement = sa.update(table).where(*one, *_may_be_claimed(table, now))
    values = {"claim": claim, "claimed_until": now + LEASE, "attempts": table.attempts + 1}
    if write(statement.values(**values)).rowcount != 1:
        return None
    columns = (table.channel, table.event, table.recipient, table.webhook_id, table.attempts, table.sealed_body)
    row = read(sa.select(*columns).where(*one)).one()
    return ClaimedDelivery(owner, delivery_id, claim, **row._mapping)


def finish_delivery(claimed: ClaimedDelivery, values: Mapping[str, Any]) -> bool:
    """Note what came of it and give the claim back; False where it has passed to another worker."""
    table = deliveries(claimed.owner)
    one = (*owned(table, claimed.owner), table.id == claimed.id, table.claim == claimed.claim, table.state == WAITING)
    return write(sa.update(table).where(*one).values(claim=None, claimed_until=None, **values)).rowcount == 1


def postpone_others(claimed: ClaimedDelivery, until: dt.datetime, now: dt.datetime) -> None:
    """What waits for the same webhook waits as long: one that does not answer is tried once, and not once for each event."""
    table = deliveries(claimed.owner)
    same = (*owned(table, claimed.owner), table.webhook_id == claimed.webhook_id)
    waiting = (table.state == WAITING, table.due_at < until, sa.or_(table.claimed_until.is_(None), table.claimed_until < now))
    write(sa.update(table).where(*same, *waiting).values(due_at=until))


def find_delivery(owner: Owner, delivery_id: str) -> DeliveryRow | None:
    """One of an owner's."""
    table = deliveries(owner)
    row = read(sa.select(*_columns(table)).where(*owned(table, owner), table.id == delivery_id)).one_or_none()
    return DeliveryRow(**row._mapping) if row else None


def deliveries_of(owner: Owner, before: str | None, limit: int) -> list[DeliveryRow]:
    """An owner's, newest first, from behind `before` on."""
    table = deliveries(owner)
    statement = sa.select(*_columns(table)).where(*owned(table, owner))
    if before is not None:
        statement = statement.where(table.id < before)
    return [DeliveryRow(**row._mapping) for row in read(statement.order_by(table.id.desc()).limit(limit))]


def send_again(owner: Owner, delivery_id: str, now: dt.datetime) -> bool:
    """Let one that was given up be tried anew; False where there is nothing left to send."""
    table = deliveries(owner)
    one = (*owned(table, owner), table.id == delivery_id, table.state == FAILED, table.sealed_body.is_not(None))
    values = {"state": WAITING, "due_at": now, "attempts": 0, "code": None, "detail": None, "done_at": None}
    return write(sa.update(table).where(*one).values(**values)).rowcount == 1


def count_since(owner: Owner, event: str, since: dt.datetime) -> int:
    """How many of an event an owner has had put into the outbox since then."""
    table = deliveries(owner)
    statement = sa.select(sa.func.count()).select_from(table)
    return int(read(statement.where(*owned(table, owner), table.event == event, table.created_at > since)).scalar_one())


def remove_old(before: dt.datetime, limit: int) -> int:
    """Remove deliveries that are over and were made before then, a batch of each table; how many."""
    removed = 0
    with every_tenant():
        for table in (Delivery, ServiceDelivery):
            old = sa.select(table.id).where(table.created_at < before, table.state.in_((SENT, FAILED))).limit(limit)
            removed += write(sa.delete(table).where(table.id.in_(old.scalar_subquery()))).rowcount
    return removed


def _may_be_claimed(table: Any, now: Any) -> tuple[Any, ...]:
    free = sa.or_(table.claimed_until.is_(None), table.claimed_until < now)
    return (sa.text("state = 'waiting'"), table.due_at <= now, free)  # as the index has it: a parameter would not use it


def _columns(table: Any) -> tuple[sa.ColumnElement[Any], ...]:
    names = [name for name in DeliveryRow.__dataclass_fields__ if name != "has_body"]
    return (*(getattr(table, name) for name in names), table.sealed_body.is_not(None).label("has_body"))


DELIVERIES_LOOK = Look(
    sa.or_(*(any_row(table, *_may_be_claimed(table, sa.bindparam("now"))) for table in (Delivery, ServiceDelivery)))
)
