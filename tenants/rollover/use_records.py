"""Records of which identity provider encrypts to which key."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import read
from config.statements import Prepared
from tenants.key_models import OwnKeyUse
from tenants.models import IdentityProvider


@dataclass(frozen=True, slots=True)
class KeyUser:
    """An identity provider that was heard to encrypt to a key; `last_at` is true to the hour."""

    key_id: str
    idp: str
    display_name: str
    last_at: dt.datetime


def _noted(insert: Any) -> Any:
    inserted = insert(OwnKeyUse.__table__).values(
        {name: sa.bindparam(name) for name in ("tenant_id", "key_id", "idp_id", "first_at", "last_at")}
    )
    return inserted.on_conflict_do_update(
        index_elements=["tenant_id", "key_id", "idp_id"],
        set_={"last_at": inserted.excluded.last_at},
        where=OwnKeyUse.__table__.c.last_at < inserted.excluded.last_at,
    )


_NOTE = Prepared({"sqlite": _noted(sqlite.insert), "postgresql": _noted(postgresql.insert)})


def note(tenant_id: int, key_id: str, idp_id: str, now: dt.datetime) -> None:
    """Note that this identity provider encrypted to this key."""
    _NOTE.write({"tenant_id": tenant_id, "key_id": key_id, "idp_id": idp_id, "first_at": now, "last_at": now})


def users_of(tenant_id: int) -> list[KeyUser]:
    """Which connected identity providers were heard to use which key, and when last."""
    statement = (
        sa.select(OwnKeyUse.key_id, IdentityProvider.name, IdentityProvider.display_name, OwnKeyUse.last_at)
        .join(
            IdentityProvider,
            sa.and_(IdentityProvider.tenant_id == OwnKeyUse.tenant_id, IdentityProvider.id == OwnKeyUse.idp_id),
        )
        .where(
            OwnKeyUse.tenant_id == tenant_id,
            IdentityProvider.deleted_at.is_(None),
            IdentityProvider.enabled.is_(True),
        )
        .order_by(OwnKeyUse.last_at.desc(), IdentityProvider.name)
    )
    return [KeyUser(*row) for row in read(statement)]
