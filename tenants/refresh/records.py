"""Records of fetching again: what is due, who has claimed it, and how it went (M3).

A claim is a lease with a fencing token. It is taken by one statement that both databases judge alike: PostgreSQL passes over
rows that another worker is just claiming (SKIP LOCKED), SQLite has one writer at a time. Whoever comes back after its lease
has passed to somebody else finds another token in the row, and changes nothing.

Candidates are read before without a lock, from three small indices: what somebody asked for, what has a date of its own,
and what the service's interval makes due.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from config.looks import Look, any_row
from config.properties.records import property_value
from tenants.metadata_models import MetadataVersion
from tenants.models import DELETED, IdentityProvider, Tenant
from tenants.refresh.schedule import SYNC_HOURS

SYNC_INTERVAL = dt.timedelta(seconds=60)
"""One identity provider is fetched at most once in this time because somebody asked (M2), or because of an unknown key (M7)."""
SYNC_LEASE = dt.timedelta(seconds=60)
"""How long a worker may take over one fetch before another one takes it up; a fetch is bounded by 10 s."""
CANDIDATES = 64
"""Looked at for each claim, so that workers that look at the same moment do not all want the same ones."""


class SyncReason(StrEnum):
    """Why metadata is fetched. Each that is asked for has a minute of its own: none can be used to hinder another."""

    SCHEDULE = "schedule"
    ASKED = "asked"
    UNKNOWN_KEY = "unknown_key"


class SyncResult(StrEnum):
    """What a fetch came to. Pending: something changed that somebody has to look at first (M6)."""

    OK = "ok"
    FAILED = "failed"
    PENDING = "pending"


_ASKED_AT = {SyncReason.ASKED: IdentityProvider.sync_asked_at, SyncReason.UNKNOWN_KEY: IdentityProvider.key_asked_at}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An identity provider that is due."""

    tenant_id: int
    idp_id: str
    failures: int


@dataclass(frozen=True, slots=True)
class ClaimedSync:
    """A fetch that this worker holds: nobody else makes it, and only with `claim` may it be finished.

    `deadly`: the last two processes that had it ended over it, so that it is better left alone for a while.
    """

    tenant_id: int
    idp_id: str
    claim: str
    reason: SyncReason
    deadly: bool = False


_ONE = (IdentityProvider.tenant_id == sa.bindparam("of_tenant"), IdentityProvider.id == sa.bindparam("of_idp"))
FETCHED = sa.or_(IdentityProvider.metadata_url.is_not(None), IdentityProvider.metadata_path.is_not(None))
_UNCLAIMED = sa.or_(
    IdentityProvider.sync_claimed_until.is_(None), IdentityProvider.sync_claimed_until < sa.bindparam("now")
)
_FREE = (IdentityProvider.deleted_at.is_(None), _UNCLAIMED)
_PRESENT = (IdentityProvider.deleted_at <= sa.bindparam("now")).is_not(sa.true())
"""The same as "deleted_at IS NULL", in other words: the indices of names say that, too, and without statistics PostgreSQL
would read all of one of them to find what was asked for."""
_OF_THIS_KIND = IdentityProvider.allow_aggregate == sa.bindparam("lists")
"""Federations' lists are fetched by `vestibule worker` alone, everything else by every process with a clock."""
_ASKED = IdentityProvider.sync_requested_at.is_not(None)
_ASKED_FOR = (_ASKED, IdentityProvider.sync_requested_at <= sa.bindparam("now"), _PRESENT, _UNCLAIMED)
_AT_ITS_OWN_DATE = (FETCHED, IdentityProvider.sync_due_at.is_not(None), IdentityProvider.sync_due_at <= sa.bindparam("now"))
_BY_THE_SERVICE = (
    FETCHED,
    IdentityProvider.sync_hours.is_(None),
    IdentityProvider.sync_failures == sa.literal_column("0"),  # no parameter: so the partial index is found
    IdentityProvider.fresh_from <= sa.bindparam("stale"),
)
LIVING = sa.exists().where(Tenant.id == IdentityProvider.tenant_id, Tenant.state != DELETED)


def _candidates(*conditions: Any, order: Sequence[Any]) -> Any:
    columns = (IdentityProvider.tenant_id, IdentityProvider.id, IdentityProvider.sync_failures)
    spared = IdentityProvider.tenant_id.not_in(sa.bindparam("spared", expanding=True))
    return sa.select(*columns).where(*conditions, _OF_THIS_KIND, LIVING, spared).order_by(*order).limit(CANDIDATES)


_DUE = (
    _candidates(*_ASKED_FOR, order=[IdentityProvider.sync_requested_at]),
    _candidates(*_FREE, *_AT_ITS_OWN_DATE, order=[IdentityProvider.sync_failures, IdentityProvider.sync_due_at]),
    _candidates(*_FREE, *_BY_THE_SERVICE, order=[IdentityProvider.fresh_from]),
)


def _look_for(*, lists: bool) -> Look:
    """Whether anything is due: the same three queues, each with its index."""
    rows = (IdentityProvider.allow_aggregate.is_(lists), LIVING)
    queues = (_ASKED_FOR, (*_FREE, *_AT_ITS_OWN_DATE), (*_FREE, *_BY_THE_SERVICE))
    return Look(sa.or_(*(any_row(IdentityProvider, *rows, *queue) for queue in queues)), _stale_from)


def _stale_from(now: dt.datetime) -> Mapping[str, Any]:
    return {"stale": now - dt.timedelta(hours=property_value(SYNC_HOURS))}


SYNCS_LOOK, LISTS_LOOK = _look_for(lists=False), _look_for(lists=True)
_WANTED = sa.tuple_(IdentityProvider.tenant_id, IdentityProvider.id)
_CLAIMABLE = (
    sa.select(IdentityProvider.tenant_id, IdentityProvider.id)
    .where(
        _WANTED.in_(sa.bindparam("wanted", expanding=True)),
        *_FREE,
        sa.or_(_ASKED, sa.and_(*_AT_ITS_OWN_DATE), sa.and_(*_BY_THE_SERVICE)),
    )
    # NO KEY UPDATE: a sign-in that makes a person refers to this row, and must not wait.
    .with_for_update(key_share=True, skip_locked=True)
)
_DIED = IdentityProvider.sync_claim.is_not(None)
"""Whoever had it before has not given it back: the process ended over it, or it hung."""
_AFTER_A_DEATH = {
    "sync_failures": IdentityProvider.sync_failures + sa.case((_DIED, 1), else_=0),
    "sync_due_at": sa.case((_DIED, sa.bindparam("now")), else_=IdentityProvider.sync_due_at),
}
"""That counts as a failure. Its date is now, since one that has failed is not looked for by the service's interval."""
_OF_CLAIM = ("tenant_id", "id", "sync_requested_at", "sync_reason", "sync_failures", "sync_due_at")
_CLAIM = (
    sa.update(IdentityProvider)
    .where(_WANTED.in_(_CLAIMABLE))
    .values(sync_claim=sa.bindparam("claim"), sync_claimed_until=sa.bindparam("until"), **_AFTER_A_DEATH)
    .returning(*(IdentityProvider.__table__.c[name] for name in _OF_CLAIM))
)
_SHA256 = sa.select(MetadataVersion.sha256).where(
    MetadataVersion.tenant_id == sa.bindparam("of_tenant"), MetadataVersion.id == sa.bindparam("of_version")
)


def request_sync(tenant_id: int, idp_id: str, now: dt.datetime, reason: SyncReason = SyncReason.ASKED) -> bool:
    """Put a fetch into the queue; False within the minute of the last one (a compare-and-set: two at once get one).

    Whoever asked first is whom it is told of; that of a person counts before that of a sign-in.
    """
    asked_at = _ASKED_AT[reason]
    kept = sa.case((IdentityProvider.sync_reason == SyncReason.ASKED.value, IdentityProvider.sync_reason), else_=reason.value)
    statement = (
        sa.update(IdentityProvider)
        .where(
            IdentityProvider.tenant_id == tenant_id,
            IdentityProvider.id == idp_id,
            IdentityProvider.deleted_at.is_(None),
            sa.or_(asked_at.is_(None), asked_at <= now - SYNC_INTERVAL),
        )
        .values({asked_at: now, "sync_requested_at": now, "sync_reason": kept})
    )
    return write(statement).rowcount == 1


def syncs_due(
    now: dt.datetime, service_hours: int, spared: Collection[int], *, lists: bool = False
) -> list[list[Candidate]]:
    """What is due now, in three queues: asked for; at a date of its own, failing ones last; by the service's interval.

    Args:
        spared: tenants that have their part of this worker already.
        lists: those that may be taken out of a federation's list; without, all others.
    """
    # One that nobody has keeps the statement's text, and so its plan, the same for none and for some.
    parameters = {"now": now, "stale": now - dt.timedelta(hours=service_hours), "spared": [0, *sorted(spared)], "lists": lists}
    return [[Candidate(*row) for row in read(statement, parameters)] for statement in _DUE]


def claim_syncs(
    wanted: Sequence[tuple[int, str]], now: dt.datetime, service_hours: int, *, lease: dt.timedelta = SYNC_LEASE
) -> list[ClaimedSync]:
    """Take up those of them that are still due and that no other worker has."""
    if not wanted:
        return []
    claim = new_id()
    parameters = {"now": now, "stale": now - dt.timedelta(hours=service_hours), "wanted": list(wanted)}
    rows = write(_CLAIM, parameters | {"claim": claim, "until": now + lease})
    return [
        ClaimedSync(
            row.tenant_id,
            row.id,
            claim,
            _reason_of(row.sync_requested_at, row.sync_reason),
            deadly=row.sync_failures > 1 and row.sync_due_at == now,
        )
        for row in rows.all()
    ]


def finish_sync(sync: ClaimedSync, values: Mapping[str, Any]) -> bool:
    """Give the claim back and keep how it went, in the transaction of what it found; False where it has passed on."""
    statement = (
        sa.update(IdentityProvider)
        .where(
            IdentityProvider.tenant_id == sync.tenant_id,
            IdentityProvider.id == sync.idp_id,
            IdentityProvider.sync_claim == sync.claim,
            IdentityProvider.deleted_at.is_(None),
        )
        .values(sync_requested_at=None, sync_reason=None, sync_claim=None, sync_claimed_until=None, **values)
    )
    return write(statement).rowcount == 1


def sha256_of_version(tenant_id: int, version_id: str | None) -> str | None:
    """Of the document as it came that is in force."""
    if version_id is None:
        return None
    found: str | None = read(_SHA256, {"of_tenant": tenant_id, "of_version": version_id}).scalar_one_or_none()
    return found


def _reason_of(requested_at: dt.datetime | None, reason: str | None) -> SyncReason:
    return SyncReason(reason) if requested_at and reason else SyncReason.SCHEDULE
