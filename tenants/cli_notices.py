"""Commands for notices, on the same flows as the API; without --tenant they are about staff's own (I2, K3)."""

from __future__ import annotations

from typing import Any

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.notice_schemas import ContactCreate, WebhookCreate
from tenants.notice_views import (
    contact_document,
    delivery_document,
    ending_documents,
    made_document,
    notice_document,
    webhook_document,
)
from tenants.notices.contact_records import contacts_of
from tenants.notices.contacts import addresses_of, drop_contact, name_contact, try_contact
from tenants.notices.deliveries import repeat_delivery
from tenants.notices.delivery_records import deliveries_of
from tenants.notices.ending import endings_of
from tenants.notices.notice_records import notices_of
from tenants.notices.owners import Owner
from tenants.notices.telling import recipients_of
from tenants.notices.webhook_records import webhooks_of
from tenants.notices.webhooks import alter_webhook, drop_webhook, make_webhook, rotate_secret, try_webhook
from tenants.paging import MAX_LIMIT, is_row_id
from tenants.wiring import admins_of, keys, settings

notices = ManagementGroup("notices", help="Warnings before something ends, and how mail and webhooks are sent.")
webhook = ManagementGroup("webhook", help="Addresses that events are posted to.")
contact = ManagementGroup("contact", help="Who gets notices by mail.")
notices.add_command(webhook)
notices.add_command(contact)
TENANT = click.option("--tenant", "slug", metavar="MYDOMAIN", help="Whose; without it, staff's own.")
ID = click.argument("row_id", metavar="ID")


@notices.command("list")
@TENANT
def list_command(slug: str | None) -> None:
    """Show what ends when, who is told by mail, and which warnings were given."""
    if slug is None:
        show({"mail": bool(settings().smtp_url), "recipients": addresses_of(None)})
        return
    tenant = the_tenant(slug)
    document: dict[str, Any] = {
        "mail": bool(settings().smtp_url),
        "recipients": recipients_of(tenant.id, admins_of()),
        "ending": ending_documents(endings_of(tenant), now()),
        "notices": [notice_document(item) for item in notices_of(tenant.id, None, MAX_LIMIT)],
    }
    show(document)


@notices.command("deliveries")
@TENANT
def deliveries_command(slug: str | None) -> None:
    """List mail and events with their outcome, newest first."""
    show([delivery_document(item) for item in deliveries_of(_owner(slug), None, MAX_LIMIT)])


@notices.command("retry")
@ID
@TENANT
def retry_command(row_id: str, slug: str | None) -> None:
    """Try a delivery that was given up anew."""
    with transaction():
        show(delivery_document(repeat_delivery(_owner(slug), _id(row_id), now())))


@notices.command("test")
@ID
@TENANT
def test_command(row_id: str, slug: str | None) -> None:
    """Send a test to the contact or webhook of this id, and print the id of the delivery."""
    owner = _owner(slug)
    whose = the_tenant(slug).name if slug else "the whole service"
    is_webhook = any(item.id == row_id for item in webhooks_of(owner))
    with transaction():
        if is_webhook:
            click.echo(try_webhook(owner, row_id, keys(), actor=actor(), now=now()))
        else:
            click.echo(try_contact(owner, _id(row_id), whose, settings(), keys(), actor=actor(), now=now()))


@contact.command("add")
@click.argument("email", metavar="EMAIL")
@TENANT
def add_contact_command(email: str, slug: str | None) -> None:
    """Let somebody get the notices."""
    address = checked(ContactCreate, {"email": email})["email"]
    with transaction():
        show(contact_document(name_contact(_owner(slug), address, by_staff=True, actor=actor(), now=now())))


@contact.command("list")
@TENANT
def list_contacts_command(slug: str | None) -> None:
    """List who gets notices by mail, besides administrators."""
    show([contact_document(item) for item in contacts_of(_owner(slug))])


@contact.command("remove")
@ID
@TENANT
def remove_contact_command(row_id: str, slug: str | None) -> None:
    """Let somebody get no notices any more."""
    with transaction():
        drop_contact(_owner(slug), _id(row_id), actor=actor(), now=now())


@webhook.command("add")
@click.argument("url", metavar="URL")
@TENANT
def add_webhook_command(url: str, slug: str | None) -> None:
    """Make a webhook and show it with its secret, this once."""
    address = checked(WebhookCreate, {"url": url})["url"]
    with transaction():
        show(made_document(make_webhook(_owner(slug), address, settings(), keys(), actor=actor(), now=now())))


@webhook.command("list")
@TENANT
def list_webhooks_command(slug: str | None) -> None:
    """List webhooks; never their secrets."""
    show([webhook_document(item, whole=True) for item in webhooks_of(_owner(slug))])


@webhook.command("rotate-secret")
@ID
@TENANT
def rotate_command(row_id: str, slug: str | None) -> None:
    """Give a webhook a new secret and show it, this once; the present one signs along for 24 hours."""
    with transaction():
        show(made_document(rotate_secret(_owner(slug), _id(row_id), keys(), actor=actor(), now=now())))


@webhook.command("on")
@ID
@TENANT
def on_command(row_id: str, slug: str | None) -> None:
    """Switch a webhook on."""
    _switch(row_id, slug, enabled=True)


@webhook.command("off")
@ID
@TENANT
def off_command(row_id: str, slug: str | None) -> None:
    """Switch a webhook off; what waits for it is given up."""
    _switch(row_id, slug, enabled=False)


@webhook.command("remove")
@ID
@TENANT
def remove_webhook_command(row_id: str, slug: str | None) -> None:
    """Remove a webhook with whatever waits for it."""
    with transaction():
        drop_webhook(_owner(slug), _id(row_id), actor=actor(), now=now())


def _switch(row_id: str, slug: str | None, *, enabled: bool) -> None:
    with transaction():
        changed = alter_webhook(_owner(slug), _id(row_id), settings(), enabled=enabled, actor=actor(), now=now())
        show(webhook_document(changed, whole=True))


def _owner(slug: str | None) -> Owner:
    return the_tenant(slug).id if slug is not None else None


def _id(text: str) -> str:
    if not is_row_id(text):
        raise click.UsageError("There is none of this id. The list commands show the ids.")
    return text
