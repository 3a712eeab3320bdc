"""Flow: which identity provider encrypts to which of our keys is noted once an hour, after the sign-in that showed it (K2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from config.database import impatient
from tenants.rollover import use_records
from tenants.rollover.lately import Noted
from tenants.rollover.use_records import KeyUser

NOTED_EVERY = dt.timedelta(hours=1)
USED_WITHIN = dt.timedelta(days=30)
"""Who has not used a key for so long is taken not to use it any more."""
MOVED_AFTER = 2 * NOTED_EVERY
"""Two keys that are noted within this time are both used: a node of several may have stayed behind."""
FAILS = (sa.exc.SQLAlchemyError, RuntimeError)
"""Whatever a database does that is locked, full or gone: no reason to fail what was asked for."""


def note_use(noted: Noted, tenant_id: int, key_id: str, idp_id: str, now: dt.datetime) -> None:
    """Note it, in a transaction of its own that waits for nobody; where it fails, the next sign-in's is noted."""
    place = (tenant_id, key_id, idp_id)
    if not noted.uses.is_due(place, None, now, NOTED_EVERY):
        return
    try:
        with impatient():
            use_records.note(tenant_id, key_id, idp_id, now)
    except FAILS:  # locked; or the key or the identity provider went away meanwhile
        noted.uses.forget(place)


def still_using(key_id: str, users: Sequence[KeyUser], now: dt.datetime) -> tuple[KeyUser, ...]:
    """Who is to be expected to encrypt to this key again: those who did lately, and have not moved to another one since."""
    newest = {user.idp: max(one.last_at for one in users if one.idp == user.idp) for user in users}
    return tuple(
        user
        for user in users
        if user.key_id == key_id and now - user.last_at < USED_WITHIN and newest[user.idp] - user.last_at < MOVED_AFTER
    )
