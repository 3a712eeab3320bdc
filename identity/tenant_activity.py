"""Records: how many signed in lately at each of some tenants, for a page of staff's list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from config.database import read
from config.isolation import every_tenant
from identity.count_models import ACCEPTED, SignInCount


@dataclass(frozen=True, slots=True)
class Activity:
    """Counted attempts of one tenant."""

    accepted: int = 0
    refused: int = 0


def activity_of(tenant_ids: Sequence[int], since: dt.datetime) -> dict[int, Activity]:
    """Attempts at each of these tenants since the beginning of a day, as far as they are counted."""
    accepted = sa.func.sum(sa.case((SignInCount.code == ACCEPTED, SignInCount.count), else_=0))
    statement = (
        sa.select(SignInCount.tenant_id, accepted, sa.func.sum(SignInCount.count))
        .where(SignInCount.tenant_id.in_(list(tenant_ids)), SignInCount.day >= since)
        .group_by(SignInCount.tenant_id)
    )
    found = {tenant_id: Activity() for tenant_id in tenant_ids}
    with every_tenant():
        for tenant_id, good, total in read(statement):
            found[tenant_id] = Activity(int(good), int(total) - int(good))
    return found
