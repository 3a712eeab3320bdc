"""Flow: what ends is found, and warned of once (K3).

Each identity provider and each key has the moment at which its next warning may be due, so a run looks at those alone, however
many there are. Whatever changes one has it looked at once: so a certificate that was renewed is not warned of any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from config.database import DATABASE_ERRORS, transaction
from config.isolation import every_tenant
from config.logs import jobs_log
from config.sealing import KeyRing
from config.settings import Settings
from tenants.audit import EventType, record
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import providers_of
from tenants.models import IdentityProvider, ServiceProviderKey
from tenants.notices.contacts import addresses_of
from tenants.notices.notice_records import (
    Looked,
    give_notice,
    hold_key,
    hold_provider,
    keys_to_look_at,
    look_again,
    note_recipients,
    providers_to_look_at,
)
from tenants.notices.outbox import tell_by_mail, tell_webhooks
from tenants.notices.owners import Owner
from tenants.notices.telling import AdminsOf, recipients_of
from tenants.notices.thresholds import Ending, next_look_at, threshold_due
from tenants.notices.words import ending_document, ending_letter, event_of
from tenants.rollover.records import ACTIVE, NEXT, keys_of
from tenants.tenant_records import ManagedTenant, find_managed_tenant_by_id

MAX_LOOKS_PER_RUN = 500
"""Of each kind. What is left over is looked at in the next run."""
BROKEN_WAITS = dt.timedelta(hours=1)
NOTICE_ACTOR = "notices"
KEYS_IN_USE = frozenset({NEXT, ACTIVE})
"""Of our own: those that sign, or that are going to."""


def warn_of_endings(settings: Settings, keys: KeyRing, now: dt.datetime, admins_of: AdminsOf) -> int:
    """Give the warnings that are due, and tell how many those were; two looks at small indexes where none is."""
    with every_tenant():
        providers = providers_to_look_at(now, MAX_LOOKS_PER_RUN)
        own = keys_to_look_at(now, MAX_LOOKS_PER_RUN)
    given = 0
    for table, rows in ((IdentityProvider, providers), (ServiceProviderKey, own)):
        for tenant_id, row_id in rows:
            try:
                with transaction():
                    given += _look_at(table, tenant_id, row_id, settings, keys, now, admins_of)
            except DATABASE_ERRORS:
                raise
            except Exception as error:
                # One row that cannot be read must not keep everybody else's warnings: it is looked at again in an hour.
                jobs_log.error("warning_broken", tenant_id=tenant_id, exc_info=error)
                with transaction():
                    look_again(table, tenant_id, row_id, now + BROKEN_WAITS)
    return given


def endings_of(tenant: ManagedTenant) -> list[Ending]:
    """Everything of a tenant that ends, the first one first."""
    found: list[Ending] = []
    for provider in providers_of(tenant.id):
        if provider.enabled:
            looked = Looked(
                provider.name,
                provider.display_name,
                provider.enabled,
                provider.metadata_url,
                provider.metadata_document,
                provider.settings,
                None,
            )
            found += endings_of_provider(tenant.id, provider.id, looked)
    for key in keys_of(tenant.id):
        if key.state in KEYS_IN_USE:
            found.append(Ending(tenant.id, "sp_certificate", key.id, key.use, key.ends_at))
    return sorted(found, key=lambda ending: ending.ends_at)


def endings_of_provider(tenant_id: int, idp_id: str, looked: Looked) -> list[Ending]:
    """Its pinned certificates, each end once, and its metadata where that has one."""
    metadata = metadata_from_document(looked.metadata_document)
    ends = sorted({item.not_after for item in metadata.signing_certificates})
    found = [Ending(tenant_id, "idp_certificate", idp_id, looked.display_name, end, lasts_on=end != ends[-1]) for end in ends]
    if metadata.valid_until is not None:
        since = looked.taken_at if looked.metadata_url is not None else None
        found.append(Ending(tenant_id, "metadata", idp_id, looked.display_name, metadata.valid_until, renewed_since=since))
    return found


def _look_at(
    table: type[IdentityProvider] | type[ServiceProviderKey],
    tenant_id: int,
    row_id: str,
    settings: Settings,
    keys: KeyRing,
    now: dt.datetime,
    admins_of: AdminsOf,
) -> int:
    """Look at one that is due, inside a transaction that holds its row; how many warnings were given."""
    refused = False
    if table is IdentityProvider:
        looked = hold_provider(tenant_id, row_id, now)
        if looked is None:
            return 0
        is_used, refused = looked.enabled, bool(looked.settings.get("refuse_expired_certificates"))
        endings = endings_of_provider(tenant_id, row_id, looked)
    else:
        key = hold_key(tenant_id, row_id, now)
        if key is None:
            return 0
        is_used, end = key.state in KEYS_IN_USE, key.ends_at
        endings = [Ending(tenant_id, "sp_certificate", row_id, key.use, end)]
    look_again(table, tenant_id, row_id, next_look_at(tuple(endings), now))
    tenant = find_managed_tenant_by_id(tenant_id) if is_used else None
    if tenant is None:
        return 0
    due = [(ending, days) for ending in endings if (days := threshold_due(ending, now)) is not None]
    return sum(_warn(tenant, ending, days, settings, keys, now, admins_of, refused) for ending, days in due)


def _warn(
    tenant: ManagedTenant,
    ending: Ending,
    days: int,
    settings: Settings,
    keys: KeyRing,
    now: dt.datetime,
    admins_of: AdminsOf,
    refused: bool,
) -> bool:
    """Give one warning, unless it was given before."""
    notice_id = give_notice(ending, days, now)
    if notice_id is None:
        return False
    event, told = event_of(ending), 0
    data = {"notice": notice_id, **ending_document(ending, tenant.slug, tenant.name, days, now)}
    pages: tuple[tuple[Owner, str, Sequence[str]], ...] = (
        (tenant.id, f"{tenant.origin}/admin/notifications", recipients_of(tenant.id, admins_of)),
        (None, f"{settings.app_url}/admin/tenants/{tenant.slug}/notifications", addresses_of(None)),
    )
    for owner, address, recipients in pages:
        told += len(tell_webhooks(owner, event, data, keys, now))
        if settings.smtp_url:
            letter = ending_letter(ending, tenant.name, address, now, refused=refused)
            told += len(tell_by_mail(owner, event, letter, recipients, keys, now))
    note_recipients(tenant.id, notice_id, told)
    detail: dict[str, Any] = {
        "subject": ending.subject,
        "label": ending.label,
        "ends_at": ending.ends_at.isoformat(),
        "days": days,
    }
    record(tenant.id, EventType.NOTICE_GIVEN, at=now, actor=NOTICE_ACTOR, recipients=told, **detail)
    return True
