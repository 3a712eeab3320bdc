"""Records of a directory's people: known by (tenant, directory, subject), and never merged (P1–P5, P8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import new_id, read, write
from config.statements import Prepared
from identity.assertion import Profile
from identity.checks import ACTIVE, PROVISIONED, Receipt
from identity.directories.checks import WAY
from identity.directories.trusts import DirectoryTrust
from identity.models import User
from identity.people_keys import keys_of
from identity.placing import Move, move_people
from identity.provisioning import (
    COLUMNS,
    PREPARED,
    UPDATED_FIELDS,
    Person,
    claim_address,
    find_prepared,
    update_profile,
)
from tenants.audit import EventType, record
from tenants.placement_rules import Placement

_OF_DIRECTORY = (
    User.tenant_id == sa.bindparam("of_tenant"),
    User.directory_id == sa.bindparam("of_directory"),
    User.subject == sa.bindparam("of_subject"),
)
_FIND = Prepared(sa.select(*COLUMNS).where(*_OF_DIRECTORY))
_TOUCH = Prepared(
    sa.update(User)
    .where(
        User.tenant_id == sa.bindparam("of_tenant"),
        User.id == sa.bindparam("of_user"),
        User.directory_id == sa.bindparam("of_directory"),
        User.active.is_(True),
    )
    .values(last_login_at=sa.bindparam("now"))
)
_KEY = ["tenant_id", "directory_id", "subject"]
_ADD = Prepared(
    {
        name: insert(User.__table__).on_conflict_do_nothing(index_elements=_KEY)
        for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
    }
)


def provision_from(
    trust: DirectoryTrust, profile: Profile, placement: Placement, now: dt.datetime, receipt: Receipt
) -> Person:
    """The person of this sign-in: known, prepared beforehand, or made now; and where they belong; inside a transaction.

    Raises:
        UserNotProvisioned, UserInactive, EmailConflict, SignInWayNotAllowed.
    """
    person, joined, made = find_of_directory(trust, profile.subject), False, False
    if placement.active is False:
        receipt.facts |= {"user_id": person.id} if person else {}
        otherwise = f"rule {placement.active_rule} of placement says that it is not"
        receipt.require(ACTIVE, False, "an active account", otherwise=otherwise)
    if person is None:
        person = _join_prepared(trust, profile, now)
        joined = person is not None
    if person is None:
        made, organisation_id = True, placement.organisation_id if placement.moves else trust.organisation_id
        person = _add(trust, profile, organisation_id, now, receipt)
    receipt.facts["user_id"] = person.id
    receipt.require(ACTIVE, person.active, "an active account", otherwise="one that is switched off")
    if joined or trust.settings.profile_update == "every_login":
        person = update_profile(trust, person, profile, now, receipt)
    if not made and not trust.may_move_from(person.organisation_id):
        receipt.require(WAY, False, "signs in by this directory", otherwise="another way")
    after = person.organisation_id
    if placement.moves and (joined or trust.rules.follows):
        after = placement.organisation_id
    elif joined:
        after = person.organisation_id or trust.organisation_id
    access, why = trust.organisations.access_of(after), reason_of(trust, placement)
    move_people(trust.tenant_id, [Move(person.id, person.organisation_id, after, access, why)], now, actor=person.id)
    person = replace(person, organisation_id=after)
    touched = _TOUCH.write({"of_tenant": trust.tenant_id, "of_user": person.id, "of_directory": trust.directory_id, "now": now})
    receipt.require(ACTIVE, touched == 1, "an active account", otherwise="one switched off this moment")
    return person


def reason_of(trust: DirectoryTrust, placement: Placement) -> Mapping[str, Any]:
    """Why somebody is put where they are put, for the event that tells it."""
    return {"directory": trust.name, "rule": placement.organisation_rule}


def find_of_directory(trust: DirectoryTrust, subject: str) -> Person | None:
    """Whoever came from this directory under this subject before."""
    row = _FIND.one_or_none({"of_tenant": trust.tenant_id, "of_directory": trust.directory_id, "of_subject": subject})
    return Person(*row) if row else None


def directories_by_name(tenant_id: int, username: str, email: str | None) -> frozenset[str]:
    """The directories of those who have this username or e-mail address."""
    named = sa.or_(User.username == username, User.email == (email or username))
    statement = sa.select(User.directory_id).where(User.tenant_id == tenant_id, User.directory_id.is_not(None), named)
    return frozenset(str(row.directory_id) for row in read(statement.limit(10)))


def person_by_name(tenant_id: int, username: str, email: str | None) -> str | None:
    """The one person of a directory who has this username or e-mail address."""
    named = sa.or_(User.username == username, User.email == (email or username))
    statement = sa.select(User.id).where(User.tenant_id == tenant_id, User.directory_id.is_not(None), named)
    found = [str(row.id) for row in read(statement.limit(2))]
    return found[0] if len(found) == 1 else None


def _join_prepared(trust: DirectoryTrust, profile: Profile, now: dt.datetime) -> Person | None:
    """Whoever was prepared becomes the person of this subject."""
    person = find_prepared(trust, profile)
    if person is None:
        return None
    known_by = {"directory_id": trust.directory_id, "subject": profile.subject}
    free = (User.tenant_id == trust.tenant_id, User.id == person.id, PREPARED)
    if write(sa.update(User).where(*free).values(**known_by)).rowcount != 1:
        return None
    record(trust.tenant_id, EventType.USER_JOINED, at=now, actor=person.id, directory=trust.name)
    return person


def _add(trust: DirectoryTrust, profile: Profile, organisation_id: str | None, now: dt.datetime, receipt: Receipt) -> Person:
    wanted = "an account that exists, or just-in-time provisioning"
    allowed = trust.makes_people(organisation_id)
    receipt.require(PROVISIONED, allowed, wanted, otherwise="just-in-time provisioning is off")
    fields = {name: getattr(profile, name) for name in UPDATED_FIELDS}
    user_id = new_id()
    row = {
        "tenant_id": trust.tenant_id,
        "id": user_id,
        "idp_id": None,
        "directory_id": trust.directory_id,
        "subject": profile.subject,
        "name_id": None,
        "active": True,
        "created_at": now,
        "last_login_at": now,
        "organisation_id": organisation_id,
        **fields,
        **keys_of(fields),
    }
    if _ADD.write(row) == 0:  # the same person, a moment ago, in another tab
        person = find_of_directory(trust, profile.subject)
        receipt.require(PROVISIONED, person is not None, "an account that exists", otherwise="one that was just removed")
        assert person is not None
        return person
    claim_address(trust, user_id, profile.email, receipt)
    record(trust.tenant_id, EventType.USER_CREATED, at=now, actor=user_id, directory=trust.name)
    return Person(id=user_id, tenant_id=trust.tenant_id, name_id=None, active=True, organisation_id=organisation_id, **fields)
