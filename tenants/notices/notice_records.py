"""Records of what ends and of the warnings that were given: found by the moment at which the next one may be due.

Nothing here looks at what is not due: each identity provider and each key says by itself when it is to be looked at again,
and whatever changes it has it looked at once (tenants.idp_records).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import new_id, read, write, writing_connection
from config.isolation import every_tenant
from tenants.metadata_models import MetadataVersion
from tenants.models import IdentityProvider, ServiceProviderKey
from tenants.notices.models import Notice
from tenants.notices.thresholds import DAYS, Ending

_ONCE = ("tenant_id", "subject", "subject_id", "ends_at", "days")


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A warning that was given."""

    id: str
    subject: str
    label: str
    ends_at: dt.datetime
    days: int
    lasts_on: bool
    recipients: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Looked:
    """An identity provider as it is looked at, held until the end of the transaction."""

    name: str
    display_name: str
    enabled: bool
    metadata_url: str | None
    metadata_document: Mapping[str, Any]
    settings: Mapping[str, Any]
    taken_at: dt.datetime | None


def providers_to_look_at(now: dt.datetime, limit: int) -> list[tuple[int, str]]:
    """(tenant, identity provider) whose next warning may be due; one look at an index."""
    return _to_look_at(IdentityProvider, now, limit)


def keys_to_look_at(now: dt.datetime, limit: int) -> list[tuple[int, str]]:
    """(tenant, key) whose next warning may be due; one look at an index."""
    return _to_look_at(ServiceProviderKey, now, limit)


def hold_provider(tenant_id: int, idp_id: str, now: dt.datetime) -> Looked | None:
    """An identity provider that is to be looked at, unless another worker does so; inside a transaction."""
    table = IdentityProvider
    statement = (
        sa.select(
            table.name,
            table.display_name,
            table.enabled,
            table.metadata_url,
            table.metadata_document.label("metadata_document"),
            table.settings,
            table.metadata_version_id.label("version"),
            table.deleted_at,
        )
        .where(table.tenant_id == tenant_id, table.id == idp_id, table.next_notice_at <= now)
        .with_for_update(skip_locked=True)
    )
    row = read(statement).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    version, deleted_at = values.pop("version"), values.pop("deleted_at")
    taken_at = None
    if version is not None:
        of_version = sa.select(MetadataVersion.created_at).where(
            MetadataVersion.tenant_id == tenant_id, MetadataVersion.id == version
        )
        taken_at = read(of_version).scalar_one_or_none()
    return Looked(**values | {"enabled": values["enabled"] and deleted_at is None, "taken_at": taken_at})


def hold_key(tenant_id: int, key_id: str, now: dt.datetime) -> sa.Row[Any] | None:
    """One of a tenant's own keys that is to be looked at: its use, state and end; inside a transaction."""
    table = ServiceProviderKey
    one = (table.tenant_id == tenant_id, table.id == key_id, table.next_notice_at <= now)
    statement = sa.select(table.use, table.state, table.ends_at).where(*one).with_for_update(skip_locked=True)
    return read(statement).one_or_none()


def look_again(table: type[IdentityProvider] | type[ServiceProviderKey], tenant_id: int, row_id: str, at: Any) -> None:
    """Say when it is to be looked at again; None: never, unless it changes."""
    write(sa.update(table).where(table.tenant_id == tenant_id, table.id == row_id).values(next_notice_at=at))


def give_notice(ending: Ending, days: int, now: dt.datetime) -> str | None:
    """Note a warning and give its id; None where it was given before, by whichever worker."""
    notice_id = new_id()
    row = {
        "tenant_id": ending.tenant_id,
        "id": notice_id,
        "subject": ending.subject,
        "subject_id": ending.subject_id,
        "label": ending.label[:200],
        "ends_at": ending.ends_at,
        "days": days,
        "lasts_on": ending.lasts_on,
        "recipients": 0,
        "created_at": now,
    }
    dialect: Any = postgresql if writing_connection().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Notice.__table__).values(**row).on_conflict_do_nothing(index_elements=_ONCE)
    return notice_id if write(statement).rowcount == 1 else None


def note_recipients(tenant_id: int, notice_id: str, count: int) -> None:
    """Say how many were told."""
    write(sa.update(Notice).where(Notice.tenant_id == tenant_id, Notice.id == notice_id).values(recipients=count))


def notices_of(tenant_id: int, before: str | None, limit: int) -> list[NoticeRow]:
    """A tenant's warnings, newest first, from behind `before` on."""
    columns = (getattr(Notice, name) for name in NoticeRow.__dataclass_fields__)
    statement = sa.select(*columns).where(Notice.tenant_id == tenant_id)
    if before is not None:
        statement = statement.where(Notice.id < before)
    return [NoticeRow(**row._mapping) for row in read(statement.order_by(Notice.id.desc()).limit(limit))]


def remove_old_notices(before: dt.datetime, limit: int) -> int:
    """Remove warnings of ends that lie before then, a batch; how many."""
    with every_tenant():
        old = sa.select(Notice.id).where(Notice.created_at < before, Notice.ends_at < before).limit(limit)
        return write(sa.delete(Notice).where(Notice.id.in_(old.scalar_subquery()))).rowcount


def counts_within(column: Any, now: dt.datetime) -> Mapping[int, int]:
    """How many identity providers have this end within so many days from now; one look at the column's index."""
    soon = [sa.func.sum(sa.case((column <= now + dt.timedelta(days=days), 1), else_=0)) for days in DAYS]
    statement = sa.select(*soon).where(
        column > now,
        column <= now + dt.timedelta(days=max(DAYS)),
        IdentityProvider.deleted_at.is_(None),
        IdentityProvider.enabled.is_(True),
    )
    with every_tenant():
        row = read(statement).one()
    return {days: int(count or 0) for days, count in zip(DAYS, row, strict=True)}


def _to_look_at(table: Any, now: dt.datetime, limit: int) -> list[tuple[int, str]]:
    statement = sa.select(table.tenant_id, table.id).where(table.next_notice_at <= now)
    with every_tenant():
        return [tuple(row) for row in read(statement.order_by(table.next_notice_at).limit(limit))]
