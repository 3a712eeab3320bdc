"""Edges of the management API for notices: of a tenant, and of the service as a whole for staff, by the same views (K3)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from flask import request

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import NotFound
from tenants.notice_schemas import (
    ContactCreate,
    ContactPage,
    ContactView,
    DeliveryPage,
    DeliveryView,
    NoticePage,
    NotificationsView,
    ServiceNotificationsView,
    TrialQueued,
    WebhookCreate,
    WebhookMadeView,
    WebhookPage,
    WebhookPatch,
    WebhookView,
)
from tenants.notice_views import (
    contact_document,
    delivery_document,
    ending_documents,
    made_document,
    notice_document,
    webhook_document,
)
from tenants.notices.contact_records import contacts_of
from tenants.notices.contacts import addresses_of, drop_contact, name_contact, require_contact, try_contact
from tenants.notices.deliveries import repeat_delivery, require_delivery
from tenants.notices.delivery_records import deliveries_of
from tenants.notices.ending import endings_of
from tenants.notices.notice_records import notices_of
from tenants.notices.owners import Owner
from tenants.notices.telling import recipients_of
from tenants.notices.webhook_records import webhooks_of
from tenants.notices.webhooks import (
    alter_webhook,
    drop_webhook,
    make_webhook,
    require_webhook,
    rotate_secret,
    try_webhook,
)
from tenants.paging import cursor_scope, is_row_id, key_of, page_of
from tenants.roles import CONFIGURE, LIST_TENANTS, ONBOARD, READ, Permission, Role
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant
from tenants.wiring import admins_of, keys, settings

BASE = "/notifications"
SERVICE_NAME = "the whole service"
_FOR_STAFF: Mapping[Permission, Permission] = {READ: LIST_TENANTS, CONFIGURE: ONBOARD}

notices_api = ManagementBlueprint("api_notices", __name__, description="A tenant's notices, webhooks and deliveries")
service_notices_api = ManagementBlueprint("api_service_notices", __name__, description="Staff's own notices, for all tenants")

Tenant = ManagedTenant | None
View = Callable[..., Any]


def both(method: str, path: str, permission: Permission, **options: Any) -> Callable[[View], View]:
    """Register a view for a tenant, and for the service as a whole: there the tenant is None, and ids have other names."""

    def decorator(view: View) -> View:
        exists = options.get("exists")
        for_service = options | ({"exists": _of_service(exists)} if exists else {})
        service_path = BASE + path.replace("<", "<service_")
        service_notices_api.operation(method, service_path, _FOR_STAFF[permission], **for_service)(_of_service(view))
        notices_api.operation(method, f"/tenants/<slug>{BASE}{path}", permission, **options)(view)
        return view

    return decorator


def _of_service(view: View) -> View:
    @functools.wraps(view)
    def judged(*args: Any, **arguments: Any) -> Any:
        return view(*args, **{name.removeprefix("service_"): value for name, value in arguments.items()})

    return judged


@notices_api.operation("GET", f"/tenants/<slug>{BASE}", READ, answers={200: NotificationsView})
def get_notifications(tenant: ManagedTenant) -> dict[str, Any]:
    """Show what ends when, and who is told of it by mail."""
    return {
        "mail": bool(settings().smtp_url),
        "recipients": recipients_of(tenant.id, admins_of()),
        "ending": ending_documents(endings_of(tenant), now()),
    }


@service_notices_api.operation("GET", BASE, LIST_TENANTS, answers={200: ServiceNotificationsView})
def get_service_notifications() -> dict[str, Any]:
    """Show who of staff is told by mail."""
    return {"mail": bool(settings().smtp_url), "recipients": addresses_of(None)}


@notices_api.operation("GET", f"/tenants/<slug>{BASE}/notices", READ, query=PageQuery, answers={200: NoticePage})
def get_notices(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List the warnings that were given, newest first."""
    scope, limit = cursor_scope("notices", tenant.id), query["limit"]
    found = notices_of(tenant.id, key_of(query["cursor"], scope), limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query={})
    return {"items": [notice_document(item) for item in items], "next": following}


@both("GET", "/contacts", READ, answers={200: ContactPage})
def get_contacts(tenant: Tenant = None) -> dict[str, Any]:
    """List who gets notices by mail, besides administrators."""
    return {"items": [contact_document(item) for item in contacts_of(_owner(tenant))], "next": None}


@both("POST", "/contacts", CONFIGURE, body=ContactCreate, answers={201: ContactView}, refuses=(409,))
def post_contact(body: Mapping[str, Any], tenant: Tenant = None) -> dict[str, Any]:
    """Let somebody get the notices; a tenant's own token names addresses at its proven e-mail domains alone."""
    by_staff = caller().role is Role.STAFF
    with transaction():
        contact = name_contact(_owner(tenant), body["email"], by_staff=by_staff, actor=caller().actor, now=now())
    return contact_document(contact)


@both("DELETE", "/contacts/<contact_id>", CONFIGURE, answers={204: None})
def delete_contact(contact_id: str, tenant: Tenant = None) -> None:
    """Let somebody get no notices any more."""
    with transaction():
        drop_contact(_owner(tenant), _row_id(contact_id), actor=caller().actor, now=now())


@both("POST", "/contacts/<contact_id>/test", CONFIGURE, answers={202: TrialQueued}, refuses=(409, 429))
def post_contact_test(contact_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Send somebody a test."""
    owner, chosen = _owner(tenant), _row_id(contact_id)
    require_contact(owner, chosen)
    whose = tenant.name if tenant else SERVICE_NAME
    with transaction():
        delivery = try_contact(owner, chosen, whose, settings(), keys(), actor=caller().actor, now=now())
    return {"status": "queued", "delivery": delivery}


@both("GET", "/webhooks", READ, answers={200: WebhookPage})
def get_webhooks(tenant: Tenant = None) -> dict[str, Any]:
    """List webhooks; never their secrets."""
    return {"items": [webhook_document(item, whole=_may_change()) for item in webhooks_of(_owner(tenant))], "next": None}


@both("POST", "/webhooks", CONFIGURE, body=WebhookCreate, answers={201: WebhookMadeView}, refuses=(409,))
def post_webhook(body: Mapping[str, Any], tenant: Tenant = None) -> dict[str, Any]:
    """Make a webhook. Its secret is in this answer and nowhere else."""
    with transaction():
        return made_document(make_webhook(_owner(tenant), body["url"], settings(), keys(), actor=caller().actor, now=now()))


def _require_webhook(webhook_id: str, tenant: Tenant = None) -> None:
    require_webhook(_owner(tenant), _row_id(webhook_id))


@both("GET", "/webhooks/<webhook_id>", READ, answers={200: WebhookView})
def get_webhook(webhook_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Show a webhook; never its secret."""
    return webhook_document(require_webhook(_owner(tenant), _row_id(webhook_id)), whole=_may_change())


@both("PATCH", "/webhooks/<webhook_id>", CONFIGURE, body=WebhookPatch, answers={200: WebhookView}, exists=_require_webhook)
def patch_webhook(body: Mapping[str, Any], webhook_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Change a webhook's address, or switch it off or on."""
    with transaction():
        changed = alter_webhook(_owner(tenant), webhook_id, settings(), **body, actor=caller().actor, now=now())
    return webhook_document(changed, whole=True)


@both("POST", "/webhooks/<webhook_id>/rotate-secret", CONFIGURE, answers={200: WebhookMadeView})
def post_rotate(webhook_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Give a webhook a new secret, shown this once; the present one signs along for 24 hours."""
    with transaction():
        return made_document(rotate_secret(_owner(tenant), _row_id(webhook_id), keys(), actor=caller().actor, now=now()))


@both("POST", "/webhooks/<webhook_id>/test", CONFIGURE, answers={202: TrialQueued}, refuses=(422, 429))
def post_webhook_test(webhook_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Send a webhook a test event."""
    with transaction():
        delivery = try_webhook(_owner(tenant), _row_id(webhook_id), keys(), actor=caller().actor, now=now())
    return {"status": "queued", "delivery": delivery}


@both("DELETE", "/webhooks/<webhook_id>", CONFIGURE, answers={204: None})
def delete_webhook(webhook_id: str, tenant: Tenant = None) -> None:
    """Remove a webhook with whatever waits for it."""
    with transaction():
        drop_webhook(_owner(tenant), _row_id(webhook_id), actor=caller().actor, now=now())


@both("GET", "/deliveries", READ, query=PageQuery, answers={200: DeliveryPage})
def get_deliveries(query: Mapping[str, Any], tenant: Tenant = None) -> dict[str, Any]:
    """List mail and events with their outcome, newest first; never what they say."""
    scope, limit = cursor_scope("deliveries", tenant.id if tenant else 0), query["limit"]
    found = deliveries_of(_owner(tenant), key_of(query["cursor"], scope), limit + 1)
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query={})
    return {"items": [delivery_document(item) for item in items], "next": following}


@both("GET", "/deliveries/<delivery_id>", READ, answers={200: DeliveryView})
def get_delivery(delivery_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Show one delivery."""
    return delivery_document(require_delivery(_owner(tenant), _row_id(delivery_id)))


@both("POST", "/deliveries/<delivery_id>/retry", CONFIGURE, answers={200: DeliveryView}, refuses=(409,))
def post_retry(delivery_id: str, tenant: Tenant = None) -> dict[str, Any]:
    """Try a delivery that was given up anew, under the same id."""
    with transaction():
        return delivery_document(repeat_delivery(_owner(tenant), _row_id(delivery_id), now()))


def _owner(tenant: Tenant) -> Owner:
    return tenant.id if tenant else None


def _may_change() -> bool:
    return CONFIGURE.allows(caller().role)


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
