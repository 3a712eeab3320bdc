"""Records of open sessions for those who manage people. Sessions are read for each request: what ends here is over at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import RowId, UTCDateTime, read, write
from identity.models import SessionRow, User
from identity.people_records import end_repeatedly
from identity.people_search import MAX_SEARCH
from tenants.folding import folded
from tenants.models import IdentityProvider
from tenants.organisations.access import LDAP, SSO, WAYS, Access
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView
from tenants.tenant_records import ManagedTenant

MAX_LOOKED_AT = 20_000
"""Sessions that a count looks at: what it costs does not grow with a tenant."""
MAX_FOUND_PEOPLE = 1_000
"""People whose sessions a search looks for."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A signed-in browser, and whose it is. `expires_at` is its absolute end; it may end sooner for want of use."""

    id: str
    user_id: str
    email: str
    user_agent: str
    address: str
    created_at: dt.datetime
    seen_at: dt.datetime
    expires_at: dt.datetime
    way: str
    identity_provider: str | None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many sessions are open. `is_least`: there may be more."""

    count: int
    is_least: bool


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions. `search` is a part of the person's name, e-mail or username; `address` a whole one."""

    user_id: str | None = None
    search: str = ""
    address: str | None = None


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """Where a page ended."""

    expires_at: dt.datetime
    id: str


@dataclass(frozen=True, slots=True)
class _Limits:
    """What keeps sessions of an organisation's people alive: not idle for so many seconds, and come in by a way of theirs."""

    idle_seconds: int
    refused_ways: tuple[str, ...]
    idp_id: str | None
    directory_id: str | None


_COLUMNS = (
    SessionRow.id,
    SessionRow.user_id,
    User.email,
    SessionRow.user_agent,
    SessionRow.address,
    SessionRow.created_at,
    SessionRow.seen_at,
    SessionRow.expires_at,
    SessionRow.way,
    SessionRow.client,
    IdentityProvider.name.label("identity_provider"),
)
_PERSON = sa.and_(User.tenant_id == SessionRow.tenant_id, User.id == SessionRow.user_id)
_PROVIDER = sa.and_(IdentityProvider.tenant_id == SessionRow.tenant_id, IdentityProvider.id == SessionRow.idp_id)


def page_of_sessions(
    tenant: TenantView | ManagedTenant,
    organisations: OrganisationTree,
    which: SessionFilter,
    now: dt.datetime,
    after: SessionPlace | None,
    limit: int,
) -> list[OpenSession]:
    """A tenant's open sessions, the one that lasts longest first, from behind `after` on.

    Open is what `identity.sessions.current_session` would take: what holds for the person's organisation decides.
    """
    tenant_id = tenant.id
    statement = (
        sa.select(*_COLUMNS)
        .select_from(SessionRow)
        .join(User, _PERSON)
        .join(IdentityProvider, _PROVIDER, isouter=True)
        .where(*_not_ended(tenant_id, now), _is_alive(tenant, organisations, now), IdentityProvider.deleted_at.is_(None))
    )
    if which.user_id is not None:
        statement = statement.where(SessionRow.user_id == which.user_id)
    if search := folded(which.search[:MAX_SEARCH]):
        whose = sa.select(User.id).where(
            User.tenant_id == tenant_id,
            sa.or_(User.search_key.contains(search, autoescape=True), User.email.contains(search, autoescape=True)),
        )
        # Read by itself: put into the statement, PostgreSQL may run it anew for each session.
        found = read(whose.with_hint(User, "INDEXED BY ix_users_listed", "sqlite").limit(MAX_FOUND_PEOPLE)).scalars().all()
        statement = statement.where(SessionRow.user_id.in_(found))
    if which.address is not None:
        statement = statement.where(SessionRow.address == which.address)
    if after is not None:
        here = sa.tuple_(SessionRow.expires_at, SessionRow.id)
        kinds = (SessionRow.expires_at.type, SessionRow.id.type)
        statement = statement.where(
            here < sa.tuple_(*(sa.literal(v, kind) for v, kind in zip((after.expires_at, after.id), kinds, strict=True)))
        )
    statement = statement.order_by(SessionRow.expires_at.desc(), SessionRow.id.desc()).limit(limit)
    return [OpenSession(**row._mapping) for row in read(statement)]


def count_open(tenant: TenantView | ManagedTenant, organisations: OrganisationTree, now: dt.datetime) -> OpenCount:
    """How many sessions the list above has, of those that last longest: so many of them are looked at, and no more."""
    rows = sa.select(SessionRow.token_hash, SessionRow.expires_at, SessionRow.id).where(*_not_ended(tenant.id, now))
    newest = rows.order_by(SessionRow.expires_at.desc(), SessionRow.id.desc()).limit(MAX_LOOKED_AT).subquery()
    looked_at = read(sa.select(sa.func.count()).select_from(newest)).scalar_one()
    statement = (
        sa.select(sa.func.count())
        .select_from(SessionRow)
        .join(User, _PERSON)
        .join(IdentityProvider, _PROVIDER, isouter=True)
        .where(
            SessionRow.tenant_id == tenant.id,
            SessionRow.token_hash.in_(sa.select(newest.c.token_hash)),
            _is_alive(tenant, organisations, now),
            IdentityProvider.deleted_at.is_(None),
        )
    )
    return OpenCount(int(read(statement).scalar_one()), is_least=looked_at >= MAX_LOOKED_AT)


def _not_ended(tenant_id: int, now: dt.datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (SessionRow.tenant_id == tenant_id, SessionRow.ended_at.is_(None), SessionRow.expires_at > now)


def _is_alive(
    tenant: TenantView | ManagedTenant, organisations: OrganisationTree, now: dt.datetime
) -> sa.ColumnElement[bool]:
    """One condition for all people; flat, however many organisations say something else: SQLite refuses deep ones."""
    whole, here = _limits_of(tenant, organisations, None), User.organisation_id
    own = {one: limits for one in organisations.nodes if (limits := _limits_of(tenant, organisations, one)) != whole}
    idle = {one: _ago(now, limits) for one, limits in own.items()}
    parts: list[sa.ColumnElement[bool]] = [SessionRow.seen_at > _by_place(idle, _ago(now, whole))]
    for way in WAYS:
        refusing = [one for one, limits in own.items() if way in limits.refused_ways]
        if way in whole.refused_ways:
            parts.append(sa.or_(SessionRow.way != way, here.in_([one for one in own if one not in set(refusing)])))
        elif refusing:
            parts.append(sa.or_(SessionRow.way != way, here.is_(None), here.not_in(refusing)))
    for way, column, chosen in ((SSO, SessionRow.idp_id, "idp_id"), (LDAP, User.directory_id, "directory_id")):
        named = {one: sa.literal(getattr(limits, chosen), RowId) for one, limits in own.items()}
        if any(getattr(limits, chosen) is not None for limits in (whole, *own.values())):
            wanted = _by_place(named, sa.literal(getattr(whole, chosen), RowId))
            parts.append(sa.or_(SessionRow.way != way, column == sa.func.coalesce(wanted, column)))
    return sa.and_(*parts)


def _by_place(values: Mapping[str, sa.ColumnElement[Any]], otherwise: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """What holds where the person is."""
    found = [(User.organisation_id == one, value) for one, value in values.items()]
    return sa.case(*found, else_=otherwise) if found else otherwise


def _ago(now: dt.datetime, limits: _Limits) -> sa.ColumnElement[Any]:
    return sa.literal(now - dt.timedelta(seconds=limits.idle_seconds), UTCDateTime)


def _limits_of(tenant: TenantView | ManagedTenant, organisations: OrganisationTree, organisation_id: str | None) -> _Limits:
    access = organisations.access_of(organisation_id)
    refused = tuple(way for way in WAYS if not access.allows(way))
    idle_seconds = access.session_idle_seconds or tenant.session_idle_seconds
    return _Limits(idle_seconds, refused, access.idp_id, access.directory_id)


def end_one(tenant_id: int, session_id: str, now: dt.datetime, *, user_id: str | None = None) -> str | None:
    """End an open session and tell whose it was; None where there is no such session. `user_id`: of that person alone."""
    statement = (
        sa.update(SessionRow)
        .where(
            SessionRow.tenant_id == tenant_id,
            SessionRow.id == session_id,
            SessionRow.ended_at.is_(None),
            SessionRow.expires_at > now,
        )
        .values(ended_at=now)
        .returning(SessionRow.user_id)
    )
    if user_id is not None:
        statement = statement.where(SessionRow.user_id == user_id)
    whose: str | None = write(statement).scalar_one_or_none()
    return whose


def end_unadmitted(tenant_id: int, access: Access, now: dt.datetime, organisation_ids: Iterable[str | None]) -> int:
    """End open sessions of these organisations' people that came in by a way that is not theirs; tells how many."""
    asked = list(organisation_ids)
    whose: sa.ColumnElement[bool] = User.organisation_id.in_([one for one in asked if one is not None])
    if None in asked:
        whose = sa.or_(whose, User.organisation_id.is_(None))
    return end_repeatedly(_ending_of_unadmitted(tenant_id, whose, access, now))


def end_unadmitted_of(tenant_id: int, access: Access, now: dt.datetime, user_ids: Sequence[str]) -> Counter[str]:
    """The same of these people; for whom, and how many."""
    statement = _ending_of_unadmitted(tenant_id, User.id.in_(user_ids), access, now).returning(SessionRow.user_id)
    ended = Counter[str]()
    while found := Counter(write(statement).scalars()):  # what was opened out of one of them meanwhile ends with it
        ended += found
    return ended


def _ending_of_unadmitted(
    tenant_id: int, whose: sa.ColumnElement[bool], access: Access, now: dt.datetime
) -> sa.Update:
    refused: list[sa.ColumnElement[bool]] = [SessionRow.way.in_([way for way in WAYS if not access.allows(way)])]
    if access.idp_id is not None:
        refused.append(sa.and_(SessionRow.way == SSO, SessionRow.idp_id != access.idp_id))
    if access.directory_id is not None:
        others = sa.or_(User.directory_id.is_(None), User.directory_id != access.directory_id)
        elsewhere = sa.select(User.id).where(User.tenant_id == tenant_id, whose, others)
        refused.append(sa.and_(SessionRow.way == LDAP, SessionRow.user_id.in_(elsewhere)))
    people = sa.select(User.id).where(User.tenant_id == tenant_id, whose)
    statement = sa.update(SessionRow).where(*_not_ended(tenant_id, now), sa.or_(*refused), SessionRow.user_id.in_(people))
    return statement.values(ended_at=now)
