"""Records: what an import writes, made ready before the transaction so that its lock is held for statements alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from config.database import new_id, present_connection, read, write
from config.staging import Steps, staged
from config.statements import Prepared
from identity.email_addresses import Readdressed, drop_mailed_links
from identity.import_models import ADDED, CHANGED
from identity.import_records import ImportRow, every_line, people_of
from identity.models import EmailAddress, User
from identity.people_errors import ImportOutdated
from identity.people_keys import keys_of
from identity.people_plan import COMPARED, PLACE, PlannedLine, state_hash
from identity.person_fields import PROFILE_FIELDS
from tenants.audit import EventType, event_values
from tenants.models import AuditEvent
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import NO_ORGANISATIONS, OrganisationTree
from tenants.tenant_records import bump_version

BATCH = 1_000
Item = TypeVar("Item")


@dataclass(slots=True)
class Writes:
    """Rows to write, in the end as the driver wants them."""

    tenant_id: int
    added: list[Any] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)
    addresses: list[Any] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    switched_off: list[str] = field(default_factory=list)
    usernames: dict[str, str | None] = field(default_factory=dict)
    """Username -> the only person who may have it by now."""
    places: set[str] = field(default_factory=set)
    """Organisations that somebody is put into."""
    moved: dict[str | None, list[str]] = field(default_factory=dict)
    """Organisation -> whom it gets from another one."""
    readdressed: list[Readdressed] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)


def writes_of(item: ImportRow, now: dt.datetime) -> Writes:
    """All that an import writes, from the lines of its preview and what is there now.

    Raises:
        ImportOutdated: somebody was changed since the preview.
    """
    writes = Writes(item.tenant_id)
    actor = item.applied_by or item.created_by
    for lines in every_line(item.tenant_id, item.id, ADDED):
        for line in lines:
            _add(writes, line, item.id, actor, now)
    for lines in every_line(item.tenant_id, item.id, CHANGED):
        people = people_of(item.tenant_id, [line.user_id for line in lines if line.user_id])
        for line in lines:
            _change(writes, line, people.get(line.user_id or ""), item.id, actor, now)
    _bind_all(writes)
    return writes


_ADD_USER = Prepared(sa.insert(User.__table__))
_ADD_ADDRESS = Prepared(sa.insert(EmailAddress.__table__))
_ADD_EVENT = Prepared(sa.insert(AuditEvent.__table__))
_CHANGE = Prepared(
    sa.update(User.__table__)
    .where(
        User.tenant_id == sa.bindparam("of_tenant"),
        User.id == sa.bindparam("of_user"),
        # As the preview saw it: whoever was changed since is not written, and the count tells.
        *(getattr(User, name).is_not_distinct_from(sa.bindparam(f"old_{name}")) for name in COMPARED),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in (*COMPARED, "name_key", "username_key", "search_key")})
)


def _bind_all(writes: Writes) -> None:
    """Make rows ready for the driver. It takes as long as writing them, and needs no lock."""
    writes.added = _ADD_USER.bound(writes.added)
    # In the order of their index, which is then written from one end to the other.
    writes.addresses = _ADD_ADDRESS.bound(sorted(writes.addresses, key=lambda row: row["email"]))
    writes.events = _ADD_EVENT.bound(writes.events)
    # By id: two that change the same people at once follow each other, and never wait for each other.
    writes.changed = _CHANGE.bound(sorted(writes.changed, key=lambda row: row["of_user"]))


def hold_places(tenant_id: int, writes: Writes) -> OrganisationTree:
    """Hold the tenant's organisations as they are for as long as people are put into them; first in the transaction.

    Raises:
        ImportOutdated: one of them is gone.
    """
    if not writes.places and not writes.moved:
        return NO_ORGANISATIONS
    bump_version(tenant_id)
    tree = organisations_of(tenant_id)
    if not writes.places <= tree.nodes.keys():
        raise ImportOutdated("an organisation was removed since the preview")
    return tree


@dataclass(frozen=True, slots=True)
class Ready:
    """What only has to be moved into its tables."""

    people: Steps
    addresses: Steps
    events: Steps


@contextmanager
def made_ready(writes: Writes) -> Iterator[Ready]:
    """Hold the rows that are added for the transaction that begins in this block."""
    with (
        staged(_ADD_USER, writes.added) as people,
        staged(_ADD_ADDRESS, writes.addresses) as addresses,
        staged(_ADD_EVENT, writes.events) as events,
    ):
        yield Ready(people, addresses, events)


def write_all(writes: Writes, ready: Ready) -> None:
    """Write all of it, inside a transaction.

    Raises:
        ImportOutdated: something that the preview relied on is no longer so; the edge rolls back.
    """
    tenant_id = writes.tenant_id
    for names in _parts(list(writes.usernames)):
        held = sa.select(User.username, User.id).where(User.tenant_id == tenant_id, User.username.in_(names))
        if any(row.id != writes.usernames[row.username] for row in read(held)):
            raise ImportOutdated("a username was taken since the preview")
    try:
        _write_people(writes, ready)
    except sa.exc.IntegrityError:
        raise ImportOutdated("an e-mail address or a username was taken since the preview") from None
    for _ in ready.events():
        pass


def notice_growth(added: int) -> None:
    """After many came, inside a transaction of its own: tell PostgreSQL, as it would find out by itself within a minute.

    Until then the next comparison would read all of the tenant's people for each of its batches.
    """
    if added >= BATCH and present_connection().dialect.name == "postgresql":
        write(sa.text("ANALYZE (SKIP_LOCKED) users, email_address"))


def _write_people(writes: Writes, ready: Ready) -> None:
    for number, _ in enumerate(ready.people()):
        if number == 0 and present_connection().dialect.name == "postgresql":
            # Planned on an empty table, each foreign key of an address would read all of the tenant's people.
            # Others that add people at the same time hold what this takes until they are through: then it is left out.
            write(sa.text("ANALYZE (SKIP_LOCKED) users"))
    for rows in _parts(writes.changed):
        if _CHANGE.write_bound(rows) != len(rows):
            raise ImportOutdated("a person was changed since the preview")
    for ids in _parts(writes.freed):
        write(sa.delete(EmailAddress).where(EmailAddress.tenant_id == writes.tenant_id, EmailAddress.user_id.in_(ids)))
        drop_mailed_links(writes.tenant_id, ids)
    for _ in ready.addresses():
        pass


def _add(writes: Writes, line: PlannedLine, import_id: str, actor: str, now: dt.datetime) -> None:
    values = line.document["values"]
    user_id = new_id()
    row: dict[str, Any] = {name: values.get(name) for name in PROFILE_FIELDS}
    origin = dict.fromkeys(("idp_id", "directory_id", "subject", "name_id", "last_login_at"))
    row[PLACE] = values.get(PLACE)
    writes.places |= {row[PLACE]} - {None}
    row |= {"tenant_id": writes.tenant_id, "id": user_id, "active": values["active"], "created_at": now, **origin}
    writes.added.append(row | keys_of(row))
    writes.addresses.append({"email": row["email"], "tenant_id": writes.tenant_id, "user_id": user_id})
    if row["username"]:
        writes.usernames[row["username"]] = None
    event = EventType.USER_CREATED
    writes.events.append(
        event_values(writes.tenant_id, event, at=now, actor=actor, user=user_id, prepared=True, import_id=import_id)
    )


def _change(
    writes: Writes, line: PlannedLine, person: dict[str, Any] | None, import_id: str, actor: str, now: dt.datetime
) -> None:
    if person is None or line.user_id is None or line.before is None or state_hash(person) != line.before:
        raise ImportOutdated("a person was changed since the preview")
    changes = {name: after for name, (_before, after) in line.document["changes"].items()}
    # No file switches anybody on; `identity.deactivation` switches off, with all that ends with it.
    if changes.pop("active", None) is False:
        writes.switched_off.append(line.user_id)
    row = person | changes
    bound = {f"old_{name}": person[name] for name in COMPARED} | {f"new_{name}": row[name] for name in COMPARED}
    bound |= {f"new_{name}": key for name, key in keys_of(row).items()}
    writes.changed.append({"of_tenant": writes.tenant_id, "of_user": line.user_id, **bound})
    if "email" in changes:
        writes.freed.append(line.user_id)
        writes.readdressed.append(Readdressed(line.user_id, person["email"], row["email"]))
        writes.addresses.append({"email": row["email"], "tenant_id": writes.tenant_id, "user_id": line.user_id})
    if changes.get("username"):
        writes.usernames[changes["username"]] = line.user_id
    if PLACE in changes:
        writes.places |= {changes[PLACE]} - {None}
        writes.moved.setdefault(changes[PLACE], []).append(line.user_id)
    for event, detail in _events_of(changes, person):
        writes.events.append(
            event_values(writes.tenant_id, event, at=now, actor=actor, user=line.user_id, import_id=import_id, **detail)
        )


def _events_of(changes: dict[str, Any], person: dict[str, Any]) -> Iterator[tuple[EventType, dict[str, Any]]]:
    fields = sorted(changes.keys() - {PLACE})
    if fields:
        yield EventType.USER_UPDATED, {"fields": fields}
    if PLACE in changes:
        yield EventType.USER_MOVED, {"from": person[PLACE], "to": changes[PLACE]}


def _parts(items: Sequence[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while part := list(islice(rest, BATCH)):
        yield part
