"""Flows: people are put into an organisation, one or a page of them; their ids, and what they are known by, stay (G1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from identity.organisations.changing import hold, require_node
from identity.organisations.records import end_unadmitted, organisation_of, place_person
from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.tenant_records import ManagedTenant

MAX_MOVED = 200
"""People of one call: a page of a list."""


def put_people(
    tenant: ManagedTenant, user_ids: Sequence[str], organisation_id: str | None, *, actor: str, now: dt.datetime
) -> int:
    """Have people belong to an organisation, or (None) to the tenant as a whole; inside a transaction.

    Sessions that came in by a way that is not one of theirs there end at once.

    Returns:
        How many belonged elsewhere before.

    Raises:
        NotFound: there is no such organisation, or one of the people is not there; then nothing has changed once the edge
            rolls back.
    """
    _, tree = hold(tenant)
    if organisation_id is not None:
        require_node(tree, organisation_id)
    access, moved = tree.access_of(organisation_id), 0
    for user_id in sorted(set(user_ids[:MAX_MOVED])):
        found = organisation_of(tenant.id, user_id)
        if found is None:
            raise NotFound("no such person")
        if found[0] == organisation_id:
            continue
        place_person(tenant.id, user_id, organisation_id)
        ended = end_unadmitted(tenant.id, access, now, user_ids=[user_id])
        detail: dict[str, Any] = {"user": user_id, "from": found[0], "to": organisation_id, "sessions_ended": ended}
        record(tenant.id, EventType.USER_MOVED, at=now, actor=actor, **detail)
        moved += 1
    return moved
