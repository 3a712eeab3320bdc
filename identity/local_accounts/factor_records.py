"""Records of local accounts' passkeys and recovery codes. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from identity.credentials.passkeys import KnownPasskey, NewPasskey
from identity.local_accounts.models import LocalPasskey, LocalRecoveryCode


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its owner sees it."""

    id: str
    label: str
    credential_id: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None


_KNOWN = (
    LocalPasskey.id,
    LocalPasskey.user_id.label("owner_id"),
    LocalPasskey.credential_id,
    LocalPasskey.public_key,
    LocalPasskey.sign_count,
)
_VIEW = tuple(getattr(LocalPasskey, name) for name in PasskeyView.__dataclass_fields__)


def add_passkey(tenant_id: int, user_id: str, passkey: NewPasskey, label: str, now: dt.datetime) -> bool:
    """Keep a new passkey, inside a transaction; False where somebody of the tenant has this credential already."""
    row = {"credential_id": passkey.credential_id, "public_key": passkey.public_key, "sign_count": passkey.sign_count}
    row |= {"tenant_id": tenant_id, "id": new_id(), "user_id": user_id, "label": label}
    try:
        with savepoint():
            write(sa.insert(LocalPasskey).values(created_at=now, **row))
    except sa.exc.IntegrityError:
        return False
    return True


def find_passkey(tenant_id: int, credential_id: str) -> KnownPasskey | None:
    """The stored credential of an id."""
    conditions = (LocalPasskey.tenant_id == tenant_id, LocalPasskey.credential_id == credential_id)
    row = read(sa.select(*_KNOWN).where(*conditions)).one_or_none()
    return KnownPasskey(**row._mapping) if row else None


def passkeys_of(tenant_id: int, user_id: str) -> list[PasskeyView]:
    """An account's passkeys, oldest first."""
    statement = sa.select(*_VIEW).where(LocalPasskey.tenant_id == tenant_id, LocalPasskey.user_id == user_id)
    return [PasskeyView(**row._mapping) for row in read(statement.order_by(LocalPasskey.id))]


def use_passkey(tenant_id: int, passkey: KnownPasskey, sign_count: int, now: dt.datetime) -> bool:
    """Note a use and its counter, inside a transaction; False where another use came between, or the passkey went."""
    statement = sa.update(LocalPasskey).where(
        LocalPasskey.tenant_id == tenant_id,
        LocalPasskey.id == passkey.id,
        LocalPasskey.sign_count == passkey.sign_count,
    )
    return write(statement.values(sign_count=sign_count, last_used_at=now)).rowcount == 1


def remove_passkey(tenant_id: int, user_id: str, passkey_id: str) -> bool:
    """Remove one of an account's passkeys, inside a transaction; False where it has no such one."""
    statement = sa.delete(LocalPasskey).where(
        LocalPasskey.tenant_id == tenant_id, LocalPasskey.user_id == user_id, LocalPasskey.id == passkey_id
    )
    return write(statement).rowcount == 1


def replace_recovery_codes(tenant_id: int, user_id: str, hashes: Sequence[str], now: dt.datetime) -> None:
    """Give an account new codes, inside a transaction; the former ones are worth nothing from now on."""
    whose = (LocalRecoveryCode.tenant_id == tenant_id, LocalRecoveryCode.user_id == user_id)
    write(sa.delete(LocalRecoveryCode).where(*whose))
    rows = [{"tenant_id": tenant_id, "user_id": user_id, "code_hash": item, "created_at": now} for item in hashes]
    if rows:
        write(sa.insert(LocalRecoveryCode), rows)


def use_recovery_code(tenant_id: int, user_id: str, code_hash: str, now: dt.datetime) -> bool:
    """Use a code up, inside a transaction; False for an unknown one, and the second time."""
    statement = sa.update(LocalRecoveryCode).where(
        LocalRecoveryCode.tenant_id == tenant_id,
        LocalRecoveryCode.user_id == user_id,
        LocalRecoveryCode.code_hash == code_hash,
        LocalRecoveryCode.used_at.is_(None),
    )
    return write(statement.values(used_at=now)).rowcount == 1


def recovery_codes_left(tenant_id: int, user_id: str) -> int:
    """How many of an account's codes are unused."""
    unused = sa.select(sa.func.count()).select_from(LocalRecoveryCode)
    conditions = (LocalRecoveryCode.tenant_id == tenant_id, LocalRecoveryCode.user_id == user_id)
    return int(read(unused.where(*conditions, LocalRecoveryCode.used_at.is_(None))).scalar_one())


def remove_passkeys_and_codes(tenant_id: int, user_id: str) -> None:
    """Remove all passkeys and recovery codes of an account, inside a transaction."""
    write(sa.delete(LocalPasskey).where(LocalPasskey.tenant_id == tenant_id, LocalPasskey.user_id == user_id))
    whose = (LocalRecoveryCode.tenant_id == tenant_id, LocalRecoveryCode.user_id == user_id)
    write(sa.delete(LocalRecoveryCode).where(*whose))
