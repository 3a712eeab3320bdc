"""Forms of the management API for notices: what ends, who is told, webhooks, deliveries."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from tenants.notices.models import EMAIL, FAILED, SENT, SUBJECTS, WAITING, WEBHOOK
from tenants.schema_fields import Flag, Strict, text

MAX_URL = 2000
_SUBJECT = validate.OneOf(SUBJECTS)


class EndingView(Strict):
    """Something that ends. `lasts_on`: another one of its kind goes on, so that nothing stops with it."""

    subject = fields.String(required=True, validate=_SUBJECT)
    label = fields.String(required=True)
    ends_at = fields.DateTime(required=True)
    days_left = fields.Integer(required=True)
    lasts_on = fields.Boolean(required=True)


class NotificationsView(Strict):
    """What ends, and who is told by mail. `mail`: this service has a mail server."""

    mail = fields.Boolean(required=True)
    recipients = fields.List(fields.String(), required=True)
    ending = fields.List(fields.Nested(EndingView), required=True)


class ServiceNotificationsView(Strict):
    """Who of staff is told by mail."""

    mail = fields.Boolean(required=True)
    recipients = fields.List(fields.String(), required=True)


class ContactCreate(Strict):
    """Somebody who is to get the notices."""

    email = text(254, required=True)


class ContactView(Strict):
    """Somebody who gets the notices. `by_staff`: staff's word stands in for the proof of the address's domain."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    by_staff = fields.Boolean(required=True)
    added_by = fields.String(required=True)
    added_at = fields.DateTime(required=True)


class ContactPage(Strict):
    """Addresses in the order of their making."""

    items = fields.List(fields.Nested(ContactView), required=True)
    next = fields.String(required=True, allow_none=True)


class WebhookCreate(Strict):
    """An address that events are posted to, https."""

    url = text(MAX_URL, required=True)


class WebhookPatch(Strict):
    """Another address, or switched off or on."""

    url = text(MAX_URL)
    enabled = Flag()

    @ma.validates_schema(skip_on_field_errors=False)
    def _require_something(self, values: dict[str, object], **_options: object) -> None:
        if not values:
            raise ma.ValidationError("There is nothing to change.")


class WebhookView(Strict):
    """A webhook. Whoever may change nothing sees the host of its address alone."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    created_by = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    former_secret_until = fields.DateTime(required=True, allow_none=True)
    tested_at = fields.DateTime(required=True, allow_none=True)


class WebhookMadeView(WebhookView):
    """A webhook with its new secret, `secret`, which is shown this once."""

    secret = fields.String(required=True)


class WebhookPage(Strict):
    """Webhooks in the order of their making."""

    items = fields.List(fields.Nested(WebhookView), required=True)
    next = fields.String(required=True, allow_none=True)


class TrialQueued(Strict):
    """The test waits to be sent; how it went is read from the delivery."""

    status = fields.String(required=True, validate=validate.OneOf(("queued",)))
    delivery = fields.String(required=True)


class DeliveryView(Strict):
    """One message to one recipient. `code` says why the last attempt failed; what it says is never shown."""

    id = fields.String(required=True)
    channel = fields.String(required=True, validate=validate.OneOf((EMAIL, WEBHOOK)))
    event = fields.String(required=True)
    recipient = fields.String(required=True, allow_none=True)
    webhook_id = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf((WAITING, SENT, FAILED)))
    created_at = fields.DateTime(required=True)
    due_at = fields.DateTime(required=True)
    attempts = fields.Integer(required=True)
    code = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    done_at = fields.DateTime(required=True, allow_none=True)
    may_be_sent_again = fields.Boolean(required=True)


class DeliveryPage(Strict):
    """Deliveries, newest first."""

    items = fields.List(fields.Nested(DeliveryView), required=True)
    next = fields.String(required=True, allow_none=True)


class NoticeView(Strict):
    """A warning that was given, so many days before an end, and how many were told of it at once."""

    id = fields.String(required=True)
    subject = fields.String(required=True, validate=_SUBJECT)
    label = fields.String(required=True)
    ends_at = fields.DateTime(required=True)
    days = fields.Integer(required=True)
    lasts_on = fields.Boolean(required=True)
    recipients = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)


class NoticePage(Strict):
    """Warnings, newest first."""

    items = fields.List(fields.Nested(NoticeView), required=True)
    next = fields.String(required=True, allow_none=True)
