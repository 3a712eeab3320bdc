"""Records of who belongs to which organisation. Every statement names the tenant first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read, write
from identity.models import User
from identity.people_records import HAS_LOCAL_ACCOUNT
from tenants.directories.models import Directory


@dataclass(frozen=True, slots=True)
class CensusLine:
    """How many active people of one organisation came by one identity provider, or directory; None for both: by neither."""

    organisation_id: str | None
    idp_id: str | None
    directory_id: str | None
    people: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody belongs, and by what they are known."""

    user_id: str
    email: str
    organisation_id: str | None
    idp_id: str | None
    directory_id: str | None
    local_account: bool


_STANDING = (User.id, User.email, User.organisation_id, User.idp_id, User.directory_id, HAS_LOCAL_ACCOUNT)


def people_in(tenant_id: int, organisation_id: str) -> int:
    """How many people belong to one organisation, active or not."""
    statement = sa.select(sa.func.count()).select_from(User)
    return int(read(statement.where(User.tenant_id == tenant_id, User.organisation_id == organisation_id)).scalar_one())


def people_by_organisation(tenant_id: int, organisation_ids: Collection[str]) -> dict[str, int]:
    """How many people each of these organisations has, active or not; those without any are left out."""
    if not organisation_ids:
        return {}
    statement = sa.select(User.organisation_id, sa.func.count().label("people")).where(
        User.tenant_id == tenant_id, User.organisation_id.in_(sorted(organisation_ids))
    )
    return {row.organisation_id: row.people for row in read(statement.group_by(User.organisation_id))}


def census_of(tenant_id: int) -> list[CensusLine]:
    """A tenant's active people, counted by organisation and by what they came by."""
    came_by = sa.case((User.subject.is_not(None), User.idp_id)).label("idp_id")
    alike = (User.organisation_id, came_by, User.directory_id)
    statement = sa.select(*alike, sa.func.count().label("people")).where(User.tenant_id == tenant_id, User.active.is_(True))
    return [CensusLine(**row._mapping) for row in read(statement.group_by(*alike))]


def standings_of(tenant_id: int, user_ids: Collection[str]) -> list[Standing]:
    """Those of these people who are there, by address."""
    statement = sa.select(*_STANDING).where(User.tenant_id == tenant_id, User.id.in_(sorted(user_ids)))
    return [Standing(*row) for row in read(statement.order_by(User.email))]


def move_everybody(tenant_id: int, organisation_id: str, to: str | None) -> int:
    """Have all people of one organisation belong to another one, and tell how many."""
    statement = sa.update(User).where(User.tenant_id == tenant_id, User.organisation_id == organisation_id)
    return write(statement.values(organisation_id=to)).rowcount


def directories_into(tenant_id: int, organisation_id: str) -> int:
    """How many directories have their people belong there by default; of those that were taken away nobody knows any more."""
    statement = sa.select(sa.func.count()).select_from(Directory).where(Directory.deleted_at.is_(None))
    whose = statement.where(Directory.tenant_id == tenant_id, Directory.organisation_id == organisation_id)
    return int(read(whose).scalar_one())


def move_directories(tenant_id: int, organisation_id: str, to: str | None) -> None:
    """Have directories bring their people elsewhere."""
    statement = sa.update(Directory).where(Directory.tenant_id == tenant_id, Directory.organisation_id == organisation_id)
    write(statement.values(organisation_id=to))
