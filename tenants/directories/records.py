"""Records of directories. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from tenants.directories.errors import DirectoryExists
from tenants.directories.models import Directory

VERSION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ManagedDirectory:
    """A directory as those see it who manage it; the service's password there comes and goes sealed."""

    tenant_id: int
    id: str
    name: str
    display_name: str
    enabled: bool
    settings: Mapping[str, Any]
    organisation_id: str | None
    placement_follows: bool
    created_at: dt.datetime
    sync_due_at: dt.datetime | None
    sync_requested_at: dt.datetime | None
    sync_claimed_until: dt.datetime | None
    sync_failures: int
    last_sync_at: dt.datetime | None
    last_success_at: dt.datetime | None
    last_sync_result: str | None
    last_sync_code: str | None
    last_sync_stage: str | None
    last_sync_cause: str | None
    last_sync_counts: Mapping[str, int] | None
    sealed_password: str | None = field(repr=False)

    @property
    def version(self) -> str:
        """Changes with what it is told to do, but for the password; whoever names it changes what they have seen."""
        told = [self.display_name, self.enabled, self.organisation_id, dict(self.settings)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:VERSION_DIGITS]


_COLUMNS = tuple(getattr(Directory, name) for name in ManagedDirectory.__dataclass_fields__)


def find_directory(tenant_id: int, name: str) -> ManagedDirectory | None:
    """A tenant's directory by its label."""
    return _one(tenant_id, Directory.name == name)


def find_directory_by_id(tenant_id: int, directory_id: str) -> ManagedDirectory | None:
    """A tenant's directory by its row."""
    return _one(tenant_id, Directory.id == directory_id)


def directories_of(tenant_id: int) -> list[ManagedDirectory]:
    """A tenant's directories by label; there are few."""
    statement = sa.select(*_COLUMNS).where(*_connected(tenant_id)).order_by(Directory.name)
    return [ManagedDirectory(**row._mapping) for row in read(statement)]


def made_since(tenant_id: int, since: dt.datetime) -> int:
    """How many directories were made since, those that were taken away again among them."""
    statement = sa.select(sa.func.count()).where(Directory.tenant_id == tenant_id, Directory.created_at > since)
    return int(read(statement).scalar_one())


def add_directory(tenant_id: int, directory_id: str, values: Mapping[str, Any]) -> None:
    """Add a directory, inside a transaction. Its id comes first, since its password is sealed to it.

    Raises:
        DirectoryExists: somebody else gave this label just now.
    """
    try:
        with savepoint():
            write(sa.insert(Directory.__table__).values(tenant_id=tenant_id, id=directory_id, sync_failures=0, **values))
    except sa.exc.IntegrityError:
        raise DirectoryExists("the label is in use") from None


def revive_directory(tenant_id: int, name: str, values: Mapping[str, Any]) -> str | None:
    """Let a directory that was taken away come back under its label, for the sake of its people; None where there is none."""
    of_name = (Directory.tenant_id == tenant_id, Directory.name == name, Directory.deleted_at.is_not(None))
    latest = sa.select(Directory.id).where(*of_name).order_by(Directory.deleted_at.desc()).limit(1)
    directory_id: str | None = read(latest).scalar_one_or_none()
    if directory_id is not None:
        one = sa.update(Directory).where(Directory.tenant_id == tenant_id, Directory.id == directory_id)
        write(one.values(deleted_at=None, **values))
    return directory_id


def set_directory(tenant_id: int, directory_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of a directory, inside a transaction."""
    write(sa.update(Directory).where(*_connected(tenant_id), Directory.id == directory_id).values(**values))


def new_directory_id() -> str:
    """The id of a directory that is going to be made."""
    return new_id()


def _one(tenant_id: int, condition: sa.ColumnElement[bool]) -> ManagedDirectory | None:
    row = read(sa.select(*_COLUMNS).where(*_connected(tenant_id), condition)).one_or_none()
    return ManagedDirectory(**row._mapping) if row else None


def _connected(tenant_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (Directory.tenant_id == tenant_id, Directory.deleted_at.is_(None))
