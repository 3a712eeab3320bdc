"""Records of passkeys and recovery codes, for whichever tables they stand in: those of local accounts, or staff's.

A table that belongs to tenants is asked by its tenant first, in every statement: `within` says which.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from identity.credentials.passkeys import KnownPasskey, NewPasskey


@dataclass(frozen=True, slots=True)
class Factors:
    """Where an account's factors stand: the tables, what all their rows are looked for within, and whose they are.

    Args:
        within: columns and values, such as the tenant; a credential's id is one account's in all of it.
        owner: the column that names the account, and the account; None: whoever's they are.
    """

    passkeys: sa.Table
    codes: sa.Table
    within: Mapping[str, Any] = field(default_factory=dict)
    owner: tuple[str, str | None] = ("user_id", None)

    def whose(self) -> Mapping[str, Any]:
        """The values that a row of this account has."""
        column, account = self.owner
        return {**self.within, column: account}

    def rows(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[bool], ...]:
        """The account's rows of which the conditions hold."""
        return (*(table.c[name] == value for name, value in self.whose().items()), *conditions)

    def anybodys(self, *conditions: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[bool], ...]:
        """Anybody's passkeys of which the conditions hold."""
        return (*(self.passkeys.c[name] == value for name, value in self.within.items()), *conditions)


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its owner sees it."""

    id: str
    label: str
    credential_id: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None


def add_passkey(factors: Factors, passkey: NewPasskey, label: str, now: dt.datetime) -> bool:
    """Keep a new passkey, inside a transaction; False where somebody has this credential already."""
    row = {"credential_id": passkey.credential_id, "public_key": passkey.public_key, "sign_count": passkey.sign_count}
    row |= {**factors.whose(), "id": new_id(), "label": label, "created_at": now}
    try:
        with savepoint():
            write(sa.insert(factors.passkeys).values(**row))
    except sa.exc.IntegrityError:
        return False
    return True


def find_passkey(factors: Factors, credential_id: str) -> KnownPasskey | None:
    """The stored credential of an id, whosever it is."""
    columns = factors.passkeys.c
    known = (columns.id, columns[factors.owner[0]].label("owner_id"), columns.credential_id, columns.public_key)
    statement = sa.select(*known, columns.sign_count).where(*factors.anybodys(columns.credential_id == credential_id))
    row = read(statement).one_or_none()
    return KnownPasskey(**row._mapping) if row else None


def passkeys_of(factors: Factors) -> list[PasskeyView]:
    """An account's passkeys, oldest first."""
    columns = factors.passkeys.c
    view = (columns[name] for name in PasskeyView.__dataclass_fields__)
    statement = sa.select(*view).where(*factors.rows(factors.passkeys)).order_by(columns.id)
    return [PasskeyView(**row._mapping) for row in read(statement)]


def use_passkey(factors: Factors, passkey: KnownPasskey, sign_count: int, now: dt.datetime) -> bool:
    """Note a use and its counter, inside a transaction; False where another use came between, or the passkey went."""
    columns = factors.passkeys.c
    same = factors.anybodys(columns.id == passkey.id, columns.sign_count == passkey.sign_count)
    return write(sa.update(factors.passkeys).where(*same).values(sign_count=sign_count, last_used_at=now)).rowcount == 1


def remove_passkey(factors: Factors, passkey_id: str) -> bool:
    """Remove one of an account's passkeys, inside a transaction; False where it has no such one."""
    table = factors.passkeys
    return write(sa.delete(table).where(*factors.rows(table, table.c.id == passkey_id))).rowcount == 1


def replace_recovery_codes(factors: Factors, hashes: Sequence[str], now: dt.datetime) -> None:
    """Give an account new codes, inside a transaction; the former ones are worth nothing from now on."""
    write(sa.delete(factors.codes).where(*factors.rows(factors.codes)))
    rows = [{**factors.whose(), "code_hash": item, "created_at": now} for item in hashes]
    if rows:
        write(sa.insert(factors.codes), rows)


def use_recovery_code(factors: Factors, code_hash: str, now: dt.datetime) -> bool:
    """Use a code up, inside a transaction; False for an unknown one, and the second time."""
    table = factors.codes
    unused = factors.rows(table, table.c.code_hash == code_hash, table.c.used_at.is_(None))
    return write(sa.update(table).where(*unused).values(used_at=now)).rowcount == 1


def recovery_codes_left(factors: Factors) -> int:
    """How many of an account's codes are unused."""
    table = factors.codes
    unused = sa.select(sa.func.count()).select_from(table).where(*factors.rows(table, table.c.used_at.is_(None)))
    return int(read(unused).scalar_one())


def remove_factors(factors: Factors) -> None:
    """Remove all passkeys and recovery codes of an account, inside a transaction."""
    for table in (factors.passkeys, factors.codes):
        write(sa.delete(table).where(*factors.rows(table)))
