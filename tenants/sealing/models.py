"""Rows of seals: the chain of each tenant, and the events that wait to be part of it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime
from config.isolation import TenantScoped

KEY_NAME = 60


class AuditSeal(TenantScoped, Model):
    """A batch of audit events, hashed together with the seal before it and signed; added only, as the events are.

    `events` holds id and SHA-256 of each. `first_id` and `last_id` are the bounds of its ids, for finding an event's seal;
    a later seal may hold an earlier id, since a transaction that began before its neighbours can end after them.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (sa.Index("ix_audit_seal_last_id", "tenant_id", "last_id", "first_id"),)

    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True, sort_order=-1, autoincrement=False)
    previous: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))
    first_id: Mapped[str | None] = mapped_column(RowId)
    last_id: Mapped[str | None] = mapped_column(RowId)
    count: Mapped[int] = mapped_column(sa.Integer)
    events: Mapped[bytes] = mapped_column(sa.LargeBinary)
    sealed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    key_name: Mapped[str] = mapped_column(sa.String(KEY_NAME))
    public_key: Mapped[str] = mapped_column(sa.String(64))
    signature: Mapped[str] = mapped_column(sa.String(128))


class RefusalSeal(TenantScoped, Model):
    """A seal that holds refused attempts alone, until its events are removed; the seal itself stays.

    The trigger that keeps audit events from being removed lets those go that lie in the bounds of such a row.
    """

    __tablename__ = "refusal_seal"
    __table_args__ = (sa.Index("ix_refusal_seal_remove_at", "remove_at"),)

    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True, sort_order=-1, autoincrement=False)
    first_id: Mapped[str] = mapped_column(RowId)
    last_id: Mapped[str] = mapped_column(RowId)
    remove_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class UnsealedEvent(TenantScoped, Model):
    """An audit event that is in no seal yet. A trigger adds it with the event, in the same transaction.

    So what waits is known for certain, whenever it was committed and whatever a node's clock says.
    """

    __tablename__ = "unsealed_event"

    event_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
