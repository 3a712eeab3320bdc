"""Records of local accounts. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import Base, present_connection, read, write
from identity.credentials.attempts import Ledger
from identity.local_accounts.models import BreakGlassAdmin, LocalAccount, LocalAttempt
from identity.models import EmailAddress, User
from identity.provisioning import COLUMNS, Person

NOBODY = "00000000-0000-7000-8000-000000000000"
"""An id that nobody has: what is asked about a known account is asked about an unknown one, too."""
_INSERTS: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@dataclass(frozen=True, slots=True)
class Account:
    """A person and their local account. Hashes and sealed secrets are not shown anywhere."""

    person: Person
    password_hash: str | None
    password_set_at: dt.datetime | None
    sealed_totp_secret: str | None
    created_at: dt.datetime
    created_by: str
    last_sign_in_at: dt.datetime | None
    break_glass: bool

    @property
    def name(self) -> str:
        """What a person is called: their name, or else what they sign in as."""
        return " ".join(filter(None, (self.person.first_name, self.person.last_name))) or self.person.email

    def __repr__(self) -> str:
        return f"Account(user={self.person.id!r})"


_OWN = (
    LocalAccount.password_hash,
    LocalAccount.password_set_at,
    LocalAccount.sealed_totp_secret,
    LocalAccount.created_at,
    LocalAccount.created_by,
    LocalAccount.last_sign_in_at,
)
_ACCOUNTS = (
    sa.select(
        *(column.label(f"person_{column.key}") for column in COLUMNS),
        *_OWN,
        BreakGlassAdmin.user_id.is_not(None).label("break_glass"),
    )
    .select_from(LocalAccount)
    .join(User, sa.and_(User.tenant_id == LocalAccount.tenant_id, User.id == LocalAccount.user_id))
    .join(
        BreakGlassAdmin,
        sa.and_(BreakGlassAdmin.tenant_id == LocalAccount.tenant_id, BreakGlassAdmin.user_id == LocalAccount.user_id),
        isouter=True,
    )
)


def totp_place(tenant_id: int, user_id: str) -> str:
    """What an authenticator app's secret is sealed to."""
    return f"local_totp:{tenant_id}:{user_id}"


def ledger_of(tenant_id: int) -> Ledger:
    """Where a tenant's attempts are counted."""
    return Ledger(Base.metadata.tables[LocalAttempt.__tablename__], {"tenant_id": tenant_id})


def find_account(tenant_id: int, user_id: str) -> Account | None:
    """A person's local account."""
    return _one(LocalAccount.tenant_id == tenant_id, LocalAccount.user_id == user_id)


def find_account_by_email(tenant_id: int, email: str) -> Account | None:
    """The local account of whoever has an address, as `normalise_email` gives it."""
    whose = sa.select(EmailAddress.user_id).where(EmailAddress.tenant_id == tenant_id, EmailAddress.email == email)
    return _one(LocalAccount.tenant_id == tenant_id, LocalAccount.user_id.in_(whose))


def find_account_by_username(tenant_id: int, username: str) -> Account | None:
    """The local account of a username; None where two people have it."""
    return _one(LocalAccount.tenant_id == tenant_id, User.tenant_id == tenant_id, User.username == username)


def page_of_accounts(tenant_id: int, after: str | None, limit: int) -> list[Account]:
    """A tenant's local accounts, the newest people first, from behind `after` on."""
    statement = _ACCOUNTS.where(LocalAccount.tenant_id == tenant_id)
    if after is not None:
        statement = statement.where(LocalAccount.user_id < after)
    return [_account(row) for row in read(statement.order_by(LocalAccount.user_id.desc()).limit(limit))]


def add_account(tenant_id: int, user_id: str, *, created_by: str, now: dt.datetime) -> bool:
    """Give a person an account that nobody can sign in with yet, inside a transaction; False where they have one."""
    row = {"tenant_id": tenant_id, "user_id": user_id, "created_by": created_by, "created_at": now}
    statement = _INSERTS[present_connection().dialect.name](LocalAccount.__table__).values(**row)
    return write(statement.on_conflict_do_nothing()).rowcount == 1


def change_account(tenant_id: int, user_id: str, values: Mapping[str, Any], *conditions: sa.ColumnElement[bool]) -> bool:
    """Set columns of an account, inside a transaction; False where there is none of which the conditions hold."""
    whose = (LocalAccount.tenant_id == tenant_id, LocalAccount.user_id == user_id)
    return write(sa.update(LocalAccount).where(*whose, *conditions).values(**values)).rowcount == 1


def remove_account(tenant_id: int, user_id: str) -> bool:
    """Remove an account and all that belongs to it, inside a transaction; False where there is none."""
    whose = (LocalAccount.tenant_id == tenant_id, LocalAccount.user_id == user_id)
    return write(sa.delete(LocalAccount).where(*whose)).rowcount == 1


def use_totp_step(tenant_id: int, user_id: str, step: int) -> bool:
    """Note the time step of a code that is being used; False where it, or a later one, was used before (RFC 6238 5.2)."""
    unused = sa.or_(LocalAccount.totp_step.is_(None), LocalAccount.totp_step < step)
    return change_account(tenant_id, user_id, {"totp_step": step}, unused)


def hold_account(tenant_id: int, user_id: str) -> None:
    """Hold an account until the end of the transaction: two changes of it follow one another."""
    held = sa.select(LocalAccount.user_id).where(LocalAccount.tenant_id == tenant_id, LocalAccount.user_id == user_id)
    write(held.with_for_update()).all()


def note_sign_in(account: Account, now: dt.datetime) -> bool:
    """Note a sign-in, inside its transaction; False for a person who is switched off at this moment."""
    person = account.person
    here = (User.tenant_id == person.tenant_id, User.id == person.id, User.active.is_(True))
    if write(sa.update(User).where(*here).values(last_login_at=now)).rowcount != 1:
        return False
    return change_account(person.tenant_id, person.id, {"last_sign_in_at": now})


def _one(*conditions: sa.ColumnElement[bool]) -> Account | None:
    rows = read(_ACCOUNTS.where(*conditions).limit(2)).all()
    if len(rows) != 1:
        return None
    return _account(rows[0])


def _account(row: sa.Row[Any]) -> Account:
    values = dict(row._mapping)
    person = Person(**{column.key: values.pop(f"person_{column.key}") for column in COLUMNS})
    return Account(person=person, **values)
