"""Rows of notices. Each kind has a table of the tenants, and one of the service as a whole for staff."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from config.sealing import SealedTo

EMAIL, WEBHOOK = "email", "webhook"
WAITING, SENT, FAILED = "waiting", "sent", "failed"
SUBJECTS = ("idp_certificate", "sp_certificate", "metadata")
_OF_TENANT_WEBHOOK = SealedTo("webhook", "tenant_id", "id").as_info()
_OF_SERVICE_WEBHOOK = SealedTo("service_webhook", "id").as_info()
_WAITS = sa.text("state = 'waiting'")


class _Row:
    """The id that every one of these rows has."""

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)


class _Contact(_Row):
    """Somebody who gets notices by mail. `by_staff`: their word stands in for the proof of the address's domain."""

    email: Mapped[str] = mapped_column(sa.String(254))
    by_staff: Mapped[bool] = mapped_column(default=False)
    added_by: Mapped[str] = mapped_column(sa.String(200))
    added_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class _Webhook(_Row):
    """An address that events are posted to. Secrets are sealed; a former one signs along until `former_until`."""

    url: Mapped[str] = mapped_column(sa.String(2000))
    enabled: Mapped[bool] = mapped_column(default=True)
    former_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    tested_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class _Delivery(_Row):
    """One message to one recipient, from the decision to send it until it has arrived or was given up.

    The body is sealed to the row, and erased when it has arrived. Whoever sends holds `claim` until `claimed_until`.
    """

    channel: Mapped[str] = mapped_column(sa.String(20))
    event: Mapped[str] = mapped_column(sa.String(60))
    recipient: Mapped[str | None] = mapped_column(sa.String(254))
    state: Mapped[str] = mapped_column(sa.String(20), default=WAITING)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    code: Mapped[str | None] = mapped_column(sa.String(60))
    detail: Mapped[str | None] = mapped_column(sa.String(200))
    done_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    claim: Mapped[str | None] = mapped_column(RowId)
    claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class NoticeContact(_Contact, TenantScoped, Model):
    """One of a tenant's own."""

    __tablename__ = "notice_contact"
    __table_args__ = (sa.UniqueConstraint("tenant_id", "email"),)


class ServiceContact(_Contact, Model):
    """One of staff's."""

    __tablename__ = "service_contact"
    __table_args__ = (sa.UniqueConstraint("email"),)


class Webhook(_Webhook, TenantScoped, Model):
    """One of a tenant's own."""

    __tablename__ = "webhook"

    sealed_secret: Mapped[str] = mapped_column(sa.Text, info=_OF_TENANT_WEBHOOK)
    sealed_former_secret: Mapped[str | None] = mapped_column(sa.Text, info=_OF_TENANT_WEBHOOK)


class ServiceWebhook(_Webhook, Model):
    """One of staff's."""

    __tablename__ = "service_webhook"

    sealed_secret: Mapped[str] = mapped_column(sa.Text, info=_OF_SERVICE_WEBHOOK)
    sealed_former_secret: Mapped[str | None] = mapped_column(sa.Text, info=_OF_SERVICE_WEBHOOK)


class Delivery(_Delivery, TenantScoped, Model):
    """One of a tenant's own."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_((WAITING, SENT, FAILED)), name="state"),
        sa.CheckConstraint(sa.column("channel").in_((EMAIL, WEBHOOK)), name="channel"),
        sa.ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhook.tenant_id", "webhook.id"], ondelete="CASCADE"),
        sa.Index("ix_delivery_due_at", "due_at", sqlite_where=_WAITS, postgresql_where=_WAITS),
        sa.Index("ix_delivery_created_at", "created_at"),
        sa.Index("ix_delivery_webhook", "tenant_id", "webhook_id"),
    )

    webhook_id: Mapped[str | None] = mapped_column(RowId)
    sealed_body: Mapped[str | None] = mapped_column(sa.Text, info=SealedTo("delivery", "tenant_id", "id").as_info())


class ServiceDelivery(_Delivery, Model):
    """One of staff's."""

    __tablename__ = "service_delivery"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_((WAITING, SENT, FAILED)), name="state"),
        sa.CheckConstraint(sa.column("channel").in_((EMAIL, WEBHOOK)), name="channel"),
        sa.Index("ix_service_delivery_due_at", "due_at", sqlite_where=_WAITS, postgresql_where=_WAITS),
        sa.Index("ix_service_delivery_created_at", "created_at"),
    )

    webhook_id: Mapped[str | None] = mapped_column(sa.ForeignKey("service_webhook.id", ondelete="CASCADE"), index=True)
    sealed_body: Mapped[str | None] = mapped_column(sa.Text, info=SealedTo("service_delivery", "id").as_info())


class Notice(TenantScoped, Model):
    """A warning that was given: of what, for which end and how long before. The constraint lets each be given once.

    `lasts_on`: something of the same kind goes on after this end, so that nothing stops with it.
    """

    __tablename__ = "notice"
    __table_args__ = (
        sa.CheckConstraint(sa.column("subject").in_(SUBJECTS), name="subject"),
        sa.UniqueConstraint("tenant_id", "subject", "subject_id", "ends_at", "days"),
        sa.Index("ix_notice_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    subject: Mapped[str] = mapped_column(sa.String(20))
    subject_id: Mapped[str] = mapped_column(RowId)
    label: Mapped[str] = mapped_column(sa.String(200))
    ends_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    days: Mapped[int] = mapped_column()
    lasts_on: Mapped[bool] = mapped_column(default=False)
    recipients: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
