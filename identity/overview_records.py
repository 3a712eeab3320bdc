"""Records of what a tenant's administrators look at first: its people and open sessions, in numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read
from identity.models import EmailAddress, User
from tenants.id_times import lowest_id_since
from tenants.models import DELETED, Tenant

DORMANT_AFTER = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class PeopleNumbers:
    """How many people a tenant has. Dormant: may sign in, and has not for 90 days, or never."""

    total: int
    active: int
    dormant: int


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Whose an address is, in the whole service; for staff."""

    slug: str
    tenant: str
    user_id: str


def people_numbers(tenant_id: int, now: dt.datetime) -> PeopleNumbers:
    """One pass through the tenant's part of the index of people."""
    is_dormant = sa.and_(User.active, sa.or_(User.last_login_at.is_(None), User.last_login_at < now - DORMANT_AFTER))
    statement = sa.select(
        sa.func.count(),
        sa.func.sum(sa.case((User.active, 1), else_=0)),
        sa.func.sum(sa.case((is_dormant, 1), else_=0)),
    ).where(User.tenant_id == tenant_id)
    total, active, dormant = read(statement).one()
    return PeopleNumbers(int(total), int(active or 0), int(dormant or 0))


def new_people(tenant_id: int, since: dt.datetime) -> list[tuple[dt.date, int]]:
    """How many people came on each day; ids sort by time, so only those of the period are read."""
    day = sa.func.date(User.created_at)
    statement = (
        sa.select(day, sa.func.count())
        .where(User.tenant_id == tenant_id, User.id >= lowest_id_since(since), User.created_at >= since)
        .group_by(day)
        .order_by(day)
    )
    return [(dt.date.fromisoformat(str(row[0])), int(row[1])) for row in read(statement)]


def find_person_anywhere(email: str) -> FoundPerson | None:
    """Whose this address is, written exactly so; across tenants, for staff only."""
    statement = (
        sa.select(Tenant.slug, Tenant.name, EmailAddress.user_id)
        .join(Tenant, Tenant.id == EmailAddress.tenant_id)
        .where(EmailAddress.email == email, Tenant.state != DELETED)
    )
    row = read(statement).one_or_none()
    return FoundPerson(*row) if row else None
