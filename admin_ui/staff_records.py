"""Records of staff accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from admin_ui.access_errors import StaffExists
from admin_ui.models import StaffAccount
from config.database import new_id, read, savepoint, write
from tenants.roles import Role


@dataclass(frozen=True, slots=True)
class Staff:
    """An account as signing in and managing need it. Hashes and sealed secrets are not shown anywhere."""

    id: str
    email: str
    name: str
    role: str
    active: bool
    password_hash: str | None
    sealed_totp_secret: str | None
    totp_step: int | None
    invitation_expires_at: dt.datetime | None
    created_at: dt.datetime
    created_by: str
    last_sign_in_at: dt.datetime | None

    def __repr__(self) -> str:
        return f"Staff(id={self.id!r})"

    def has_open_link(self, now: dt.datetime) -> bool:
        """Whether a link waits that sets a password and second factors: an invitation's, or that of a reset."""
        return self.invitation_expires_at is not None and self.invitation_expires_at > now

    def state(self, now: dt.datetime) -> str:
        """inactive, invited or active. Whoever has come in, by single sign-on too, is invited no more."""
        if not self.active:
            return "inactive"
        return "invited" if self.last_sign_in_at is None and self.has_open_link(now) else "active"


_COLUMNS = tuple(getattr(StaffAccount, name) for name in Staff.__dataclass_fields__)


def add_staff(email: str, name: str, role: Role, *, created_by: str, now: dt.datetime) -> str:
    """Add an account that nobody can sign in with yet, inside a transaction; its id.

    Raises:
        StaffExists: the address has one.
    """
    staff_id = new_id()
    row = {"id": staff_id, "email": email, "name": name, "role": role.value, "created_by": created_by, "created_at": now}
    try:
        with savepoint():
            write(sa.insert(StaffAccount).values(active=True, **row))
    except sa.exc.IntegrityError:
        raise StaffExists("address in use") from None
    return staff_id


def totp_place(staff_id: str) -> str:
    """What an authenticator app's secret is sealed to."""
    return f"staff_totp:{staff_id}"


def find_staff(staff_id: str) -> Staff | None:
    """The account of an id."""
    return _one(StaffAccount.id == staff_id)


def find_staff_by_email(email: str) -> Staff | None:
    """The account of an address, as `normalise_email` gives it."""
    return _one(StaffAccount.email == email)


def find_invited(invitation_hash: str, now: dt.datetime) -> Staff | None:
    """The active account that waits for this invitation to be followed."""
    return _one(
        StaffAccount.invitation_hash == invitation_hash,
        StaffAccount.invitation_expires_at > now,
        StaffAccount.active.is_(True),
    )


def all_staff() -> list[Staff]:
    """Every account, by name."""
    return [Staff(**row._mapping) for row in read(sa.select(*_COLUMNS).order_by(StaffAccount.name, StaffAccount.id))]


def change_staff(staff_id: str, values: Mapping[str, Any], *conditions: sa.ColumnElement[bool]) -> bool:
    """Set columns of an account, inside a transaction; False where there is none of which the conditions hold."""
    statement = sa.update(StaffAccount).where(StaffAccount.id == staff_id, *conditions)
    return write(statement.values(**values)).rowcount == 1


def take_invitation(staff_id: str, invitation_hash: str, now: dt.datetime, values: Mapping[str, Any]) -> bool:
    """Use an invitation up and set what it was for; False where another browser did so before, or it was withdrawn."""
    used = {"invitation_hash": None, "invitation_expires_at": None}
    return change_staff(
        staff_id,
        {**values, **used},
        StaffAccount.invitation_hash == invitation_hash,
        StaffAccount.invitation_expires_at > now,
        StaffAccount.active.is_(True),
    )


def use_totp_step(staff_id: str, step: int) -> bool:
    """Note the time step of a code that is being used; False where it, or a later one, was used before (RFC 6238 5.2)."""
    unused = sa.or_(StaffAccount.totp_step.is_(None), StaffAccount.totp_step < step)
    return change_staff(staff_id, {"totp_step": step}, unused)


def hold_staff(staff_id: str) -> None:
    """Hold an account until the end of the transaction: two changes of its factors follow one another."""
    write(sa.select(StaffAccount.id).where(StaffAccount.id == staff_id).with_for_update()).all()


def lock_owners() -> list[str]:
    """Ids of active owners, held until the end of the transaction: two who demote each other follow one another.

    Ordered, so that two transactions cannot wait for each other. SQLite has one writer anyway.
    """
    statement = (
        sa.select(StaffAccount.id)
        .where(StaffAccount.role == Role.STAFF.value, StaffAccount.active.is_(True))
        .order_by(StaffAccount.id)
        .with_for_update()
    )
    return list(write(statement).scalars())


def _one(*conditions: sa.ColumnElement[bool]) -> Staff | None:
    row = read(sa.select(*_COLUMNS).where(*conditions)).one_or_none()
    return Staff(**row._mapping) if row else None
