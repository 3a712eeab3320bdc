"""Flow: an account is switched off, and everything that lets its person in or goes on for them ends with it (P8).

This is the one place: administrators, files, rules and directories all switch off here. Whatever else may let somebody in,
such as a link in a mail, is added to ENDINGS: a function that ends it for these people and counts for whom. Each way of
signing in refuses the person by itself (`user_inactive`), so that a sign-in which is under way comes to nothing as well,
whoever's browser it is in.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.database import transaction
from identity.deactivation_records import (
    EndedAccess,
    accepted_and_refused_since,
    access_ends_of,
    add_access_ends,
    drop_codes_of,
    end_sessions_of,
    last_seen,
    revoke_links_for,
    revoke_tokens_by,
    switch_off,
)
from identity.local_accounts.ending_records import drop_links_of, drop_sign_ins_of
from tenants.audit import SIGN_IN, EventType, event_values, record_many
from tenants.console_role_records import NOTHING_ADDED, added_by
from tenants.placement_rules import Placement
from tenants.tokens import BY_PERSON

Ending = Callable[[int, Sequence[str], dt.datetime], Counter[str]]
"""(tenant, people, now) -> how many ended, by person; inside a transaction."""

ENDINGS: Mapping[str, Ending] = {
    "native_codes": drop_codes_of,  # before sessions, as whoever redeems one holds them
    "sessions": end_sessions_of,
    "api_tokens": revoke_tokens_by,
    "setup_links": revoke_links_for,
    "local_links": drop_links_of,
    "local_sign_ins": drop_sign_ins_of,
}
BATCH = 500
"""People in one statement."""


@dataclass(frozen=True, slots=True)
class AccessReport:
    """When a person's access ended, each time, and what came since the last time: nothing may have been accepted."""

    ends: Sequence[EndedAccess]
    accepted_since: int
    refused_since: int


def deactivate(tenant_id: int, user_ids: Sequence[str], *, actor: str, now: dt.datetime, **why: Any) -> list[str]:
    """Switch accounts off and end everything with them, inside a transaction; the same again does nothing.

    Args:
        now: when it was asked for. What is measured begins there, and ends with the last statement that ends anything.
        why: what else the events tell: of the rule, of the directory.

    Returns:
        Whose account was on.
    """
    switched: list[str] = []
    for start in range(0, len(user_ids), BATCH):
        some = switch_off(tenant_id, sorted(user_ids[start : start + BATCH]))
        if some:
            ends = _end_access(tenant_id, some, actor, now)
            stays = added_by(tenant_id, [BY_PERSON + user_id for user_id in some])
            left = {user_id: stays.get(BY_PERSON + user_id, NOTHING_ADDED).as_detail() for user_id in ends}
            record_many([_told(tenant_id, user_id, end, now, {**why, **left[user_id]}) for user_id, end in ends.items()])
        switched += some
    return switched


def deactivate_by_rule(
    tenant_id: int, user_id: str | None, placement: Placement, source: Mapping[str, str], now: dt.datetime
) -> None:
    """Switch the account off whose sign-in was refused by a rule (P6). The refusal has rolled everything else back.

    In a transaction of its own. No rule switches the account on again; an administrator does.

    Args:
        user_id: None where the person has no account, and now gets none.
        source: whose rule it is, by the name that audit events have for it.
    """
    if user_id is not None:
        with transaction():
            deactivate(tenant_id, [user_id], actor=SIGN_IN, now=now, **source, rule=placement.active_rule)


def milliseconds_of(end: EndedAccess) -> float:
    """How long it took from when it was asked for."""
    return round((end.ended_at - end.asked_at).total_seconds() * 1000, 1)


def access_report(tenant_id: int, user_id: str) -> AccessReport:
    """When a person's access ended; empty for somebody who was never switched off."""
    ends = access_ends_of(tenant_id, user_id)
    accepted, refused = accepted_and_refused_since(tenant_id, user_id, ends[0].ended_at) if ends else (0, 0)
    return AccessReport(ends, accepted, refused)


def _end_access(tenant_id: int, user_ids: Sequence[str], actor: str, now: dt.datetime) -> dict[str, EndedAccess]:
    """End everything of people whose accounts were just switched off, and keep when that was."""
    began, seen = time.monotonic(), last_seen(tenant_id, user_ids)
    counted = {name: ending(tenant_id, user_ids, now) for name, ending in ENDINGS.items()}
    ended_at = now + dt.timedelta(seconds=time.monotonic() - began)
    ends = {
        user_id: EndedAccess(
            asked_at=now,
            ended_at=ended_at,
            actor=actor,
            last_seen_at=seen.get(user_id),
            ended={name: by_person[user_id] for name, by_person in counted.items()},
        )
        for user_id in user_ids
    }
    add_access_ends(tenant_id, ends)
    return ends


def _told(tenant_id: int, user_id: str, end: EndedAccess, now: dt.datetime, why: Mapping[str, Any]) -> dict[str, Any]:
    detail: dict[str, Any] = {**why, "ended": dict(end.ended), "milliseconds": milliseconds_of(end)}
    detail["sessions_ended"] = end.ended["sessions"]
    return event_values(tenant_id, EventType.USER_DEACTIVATED, at=now, actor=end.actor, user=user_id, **detail)
