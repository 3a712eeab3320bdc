"""Records: who came by an identity provider of late, and the fingerprints of what came with them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read
from identity.models import Attempt, User

MOST_PEOPLE = 1_000


@dataclass(frozen=True, slots=True)
class RecentPerson:
    """Somebody, and what is kept of their latest sign-in; `fingerprints` None: nothing, since it is too long ago."""

    user_id: str
    email: str
    organisation_id: str | None
    active: bool
    last_login_at: dt.datetime
    fingerprints: str | None


_RECENT = (
    sa.select(User.tenant_id, User.id, User.email, User.organisation_id, User.active, User.last_login_at)
    .where(
        User.tenant_id == sa.bindparam("tenant_id"),
        User.idp_id == sa.bindparam("idp_id"),
        User.last_login_at.is_not(None),
    )
    .order_by(User.last_login_at.desc(), User.id)
    .limit(MOST_PEOPLE)
    .subquery("recent")
)
_LATEST = (
    sa.select(Attempt.fingerprints)
    .where(
        Attempt.tenant_id == sa.bindparam("tenant_id"),
        Attempt.user_id == _RECENT.c.id,
        Attempt.idp_id == sa.bindparam("idp_id"),
        Attempt.code.is_(None),
        Attempt.trial_id.is_(None),
    )
    .order_by(Attempt.id.desc())
    .limit(1)
    .scalar_subquery()
)
_PEOPLE = sa.select(
    _RECENT.c.id, _RECENT.c.email, _RECENT.c.organisation_id, _RECENT.c.active, _RECENT.c.last_login_at, _LATEST
).order_by(_RECENT.c.last_login_at.desc(), _RECENT.c.id)


def recent_people(tenant_id: int, idp_id: str) -> list[RecentPerson]:
    """Whoever came by this identity provider last, the latest first; MOST_PEOPLE at most."""
    return [RecentPerson(*row) for row in read(_PEOPLE, {"tenant_id": tenant_id, "idp_id": idp_id})]
