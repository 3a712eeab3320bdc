"""Records of people, for those who manage them. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import RowId, read, write
from identity.models import SessionRow, User
from tenants.directories.models import Directory
from tenants.models import IdentityProvider
from tenants.organisations.access import LDAP


@dataclass(frozen=True, slots=True)
class ManagedPerson:
    """A person as those see them who manage people."""

    id: str
    name_id: str | None
    username: str | None
    email: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    active: bool
    last_login_at: dt.datetime | None
    created_at: dt.datetime
    identity_provider: str | None
    """The label of the one that they come from; None before their first sign-in, and for whoever comes by another way."""
    directory: str | None = None
    """The label of the directory that they come from, as long as it is connected or was."""
    organisation_id: str | None = None
    """Where they belong; None: to the tenant as a whole."""
    local_account: bool = False
    """Whether they have an account of their own here, with a password or an invitation to set one."""
    awaited: bool = False
    """Whether they are to be joined by their next sign-in through the identity provider."""


_ACCOUNTS = sa.table("local_account", sa.column("tenant_id"), sa.column("user_id", RowId))
HAS_LOCAL_ACCOUNT = (
    sa.select(sa.literal(1))
    .select_from(_ACCOUNTS)
    .where(_ACCOUNTS.c.tenant_id == User.tenant_id, _ACCOUNTS.c.user_id == User.id)
    .exists()
)
"""Whoever has a local account is known by it: an identity provider or directory that asserts their name must not get it."""
ITS_PROVIDER = sa.and_(IdentityProvider.tenant_id == User.tenant_id, IdentityProvider.id == User.idp_id)
PERSON_COLUMNS = (
    User.id,
    User.name_id,
    User.username,
    User.email,
    User.first_name,
    User.last_name,
    User.phone,
    User.active,
    User.last_login_at,
    User.created_at,
    IdentityProvider.name.label("identity_provider"),
    sa.select(Directory.name)
    .where(Directory.tenant_id == User.tenant_id, Directory.id == User.directory_id)
    .scalar_subquery()
    .label("directory"),
    User.organisation_id,
    HAS_LOCAL_ACCOUNT.label("local_account"),
    sa.and_(User.idp_id.is_not(None), User.subject.is_(None)).label("awaited"),
)


def find_managed_person(tenant_id: int, user_id: str) -> ManagedPerson | None:
    """One of a tenant's people."""
    statement = sa.select(*PERSON_COLUMNS).select_from(User).join(IdentityProvider, ITS_PROVIDER, isouter=True)
    row = read(statement.where(User.tenant_id == tenant_id, User.id == user_id)).one_or_none()
    return ManagedPerson(**row._mapping) if row else None


def switch_on(tenant_id: int, user_id: str) -> bool:
    """Switch an account on; False where it was on already (a compare-and-set). Off: `identity.deactivation` alone."""
    statement = sa.update(User).where(User.tenant_id == tenant_id, User.id == user_id, User.active.is_(False))
    return write(statement.values(active=True)).rowcount == 1


def hold_person(tenant_id: int, user_id: str) -> bool:
    """Hold a person until the end of the transaction; whether they are there and switched on.

    Whoever switches them off, or gives them another address, has done so before, or waits.
    """
    held = sa.select(User.active).where(User.tenant_id == tenant_id, User.id == user_id)
    return bool(write(held.with_for_update(key_share=True)).scalar_one_or_none())


def end_open_sessions(
    tenant_id: int,
    now: dt.datetime,
    *,
    idp_id: str | None = None,
    directory_id: str | None = None,
    user_id: str | None = None,
    but: str | None = None,
) -> int:
    """End the open sessions of a tenant, of one identity provider or directory there, or of one person; tell how many.

    Args:
        but: a session that goes on.
    """
    statement = sa.update(SessionRow).where(
        SessionRow.tenant_id == tenant_id, SessionRow.ended_at.is_(None), SessionRow.expires_at > now
    )
    if idp_id is not None:
        statement = statement.where(SessionRow.idp_id == idp_id)
    if directory_id is not None:
        people = sa.select(User.id).where(User.tenant_id == tenant_id, User.directory_id == directory_id)
        statement = statement.where(SessionRow.way == LDAP, SessionRow.user_id.in_(people))
    if user_id is not None:
        statement = statement.where(SessionRow.user_id == user_id)
    if but is not None:
        statement = statement.where(SessionRow.id != but)
    return end_repeatedly(statement.values(ended_at=now))


def end_repeatedly(ending: sa.Update) -> int:
    """Do it until nothing is left: a session that was opened out of another one, while that was waited for, ends with it."""
    ended = found = write(ending).rowcount
    while found:
        found = write(ending).rowcount
        ended += found
    return ended
