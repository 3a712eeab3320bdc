"""Records: people are put where an administrator, or the rules of whatever they come from, say that they belong (G1, P6)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.statements import Prepared
from identity.models import User
from identity.session_records import end_unadmitted_of
from tenants.audit import EventType, event_values, record, record_many
from tenants.organisations.access import Access
from tenants.placement_rules import Placement
from tenants.trust import SAMLTrust

MOVED = "moved"
"""Why sessions ended: their person belongs to an organisation now whose way in they did not take."""


@dataclass(frozen=True, slots=True)
class Move:
    """Whom to put where. `access`: what holds for the people of `after`. `why`: what the event tells besides."""

    user_id: str
    before: str | None
    after: str | None
    access: Access
    why: Mapping[str, Any] = field(default_factory=dict)


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


def place_person(tenant_id: int, user_id: str, organisation_id: str | None) -> None:
    """Say where somebody belongs; `move_people` does so, and what goes with it."""
    _PLACE.write({"of_tenant": tenant_id, "of_user": user_id, "new_organisation": organisation_id})


def move_people(
    tenant_id: int, moves: Sequence[Move], now: dt.datetime, *, actor: str, event: EventType = EventType.USER_PLACED
) -> Mapping[str, int]:
    """Put people into other organisations, inside a transaction; no statement where all of them are there.

    Returns:
        Who was elsewhere before, and how many of their sessions have ended.
    """
    moving, by_place = [move for move in moves if move.before != move.after], dict[str | None, list[Move]]()
    for move in moving:
        place_person(tenant_id, move.user_id, move.after)
        by_place.setdefault(move.after, []).append(move)
    # All people before any session, as a sign-in takes them: its browser may have had somebody else's.
    ended = Counter[str]()
    for after, some in by_place.items():
        ended += end_where_placed(tenant_id, [move.user_id for move in some], after, some[0].access, now, actor=actor)
    for move in moving:
        detail: dict[str, Any] = {"from": move.before, "to": move.after, **move.why, "sessions_ended": ended[move.user_id]}
        record(tenant_id, event, at=now, actor=actor, user=move.user_id, **detail)
    return {move.user_id: ended[move.user_id] for move in moving}


def end_where_placed(
    tenant_id: int, user_ids: Sequence[str], organisation_id: str | None, access: Access, now: dt.datetime, *, actor: str
) -> Counter[str]:
    """End the sessions of people who were just put into an organisation, by ways that are not theirs there: on record.

    Whoever moves them, an administrator, a file, a rule or a directory: such sessions would open nothing any more, and are
    not to be counted as open.
    """
    ended = end_unadmitted_of(tenant_id, access, now, user_ids)
    if ended:
        told: dict[str, Any] = {"at": now, "actor": actor, "reason": MOVED, "organisation": organisation_id}
        event = EventType.SESSIONS_ENDED
        record_many(
            [event_values(tenant_id, event, **told, user=whose, sessions_ended=ended[whose]) for whose in sorted(ended)]
        )
    return ended
