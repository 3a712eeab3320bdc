"""Records of attempts for those who read them: newest first, by keyset, whatever they are filtered by (D1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read
from identity.checks import shown_receipt
from identity.models import Attempt, EmailAddress, User
from tenants.id_times import highest_id_until, lowest_id_since
from tenants.models import IdentityProvider
from tenants.organisations.access import SSO

ACCEPTED = "accepted"
REFUSED = "refused"
RESULTS = (ACCEPTED, REFUSED)
EXPORT_BATCH = 1_000
"""Rows that an export holds at a time."""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt to sign in. `code` None: it succeeded. `test`: it was a test of settings, and signed nobody in.

    `way`: how somebody tried. `directory`: the one that knew them, or was asked last; None where it was not by a directory.
    """

    id: str
    at: dt.datetime
    reference: str
    code: str | None
    cause: str
    idp: str | None
    user_id: str | None
    test: bool
    way: str
    directory: str | None


@dataclass(frozen=True, slots=True)
class AttemptReceipt:
    """An attempt with what was checked, and the message with personal values masked (D1)."""

    attempt: AttemptRow
    receipt: Mapping[str, Any]
    xml: str


@dataclass(frozen=True, slots=True)
class AttemptFilter:
    """Which attempts to list; None is any. `since` is the first moment that counts, `until` the first that does not."""

    code: str | None = None
    result: str | None = None
    reference: str | None = None
    user_id: str | None = None
    test: bool | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


ALL = AttemptFilter()
_ATTEMPT = (
    Attempt.id,
    Attempt.at,
    Attempt.reference,
    Attempt.code,
    Attempt.cause,
    IdentityProvider.name.label("idp"),
    Attempt.user_id,
    Attempt.trial_id.is_not(None).label("test"),
    sa.func.coalesce(Attempt.receipt[("facts", "way")].as_string(), SSO).label("way"),
    Attempt.receipt[("facts", "directory")].as_string().label("directory"),
)
_NO_TEST = sa.case((Attempt.trial_id.is_(None), 1), else_=0) != 0
"""Nearly all attempts. Of "IS NULL" PostgreSQL without statistics expects one in two hundred, and sorts a million rows."""
_ITS_PROVIDER = sa.and_(IdentityProvider.tenant_id == Attempt.tenant_id, IdentityProvider.id == Attempt.idp_id)


def page_of_attempts(tenant_id: int, before: str | None, limit: int, filters: AttemptFilter = ALL) -> list[AttemptRow]:
    """A tenant's attempts, newest first, from behind the attempt `before` on."""
    statement = sa.select(*_ATTEMPT).join(IdentityProvider, _ITS_PROVIDER, isouter=True)
    statement = statement.where(Attempt.tenant_id == tenant_id, *_conditions(filters))
    if before is not None:
        statement = statement.where(Attempt.id < before)
    return [AttemptRow(**row._mapping) for row in read(statement.order_by(*_order(filters)).limit(limit))]


def batches_of_attempts(tenant_id: int, filters: AttemptFilter = ALL) -> Iterator[Sequence[AttemptRow]]:
    """All attempts that the filter lets through, newest first, a batch at a time; those that come meanwhile stay out."""
    before: str | None = None
    while rows := page_of_attempts(tenant_id, before, EXPORT_BATCH, filters):
        yield rows
        before = rows[-1].id


def find_attempt(tenant_id: int, attempt_id: str) -> AttemptReceipt | None:
    """One attempt with its receipt."""
    statement = (
        sa.select(*_ATTEMPT, Attempt.receipt, Attempt.xml)
        .join(IdentityProvider, _ITS_PROVIDER, isouter=True)
        .where(Attempt.tenant_id == tenant_id, Attempt.id == attempt_id)
    )
    row = read(statement).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    receipt, xml = values.pop("receipt"), values.pop("xml")
    return AttemptReceipt(AttemptRow(**values), shown_receipt(receipt), xml)


def find_user_by_email(tenant_id: int, email: str) -> str | None:
    """Id of the tenant's person who has an address, given in its normal form."""
    statement = sa.select(EmailAddress.user_id).where(EmailAddress.email == email, EmailAddress.tenant_id == tenant_id)
    return read(statement).scalars().one_or_none()


def emails_of(tenant_id: int, user_ids: Collection[str]) -> dict[str, str]:
    """Id -> e-mail address of those of the tenant's people who are named; at most as many as a page has."""
    if not user_ids:
        return {}
    statement = sa.select(User.id, User.email).where(User.tenant_id == tenant_id, User.id.in_(user_ids))
    return {row.id: row.email for row in read(statement)}


def _conditions(filters: AttemptFilter) -> list[sa.ColumnElement[bool]]:
    """In words that the partial indices of the table are known by."""
    found: list[sa.ColumnElement[bool]] = []
    # Tests are few, and their own index finds them: the code is then an expression, for which no index is taken.
    code = Attempt.code.concat("") if filters.test else Attempt.code
    if filters.code is not None:
        found.append(code == filters.code)
    if filters.result is not None:
        found.append(code.is_(None) if filters.result == ACCEPTED else code.is_not(None))
    if filters.reference is not None:
        found.append(Attempt.reference == filters.reference)
    if filters.user_id is not None:
        found.append(Attempt.user_id == filters.user_id)
    if filters.test is not None:
        found.append(Attempt.trial_id.is_not(None) if filters.test else _NO_TEST)
    # Ids sort by time: they bound what is read, and the time itself decides.
    if filters.since is not None:
        found += [Attempt.id >= lowest_id_since(filters.since), Attempt.at >= filters.since]
    if filters.until is not None:
        found += [Attempt.id < highest_id_until(filters.until), Attempt.at < filters.until]
    return found


def _order(filters: AttemptFilter) -> tuple[sa.UnaryExpression[Any], ...]:
    """Newest first. Accepted ones have no code, and PostgreSQL reads them by their index only in the index's own order."""
    by_id = Attempt.id.desc()
    by_code = filters.result == ACCEPTED and filters.user_id is None and not filters.test
    return (Attempt.code.desc(), by_id) if by_code else (by_id,)
