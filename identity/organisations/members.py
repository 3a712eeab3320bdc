"""Flows: people are put into an organisation, one or a page of them; their ids, and what they are known by, stay (G1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from identity.organisations.changing import hold, require_node
from identity.organisations.records import Standing, standings_of
from identity.people import prepare_person, require_person
from identity.people_records import ManagedPerson
from identity.placing import Move, end_where_placed, move_people
from tenants.audit import EventType
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.organisations.access import LDAP, LOCAL, SSO, Access
from tenants.organisations.tree import OrganisationTree
from tenants.tenant_records import ManagedTenant

MAX_MOVED = 200
"""People of one call: a page of a list."""
BATCH = 1_000
"""People of one statement."""
MOVED, THERE_ALREADY, GONE = "moved", "there_already", "gone"


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one of those who were to belong somewhere. `email` is empty for whoever is not there.

    `before` is where they belonged. `shut_out`: what they are known by is no way to sign in there, so that somebody has to
    give them another one.
    """

    user_id: str
    outcome: str
    email: str = ""
    before: str | None = None
    sessions_ended: int = 0
    shut_out: bool = False


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
) -> list[Placed]:
    """Have people belong to an organisation, or (None) to the tenant as a whole: all of them, or nobody; inside a transaction.

    Raises:
        NotFound: there is no such organisation, or one of the people is not there; then nothing has changed once the edge
            rolls back. FieldsInvalid: more than MAX_MOVED.
    """
    placed = put_those_there(tenant, user_ids, organisation_id, actor=actor, now=now)
    if any(one.outcome == GONE for one in placed):
        raise NotFound("no such person")
    return placed


def put_those_there(
    tenant: ManagedTenant, user_ids: Sequence[str], organisation_id: str | None, *, actor: str, now: dt.datetime
) -> list[Placed]:
    """The same for those of a page who are still there, and what became of each; by address, who is not there last.

    Sessions that came in by a way that is not one of theirs there end at once.

    Raises:
        NotFound: there is no such organisation. FieldsInvalid.
    """
    wanted = sorted(set(user_ids))
    if len(wanted) > MAX_MOVED:
        raise FieldsInvalid("people", errors={"user_ids": [f"At most {MAX_MOVED} people at once."]})
    _, tree = hold(tenant)
    if organisation_id is not None:
        require_node(tree, organisation_id)
    access, standings = tree.access_of(organisation_id), standings_of(tenant.id, wanted)
    ordered = sorted(standings, key=lambda one: one.user_id)
    moves = [Move(one.user_id, one.organisation_id, organisation_id, access) for one in ordered]
    ended = move_people(tenant.id, moves, now, actor=actor, event=EventType.USER_MOVED)
    placed = [_placed(one, organisation_id, access, ended.get(one.user_id, 0)) for one in standings]
    there = {one.user_id for one in standings}
    return [*placed, *(Placed(user_id, GONE) for user_id in wanted if user_id not in there)]


def count_moved(placed: Sequence[Placed]) -> int:
    """How many belonged elsewhere before."""
    return sum(one.outcome == MOVED for one in placed)


def end_where_moved(
    tenant_id: int, tree: OrganisationTree, moved: Mapping[str | None, Sequence[str]], now: dt.datetime, *, actor: str
) -> int:
    """End the sessions of people who were put elsewhere by ways that are not theirs there, and tell how many.

    Args:
        moved: organisation -> the ids of whom it got.
    """
    ended = 0
    for organisation_id, people in moved.items():
        access = tree.access_of(organisation_id)
        for at in range(0, len(people), BATCH):
            some = people[at : at + BATCH]
            ended += end_where_placed(tenant_id, some, organisation_id, access, now, actor=actor).total()
    return ended


def _placed(person: Standing, organisation_id: str | None, access: Access, ended: int) -> Placed:
    outcome = THERE_ALREADY if person.organisation_id == organisation_id else MOVED
    return Placed(person.user_id, outcome, person.email, person.organisation_id, ended, _is_shut_out(person, access))


def _is_shut_out(person: Standing, access: Access) -> bool:
    """Whether nothing that somebody is known by is a way in there; whoever was only prepared is known by nothing yet."""
    if person.local_account and access.allows(LOCAL):
        return False
    if person.idp_id is not None:
        return not access.admits(SSO, person.idp_id)
    if person.directory_id is not None:
        return not (access.allows(LDAP) and access.directory_id in (None, person.directory_id))
    return person.local_account
