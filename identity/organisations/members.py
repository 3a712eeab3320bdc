"""Flows: people are put into an organisation, one or a page of them; their ids, and what they are known by, stay (G1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from identity.organisations.changing import hold, require_node
from identity.organisations.records import end_unadmitted, organisation_of, place_person
from identity.people import prepare_person, require_person
from identity.people_records import ManagedPerson
from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.tenant_records import ManagedTenant

MAX_MOVED = 200
"""People of one call: a page of a list."""


def prepare_member(
    tenant: ManagedTenant, profile: Mapping[str, str | None], *, actor: str, now: dt.datetime
) -> ManagedPerson:
    """Add a person before their first sign-in, to the organisation of `organisation_id`; without it, to the tenant as a whole.

    Raises:
        FieldsInvalid: also where there is no such organisation.
        EmailInUse, UsernameInUse.
    """
    organisation_id = profile.get("organisation_id")
    fields = {name: value for name, value in profile.items() if name != "organisation_id"}
    if organisation_id is None:
        return prepare_person(tenant.id, fields, actor=actor, now=now)
    hold(tenant)  # before the person's rows, as every change of organisations does: no two of them wait for each other
    person = prepare_person(tenant.id, fields, actor=actor, now=now)
    try:
        put_people(tenant, [person.id], organisation_id, actor=actor, now=now)
    except NotFound as missing:
        unknown = "There is no such organisation, or not any more."
        raise FieldsInvalid("organisation_id", errors={"organisation_id": [unknown]}) from missing
    return require_person(tenant.id, person.id)


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
    access, moved = tree.access_of(organisation_id), dict[str, str | None]()
    for user_id in sorted(set(user_ids[:MAX_MOVED])):
        found = organisation_of(tenant.id, user_id)
        if found is None:
            raise NotFound("no such person")
        if found[0] != organisation_id:
            place_person(tenant.id, user_id, organisation_id)
            moved[user_id] = found[0]
    # All people before any session, as a sign-in takes them: its browser may have had somebody else's.
    for user_id, former in moved.items():
        ended = end_unadmitted(tenant.id, access, now, user_ids=[user_id])
        detail: dict[str, Any] = {"user": user_id, "from": former, "to": organisation_id, "sessions_ended": ended}
        record(tenant.id, EventType.USER_MOVED, at=now, actor=actor, **detail)
    return len(moved)
