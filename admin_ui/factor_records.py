"""Records of staff's passkeys and recovery codes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from admin_ui.models import StaffPasskey, StaffRecoveryCode
from config.database import new_id, read, savepoint, write
from identity.credentials.passkeys import KnownPasskey, NewPasskey


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its owner sees it."""

    id: str
    label: str
    credential_id: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None


_KNOWN = (
    StaffPasskey.id,
    StaffPasskey.staff_id.label("owner_id"),
    StaffPasskey.credential_id,
    StaffPasskey.public_key,
    StaffPasskey.sign_count,
)
_VIEW = tuple(getattr(StaffPasskey, name) for name in PasskeyView.__dataclass_fields__)


def add_passkey(staff_id: str, passkey: NewPasskey, label: str, now: dt.datetime) -> bool:
    """Keep a new passkey, inside a transaction; False where somebody has this credential already."""
    row = {"credential_id": passkey.credential_id, "public_key": passkey.public_key, "sign_count": passkey.sign_count}
    try:
        with savepoint():
            write(sa.insert(StaffPasskey).values(id=new_id(), staff_id=staff_id, label=label, created_at=now, **row))
    except sa.exc.IntegrityError:
        return False
    return True


def find_passkey(credential_id: str) -> KnownPasskey | None:
    """The stored credential of an id."""
    row = read(sa.select(*_KNOWN).where(StaffPasskey.credential_id == credential_id)).one_or_none()
    return KnownPasskey(**row._mapping) if row else None


def passkeys_of(staff_id: str) -> list[PasskeyView]:
    """An account's passkeys, oldest first."""
    statement = sa.select(*_VIEW).where(StaffPasskey.staff_id == staff_id).order_by(StaffPasskey.id)
    return [PasskeyView(**row._mapping) for row in read(statement)]


def use_passkey(passkey: KnownPasskey, sign_count: int, now: dt.datetime) -> bool:
    """Note a use and its counter, inside a transaction; False where another use came between, or the passkey went."""
    statement = sa.update(StaffPasskey).where(
        StaffPasskey.id == passkey.id, StaffPasskey.sign_count == passkey.sign_count
    )
    return write(statement.values(sign_count=sign_count, last_used_at=now)).rowcount == 1


def remove_passkey(staff_id: str, passkey_id: str) -> bool:
    """Remove one of an account's passkeys, inside a transaction; False where it has no such one."""
    statement = sa.delete(StaffPasskey).where(StaffPasskey.staff_id == staff_id, StaffPasskey.id == passkey_id)
    return write(statement).rowcount == 1


def replace_recovery_codes(staff_id: str, hashes: Sequence[str], now: dt.datetime) -> None:
    """Give an account new codes, inside a transaction; the former ones are worth nothing from now on."""
    write(sa.delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff_id))
    if hashes:
        rows = [{"staff_id": staff_id, "code_hash": item, "created_at": now} for item in hashes]
        write(sa.insert(StaffRecoveryCode), rows)


def use_recovery_code(staff_id: str, code_hash: str, now: dt.datetime) -> bool:
    """Use a code up, inside a transaction; False for an unknown one, and the second time."""
    statement = sa.update(StaffRecoveryCode).where(
        StaffRecoveryCode.staff_id == staff_id,
        StaffRecoveryCode.code_hash == code_hash,
        StaffRecoveryCode.used_at.is_(None),
    )
    return write(statement.values(used_at=now)).rowcount == 1


def recovery_codes_left(staff_id: str) -> int:
    """How many of an account's codes are unused."""
    unused = sa.select(sa.func.count()).select_from(StaffRecoveryCode)
    statement = unused.where(StaffRecoveryCode.staff_id == staff_id, StaffRecoveryCode.used_at.is_(None))
    return int(read(statement).scalar_one())


def remove_factors(staff_id: str) -> None:
    """Remove all passkeys and recovery codes of an account, inside a transaction."""
    write(sa.delete(StaffPasskey).where(StaffPasskey.staff_id == staff_id))
    write(sa.delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff_id))
