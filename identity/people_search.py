"""Records: lists of people by search, filter and order, at 100,000 people a tenant.

Everything that is compared or sorted stands in one index, `ix_users_listed`, and a page reads that and nothing else until it
knows which rows it shows. So the worst search costs one pass through the tenant's part of the index.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from identity.models import EmailAddress, User
from identity.people_records import ITS_PROVIDER, PERSON_COLUMNS, ManagedPerson
from tenants.folding import folded
from tenants.models import IdentityProvider

MAX_COUNTED = 200_000
"""More are told as "more than" this; counting so many takes 20 ms."""
MAX_SEARCH = 200
NOWHERE = "none"
EXPORT_BATCH = 1_000
_NEVER = sa.literal(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), User.__table__.c.last_login_at.type)
SORTS: Mapping[str, sa.ColumnElement[Any]] = {
    "created": User.__table__.c.id,  # ids sort by the time of their making
    "name": User.__table__.c.name_key,
    "email": User.__table__.c.email,
    "username": User.__table__.c.username_key,
    "last_sign_in": sa.func.coalesce(User.__table__.c.last_login_at, _NEVER),
}


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people. `search` is a part of name, e-mail or username; `signed_in` False finds those who never were.

    `organisation` is the id of theirs; NOWHERE finds those who belong to the tenant as a whole. `dormant_since` finds those
    who were last signed in before it, or never.
    """

    search: str = ""
    email: str | None = None
    active: bool | None = None
    idp_id: str | None = None
    directory_id: str | None = None
    organisation: str | None = None
    signed_in: bool | None = None
    dormant_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class PeopleOrder:
    """By what people are sorted, and which way."""

    name: str = "created"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the last person's sort key, as text, and id."""

    key: str
    id: str


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person in a list, and the place behind them."""

    person: ManagedPerson
    place: Place


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; `more` where counting stopped."""

    number: int
    more: bool


def list_people(tenant_id: int, which: PeopleFilter, order: PeopleOrder, after: Place | None, limit: int) -> list[ListedPerson]:
    """People of a tenant, from behind a place on."""
    key = SORTS[order.name]
    inner = _indexed(sa.select(User.id.label("id"), key.label("sort_key")), tenant_id, which)
    if after is not None:
        here = sa.tuple_(key, User.id)
        there = sa.tuple_(sa.literal(_key_value(order.name, after.key), key.type), sa.literal(after.id, User.id.type))
        inner = inner.where(here < there if order.descending else here > there)
    direction = sa.desc if order.descending else sa.asc
    found = inner.order_by(direction(key), direction(User.id)).limit(limit).subquery("found")
    statement = (
        sa.select(*PERSON_COLUMNS, found.c.sort_key)
        .select_from(found)
        .join(User, sa.and_(User.tenant_id == tenant_id, User.id == found.c.id))
        .join(IdentityProvider, ITS_PROVIDER, isouter=True)
        .order_by(direction(found.c.sort_key), direction(found.c.id))
    )
    return [_listed(row) for row in read(statement)]


def count_people(tenant_id: int, which: PeopleFilter) -> Count:
    """How many of a tenant's people there are."""
    inner = _indexed(sa.select(sa.literal(1)), tenant_id, which).limit(MAX_COUNTED + 1).subquery()
    number = int(read(sa.select(sa.func.count()).select_from(inner)).scalar_one())
    return Count(min(number, MAX_COUNTED), number > MAX_COUNTED)


def every_person(tenant_id: int, which: PeopleFilter, order: PeopleOrder) -> Iterator[ManagedPerson]:
    """All of them, page by page: constant memory, and no lock or snapshot between pages."""
    after: Place | None = None
    while found := list_people(tenant_id, which, order, after, EXPORT_BATCH):
        yield from (listed.person for listed in found)
        after = found[-1].place
        if len(found) < EXPORT_BATCH:
            return


def _indexed(statement: sa.Select[Any], tenant_id: int, which: PeopleFilter) -> sa.Select[Any]:
    """Conditions on what the index holds. SQLite has no statistics and would take a narrower index, and every row with it."""
    hinted = statement.select_from(User).where(User.tenant_id == tenant_id)
    if which.organisation == NOWHERE:
        hinted = hinted.where(User.organisation_id.is_(None))
    elif which.organisation is not None:
        hinted = hinted.where(User.organisation_id == which.organisation)
    if which.directory_id is not None:
        hinted = hinted.where(User.directory_id == which.directory_id)
    if which.email is None and which.organisation in (None, NOWHERE) and which.directory_id is None:
        hinted = hinted.with_hint(User, "INDEXED BY ix_users_listed", "sqlite")
    if search := folded(which.search[:MAX_SEARCH]):
        hinted = hinted.where(sa.or_(_contains(User.search_key, search), _contains(User.email, search)))
    if which.email is not None:
        whose = sa.select(EmailAddress.user_id).where(EmailAddress.email == which.email, EmailAddress.tenant_id == tenant_id)
        hinted = hinted.where(User.id.in_(whose))
    if which.active is not None:
        hinted = hinted.where(User.active.is_(which.active))
    if which.idp_id is not None:
        hinted = hinted.where(User.idp_id == which.idp_id)
    if which.signed_in is not None:
        hinted = hinted.where(User.last_login_at.is_not(None) if which.signed_in else User.last_login_at.is_(None))
    if which.dormant_since is not None:
        hinted = hinted.where(SORTS["last_sign_in"] < which.dormant_since)
    return hinted


def _contains(column: sa.SQLColumnExpression[str], part: str) -> sa.ColumnElement[bool]:
    """`%` and `_` in a search are themselves."""
    return column.contains(part, autoescape=True)


def _listed(row: sa.Row[Any]) -> ListedPerson:
    values = dict(row._mapping)
    key = values.pop("sort_key")
    return ListedPerson(ManagedPerson(**values), Place(key.isoformat() if isinstance(key, dt.datetime) else key, values["id"]))


def _key_value(sort: str, key: str) -> Any:
    return dt.datetime.fromisoformat(key) if sort == "last_sign_in" else key
