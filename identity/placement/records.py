"""Records: who came by an identity provider of late, or from a directory, and the fingerprints of what it said of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read, write
from identity.directory_models import DirectoryReading
from identity.models import Attempt, User

MOST_PEOPLE = 1_000
MOST_READ = 10_000
"""People of a directory whom rules are tried on."""


@dataclass(frozen=True, slots=True)
class RecentPerson:
    """Somebody, and what is kept of their latest sign-in, or sync; `fingerprints` None: nothing, as it is too long ago."""

    user_id: str
    email: str
    organisation_id: str | None
    active: bool
    last_login_at: dt.datetime | None
    fingerprints: str | None


_RECENT = (
    sa.select(User.tenant_id, User.id, User.email, User.organisation_id, User.active, User.last_login_at)
    .where(
        User.tenant_id == sa.bindparam("tenant_id"),
        User.idp_id == sa.bindparam("idp_id"),
        User.last_login_at.is_not(None),
    )
    .order_by(User.last_login_at.desc(), User.id)
    .limit(MOST_PEOPLE)
    .subquery("recent")
)
_LATEST = (
    sa.select(Attempt.fingerprints)
    .where(
        Attempt.tenant_id == sa.bindparam("tenant_id"),
        Attempt.user_id == _RECENT.c.id,
        Attempt.idp_id == sa.bindparam("idp_id"),
        Attempt.code.is_(None),
        Attempt.trial_id.is_(None),
    )
    .order_by(Attempt.id.desc())
    .limit(1)
    .scalar_subquery()
)
_PEOPLE = sa.select(
    _RECENT.c.id, _RECENT.c.email, _RECENT.c.organisation_id, _RECENT.c.active, _RECENT.c.last_login_at, _LATEST
).order_by(_RECENT.c.last_login_at.desc(), _RECENT.c.id)


def recent_people(tenant_id: int, idp_id: str) -> list[RecentPerson]:
    """Whoever came by this identity provider last, the latest first; MOST_PEOPLE at most."""
    return [RecentPerson(*row) for row in read(_PEOPLE, {"tenant_id": tenant_id, "idp_id": idp_id})]


def read_people(tenant_id: int, directory_id: str) -> list[RecentPerson]:
    """Whoever came from this directory, with what its last sync has read of them; MOST_READ at most."""
    its_reading = sa.and_(
        DirectoryReading.tenant_id == User.tenant_id,
        DirectoryReading.user_id == User.id,
        DirectoryReading.directory_id == User.directory_id,
    )
    statement = (
        sa.select(User.id, User.email, User.organisation_id, User.active, User.last_login_at, DirectoryReading.fingerprints)
        .join(DirectoryReading, its_reading, isouter=True)
        .where(User.tenant_id == tenant_id, User.directory_id == directory_id)
        .order_by(User.id)
    )
    return [RecentPerson(*row) for row in read(statement.limit(MOST_READ))]


def readings_of(tenant_id: int, directory_id: str) -> dict[str, str]:
    """What is kept of a directory's people, by their ids."""
    statement = sa.select(DirectoryReading.user_id, DirectoryReading.fingerprints).where(
        DirectoryReading.tenant_id == tenant_id, DirectoryReading.directory_id == directory_id
    )
    return {row.user_id: row.fingerprints for row in read(statement)}


def keep_readings(tenant_id: int, directory_id: str, readings: Mapping[str, str]) -> None:
    """Keep these in place of those that there are of the same people, inside a transaction."""
    if not readings:
        return
    table = DirectoryReading
    write(sa.delete(table).where(table.tenant_id == tenant_id, table.user_id.in_(sorted(readings))))
    fixed = {"tenant_id": tenant_id, "directory_id": directory_id}
    rows = [{**fixed, "user_id": user_id, "fingerprints": text} for user_id, text in sorted(readings.items())]
    write(sa.insert(table.__table__), rows)


def forget_readings(tenant_id: int, directory_id: str) -> None:
    """Keep nothing of a directory that was taken away."""
    table = DirectoryReading
    write(sa.delete(table).where(table.tenant_id == tenant_id, table.directory_id == directory_id))
