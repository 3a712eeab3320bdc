"""Records of what ends when somebody is switched off: links that wait for them, and sign-ins under way."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from config.database import write
from identity.local_accounts.models import LocalLink, LocalSignIn


def drop_links_of(tenant_id: int, user_ids: Sequence[str], _now: dt.datetime) -> Counter[str]:
    """Remove links that set a password, inside a transaction, and count for whom."""
    return _dropped(LocalLink, tenant_id, user_ids)


def drop_sign_ins_of(tenant_id: int, user_ids: Sequence[str], _now: dt.datetime) -> Counter[str]:
    """Remove sign-ins whose second factor has not come yet, inside a transaction, and count for whom."""
    return _dropped(LocalSignIn, tenant_id, user_ids)


def _dropped(table: type[LocalLink] | type[LocalSignIn], tenant_id: int, user_ids: Sequence[str]) -> Counter[str]:
    theirs = sa.delete(table).where(table.tenant_id == tenant_id, table.user_id.in_(user_ids))
    return Counter(write(theirs.returning(table.user_id)).scalars())
