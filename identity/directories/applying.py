"""Records and events of a sync: what is planned is done in small transactions, each by whoever holds the claim still (G2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from config.database import savepoint, transaction
from identity.deactivation import deactivate
from identity.directories.people_records import reason_of
from identity.directories.sync_plan import KnownPerson, SeenPerson, SyncPlan
from identity.directories.sync_records import still_of_directory
from identity.directories.trusts import DirectoryTrust
from identity.email_addresses import Readdressed, let_roles_follow
from identity.people_errors import EmailInUse
from identity.person_records import change_profile
from identity.placement.records import keep_readings, readings_of
from identity.placing import Move, move_people
from tenants.audit import EventType, record
from tenants.directories.claims import ClaimedDirectorySync, holds
from tenants.organisations.records import organisations_of

BATCH = 100
"""People of one transaction."""
Item = TypeVar("Item")


def apply_plan(
    claimed: ClaimedDirectorySync, trust: DirectoryTrust, plan: SyncPlan, clock: Callable[[], dt.datetime]
) -> int | None:
    """Do what is planned, in small transactions; how many profiles were changed, or None where the claim has passed on."""
    actor, changed = f"directory:{trust.name}"[:200], 0
    for batch in _batches(plan.leaving):
        with transaction():
            if not holds(claimed):
                return None
            present = still_of_directory(trust.tenant_id, trust.directory_id, [person.id for person in batch])
            deactivate(trust.tenant_id, sorted(present), actor=actor, now=clock(), directory=trust.name)
    for some in _batches(plan.changed):
        with transaction():
            if not holds(claimed):
                return None
            present = still_of_directory(trust.tenant_id, trust.directory_id, [person.id for person, _ in some])
            for person, fields in some:
                changed += person.id in present and _change(trust.tenant_id, person, fields, actor, clock())
    for placed in _batches(plan.moved):
        with transaction():
            if not holds(claimed):
                return None
            present = still_of_directory(trust.tenant_id, trust.directory_id, [person.id for person, _ in placed])
            # As it is now, and not as it was when the directory was read: what holds there ends sessions that came otherwise.
            tree, moves = organisations_of(trust.tenant_id), list[Move]()
            for person, placement in placed:
                here, to = person.organisation_id, placement.organisation_id
                # Whom somebody has moved while the directory was read stays there until the next sync.
                if person.id in present and present[person.id] == here and (to is None or to in tree.nodes):
                    moves.append(Move(person.id, here, to, tree.access_of(to), reason_of(trust, placement)))
            move_people(trust.tenant_id, moves, clock(), actor=actor)
    return changed


def keep_what_was_read(
    claimed: ClaimedDirectorySync, trust: DirectoryTrust, known: Sequence[KnownPerson], seen: Mapping[str, SeenPerson]
) -> bool:
    """Keep what rules can be tried on, where it is another than before; False where the claim has passed on."""
    kept = readings_of(trust.tenant_id, trust.directory_id)
    read = {person.id: there.fingerprints for person in known if (there := seen.get(person.subject))}
    for batch in _batches([(user_id, text) for user_id, text in read.items() if kept.get(user_id) != text]):
        with transaction():
            if not holds(claimed):
                return False
            present = still_of_directory(trust.tenant_id, trust.directory_id, [user_id for user_id, _ in batch])
            keep_readings(trust.tenant_id, trust.directory_id, {one: text for one, text in batch if one in present})
    return True


def _change(tenant_id: int, person: KnownPerson, fields: Mapping[str, str | None], actor: str, now: dt.datetime) -> bool:
    try:
        with savepoint():
            done = change_profile(tenant_id, person.id, fields)
    except EmailInUse:  # whose it is stays theirs (P3); the next sign-in says so
        return False
    if "email" in done:
        moved = Readdressed(person.id, str(person.profile["email"]), str(fields["email"]))
        let_roles_follow(tenant_id, [moved], actor=actor, now=now)
    if done:
        record(tenant_id, EventType.USER_UPDATED, at=now, actor=actor, user=person.id, fields=list(done))
    return bool(done)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]
