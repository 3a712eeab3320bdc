"""Records: people are put where their identity provider, or its rules, say that they belong (P6)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from config.statements import Prepared
from identity.models import User
from tenants.audit import EventType, record
from tenants.placement_rules import Placement
from tenants.trust import SAMLTrust

_PLACE = Prepared(
    sa.update(User)
    .where(User.tenant_id == sa.bindparam("of_tenant"), User.id == sa.bindparam("of_user"))
    .values(organisation_id=sa.bindparam("new_organisation"))
)


def first_organisation(trust: SAMLTrust, placement: Placement, prepared_in: str | None = None) -> str | None:
    """Where somebody belongs who comes for the first time: by a rule, as prepared, or as the identity provider's people do."""
    return placement.organisation_id if placement.moves else prepared_in or trust.organisation_id


def organisation_again(trust: SAMLTrust, placement: Placement, present: str | None) -> str | None:
    """Where somebody belongs who was here before: where they are, unless a rule says otherwise and is to be followed."""
    return placement.organisation_id if placement.moves and trust.placement.follows else present


def move_person(
    trust: SAMLTrust, user_id: str, before: str | None, after: str | None, placement: Placement, now: dt.datetime
) -> None:
    """Put somebody into another organisation, inside a transaction; no statement where they are there."""
    if before == after:
        return
    _PLACE.write({"of_tenant": trust.tenant_id, "of_user": user_id, "new_organisation": after})
    detail: dict[str, Any] = {"from": before, "to": after, "idp": trust.idp_name, "rule": placement.organisation_rule}
    record(trust.tenant_id, EventType.USER_PLACED, at=now, actor=user_id, **detail)
