"""Records of who gets notices by mail."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from tenants.notices.errors import ContactExists
from tenants.notices.owners import Owner, contacts, owned, values_of


@dataclass(frozen=True, slots=True)
class Contact:
    """An address that gets notices."""

    id: str
    email: str
    by_staff: bool
    added_by: str
    added_at: dt.datetime


def contacts_of(owner: Owner) -> list[Contact]:
    """All of an owner's, in the order of their making; there are few."""
    table = contacts(owner)
    statement = sa.select(*_columns(owner)).where(*owned(table, owner)).order_by(table.id)
    return [Contact(**row._mapping) for row in read(statement)]


def find_contact(owner: Owner, contact_id: str) -> Contact | None:
    """One of an owner's."""
    table = contacts(owner)
    row = read(sa.select(*_columns(owner)).where(*owned(table, owner), table.id == contact_id)).one_or_none()
    return Contact(**row._mapping) if row else None


def add_contact(owner: Owner, email: str, *, by_staff: bool, added_by: str, now: dt.datetime) -> str:
    """Add an address, inside a transaction; its id.

    Raises:
        ContactExists: it is there already.
    """
    contact_id = new_id()
    row = {"id": contact_id, "email": email, "by_staff": by_staff, "added_by": added_by, "added_at": now, **values_of(owner)}
    try:
        with savepoint():
            write(sa.insert(contacts(owner).__table__).values(**row))
    except sa.exc.IntegrityError:
        raise ContactExists(email) from None
    return contact_id


def remove_contact(owner: Owner, contact_id: str) -> bool:
    """Remove an address; False where somebody did so before."""
    table = contacts(owner)
    return write(sa.delete(table).where(*owned(table, owner), table.id == contact_id)).rowcount == 1


def _columns(owner: Owner) -> tuple[sa.ColumnElement[object], ...]:
    return tuple(getattr(contacts(owner), name) for name in Contact.__dataclass_fields__)
