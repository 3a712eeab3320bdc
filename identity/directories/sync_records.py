"""Records of syncing: who came from a directory."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read
from identity.directories.sync_plan import KnownPerson
from identity.models import User
from identity.person_fields import PROFILE_FIELDS

_COLUMNS = (User.id, User.subject, User.active, User.organisation_id, *(getattr(User, name) for name in PROFILE_FIELDS))


def people_of_directory(tenant_id: int, directory_id: str) -> list[KnownPerson]:
    """Everybody who came from a directory, switched off or not."""
    statement = sa.select(*_COLUMNS).where(
        User.tenant_id == tenant_id, User.directory_id == directory_id, User.subject.is_not(None)
    )
    return [
        KnownPerson(row.id, row.subject, row.active, row.organisation_id, {name: getattr(row, name) for name in PROFILE_FIELDS})
        for row in read(statement.order_by(User.id))
    ]


def still_of_directory(tenant_id: int, directory_id: str, user_ids: list[str]) -> dict[str, str | None]:
    """Those of them who have not been joined to somewhere else meanwhile, each with where they belong now."""
    statement = sa.select(User.id, User.organisation_id).where(
        User.tenant_id == tenant_id, User.directory_id == directory_id, User.id.in_(user_ids)
    )
    return {str(row.id): row.organisation_id for row in read(statement)}
