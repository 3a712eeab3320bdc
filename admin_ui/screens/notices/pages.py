"""The pages of notices, the same for a tenant and for the service as a whole: who is told, webhooks, what was sent (K3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import notify
from admin_ui.screen import Screen, page
from config.database import transaction
from tenants.errors import NotFound, Refusal
from tenants.notice_schemas import ContactCreate, WebhookCreate
from tenants.notices.contact_records import contacts_of
from tenants.notices.contacts import addresses_of, drop_contact, name_contact, try_contact
from tenants.notices.deliveries import repeat_delivery
from tenants.notices.delivery_records import deliveries_of
from tenants.notices.ending import endings_of
from tenants.notices.notice_records import notices_of
from tenants.notices.owners import Owner
from tenants.notices.telling import recipients_of
from tenants.notices.webhook_records import webhooks_of
from tenants.notices.webhooks import (
    WebhookMade,
    alter_webhook,
    drop_webhook,
    make_webhook,
    require_webhook,
    rotate_secret,
    shown_url,
    try_webhook,
)
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ
from tenants.wiring import admins_of, keys, settings

SHOWN = 50
"""Deliveries and warnings on the page, the newest; the API lists them all."""
NOTHING: Mapping[str, Any] = {}
SUBJECTS: Mapping[str, str] = {
    "idp_certificate": "Signing certificate of the identity provider",
    "sp_certificate": "Our own certificate",
    "metadata": "Metadata of the identity provider",
}
USES: Mapping[str, str] = {"signing": "To sign our requests", "encryption": "To open encrypted assertions"}
EVENTS: Mapping[str, str] = {
    "certificate.ending": "A certificate ends",
    "metadata.ending": "Metadata ends",
    "notice.test": "Test",
    "setup_link": "Set-up link",
}
SERVICE = "the whole service"


class NoticePages(Screen):
    """The pages of both screens. On staff's own, where nobody but staff comes, CONFIGURE leaves the owners alone."""

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Who is told of what, and what was sent."""
        return self._show(asked)

    def _show(
        self,
        asked: Asked,
        *,
        contact: Mapping[str, Any] = NOTHING,
        webhook: Mapping[str, Any] = NOTHING,
        contact_errors: Mapping[str, Sequence[str]] = NOTHING,
        webhook_errors: Mapping[str, Sequence[str]] = NOTHING,
        made: WebhookMade | None = None,
        status: int = 200,
    ) -> Response:
        """The page as a whole."""
        owner, tenant, may_change = _owner(asked), asked.managed, asked.may(CONFIGURE)
        contacts, webhooks = contacts_of(owner), webhooks_of(owner)
        response = self.render(
            "notices/index.html",
            asked,
            status=status,
            pages=self.endpoint,
            tenant=tenant,
            mail=bool(settings().smtp_url),
            endings=endings_of(tenant) if tenant else [],
            recipients=recipients_of(tenant.id, admins_of()) if tenant else addresses_of(None),
            contacts=contacts,
            webhooks=[(item, item.url if may_change else shown_url(item.url)) for item in webhooks],
            urls={item.id: shown_url(item.url) for item in webhooks},
            deliveries=deliveries_of(owner, None, SHOWN),
            given=notices_of(tenant.id, None, SHOWN) if tenant else [],
            actors=actor_words(asked, [item.added_by for item in contacts] + [item.created_by for item in webhooks]),
            subjects=SUBJECTS,
            uses=USES,
            events=EVENTS,
            typed={"email": "", "url": "", **contact, **webhook},
            contact_errors=contact_errors,
            webhook_errors=webhook_errors,
            made=made,
            may_change=may_change,
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @page("/contacts", CONFIGURE, methods=("POST",), fresh=True)
    def add_contact(self, asked: Asked) -> Response | WerkzeugResponse:
        """Let somebody get the notices."""
        sent = submitted(ContactCreate(), request.form)
        if sent.values is None:
            return self._show(asked, contact=sent.shown, contact_errors=sent.errors, status=422)
        try:
            with transaction():
                name_contact(_owner(asked), sent.values["email"], by_staff=asked.of_staff, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            errors = errors_of(refusal)
            return self._show(asked, contact=sent.shown, contact_errors=errors, status=refusal.status)
        notify("The address gets the notices from now on.")
        return self.see_other("index", asked)

    @page("/contacts/<contact_id>", CONFIGURE, methods=("POST",))
    def contact(self, asked: Asked, contact_id: str) -> WerkzeugResponse:
        """Send somebody a test, or no notices any more."""
        chosen, owner = row_id(contact_id), _owner(asked)
        with transaction():
            if request.form.get("remove") == "yes":
                drop_contact(owner, chosen, actor=asked.actor, now=asked.now)
                notify("Removed. No notices go to that address any more.")
            else:
                whose = asked.managed.name if asked.managed else SERVICE
                try_contact(owner, chosen, whose, settings(), keys(), actor=asked.actor, now=asked.now)
                notify("A test is on its way. How it went is shown below in a few seconds.")
        return self.see_other("index", asked)

    @page("/webhooks", CONFIGURE, methods=("POST",), fresh=True)
    def add_webhook(self, asked: Asked) -> Response:
        """Make a webhook, and show its secret in this answer: nothing else shows it."""
        sent = submitted(WebhookCreate(), request.form)
        if sent.values is None:
            return self._show(asked, webhook=sent.shown, webhook_errors=sent.errors, status=422)
        try:
            with transaction():
                made = make_webhook(_owner(asked), sent.values["url"], settings(), keys(), actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            errors = errors_of(refusal)
            return self._show(asked, webhook=sent.shown, webhook_errors=errors, status=refusal.status)
        return self._show(asked, made=made)

    @page("/webhooks/<webhook_id>/secret", CONFIGURE, methods=("POST",), fresh=True)
    def rotate(self, asked: Asked, webhook_id: str) -> Response:
        """Give a webhook another secret, and show it in this answer."""
        with transaction():
            made = rotate_secret(_owner(asked), row_id(webhook_id), keys(), actor=asked.actor, now=asked.now)
        return self._show(asked, made=made)

    @page("/webhooks/<webhook_id>", CONFIGURE, methods=("POST",))
    def webhook(self, asked: Asked, webhook_id: str) -> WerkzeugResponse:
        """Send a webhook a test; switch it off or on; remove it."""
        chosen, owner, what = row_id(webhook_id), _owner(asked), request.form.get("what")
        with transaction():
            if what == "remove":
                drop_webhook(owner, chosen, actor=asked.actor, now=asked.now)
                notify("Removed, with whatever waited for it.")
            elif what == "switch":
                enabled = not require_webhook(owner, chosen).enabled
                alter_webhook(owner, chosen, settings(), enabled=enabled, actor=asked.actor, now=asked.now)
                notify("Switched on." if enabled else "Switched off. What waits for it is given up.")
            else:
                try_webhook(owner, chosen, keys(), actor=asked.actor, now=asked.now)
                notify("A test is on its way. How it went is shown below in a few seconds.")
        return self.see_other("index", asked)

    @page("/deliveries/<delivery_id>/retry", CONFIGURE, methods=("POST",))
    def retry(self, asked: Asked, delivery_id: str) -> WerkzeugResponse:
        """Try a delivery that was given up anew."""
        with transaction():
            repeat_delivery(_owner(asked), row_id(delivery_id), asked.now)
        notify("It is tried again now, under the same id.")
        return self.see_other("index", asked)


def row_id(text: str) -> str:
    """The id of a row, as an address has it."""
    if not is_row_id(text):
        raise NotFound("no such id")
    return text


def _owner(asked: Asked) -> Owner:
    return asked.managed.id if asked.managed else None
