"""Records of people: found by (tenant, identity provider, subject), made at their first sign-in, never merged (P1–P5, P8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import RowId, new_id, write
from config.statements import Prepared
from identity.access_rules import require_leave_to_move, require_provisioning
from identity.assertion import Profile
from identity.checks import ACTIVE, ADDRESS_OWNER, EMAIL_OWNER, PROVISIONED, Receipt
from identity.email_addresses import (
    ADDRESS_IN_USE,
    Readdressed,
    claim_email,
    free_email,
    let_roles_follow,
    own_owner_of,
)
from identity.models import User
from identity.people_keys import keys_of
from identity.placing import Move, first_organisation, move_people, organisation_again
from identity.profile import FIELD_LIMITS
from tenants.audit import EventType, record
from tenants.organisations.tree import OrganisationTree
from tenants.placement_rules import Placement
from tenants.trust import SAMLTrust


class OfTenant(Protocol):
    """Whatever somebody comes from: an identity provider's trust, or a directory's."""

    @property
    def tenant_id(self) -> int:
        """Whose it is."""

    def speaks_for(self, email: str) -> bool:
        """Whether it may say who has this address."""


UPDATED_FIELDS = ("username", "email", "first_name", "last_name", "phone")


@dataclass(frozen=True, slots=True)
class Person:
    """A person's row as one request sees it."""

    id: str
    tenant_id: int
    name_id: str | None
    username: str | None
    email: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    active: bool
    organisation_id: str | None = None


COLUMNS = (
    User.id,
    User.tenant_id,
    User.name_id,
    User.username,
    User.email,
    User.first_name,
    User.last_name,
    User.phone,
    User.active,
    User.organisation_id,
)
_FIND_BY_SUBJECT = Prepared(
    sa.select(*COLUMNS).where(
        User.tenant_id == sa.bindparam("tenant_id"),
        User.idp_id == sa.bindparam("idp_id"),
        User.subject == sa.bindparam("subject"),
    )
)
_ACCOUNTS = sa.table(
    "local_account", sa.column("tenant_id"), sa.column("user_id", RowId), sa.column("password_hash", sa.String)
)
HAS_OWN_PASSWORD = (
    sa.select(sa.literal(1))
    .select_from(_ACCOUNTS)
    .where(
        _ACCOUNTS.c.tenant_id == User.tenant_id,
        _ACCOUNTS.c.user_id == User.id,
        _ACCOUNTS.c.password_hash.is_not(None),
    )
    .exists()
)
"""Whoever has set a password here is known by it: an identity provider or directory that asserts their name must not get it.
An invitation that nobody has followed proves nothing yet: its person is prepared, as before."""
PREPARED = sa.and_(User.subject.is_(None), User.idp_id.is_(None), ~HAS_OWN_PASSWORD)
"""Somebody whom nobody has been yet (P3)."""
JOINS = sa.or_(PREPARED, sa.and_(User.subject.is_(None), User.idp_id == sa.bindparam("of_idp", type_=RowId)))
"""The same for an identity provider; or somebody of whom an administrator has said that its next sign-in is theirs."""
_FIND_PREPARED = Prepared(
    sa.select(*COLUMNS)
    .where(
        User.tenant_id == sa.bindparam("tenant_id"),
        JOINS,
        sa.or_(User.email == sa.bindparam("email"), User.username == sa.bindparam("username")),
    )
    .order_by(sa.case((User.email == sa.bindparam("email"), 0), else_=1), User.id)
    .limit(2)
)
_ONE = (User.tenant_id == sa.bindparam("of_tenant"), User.id == sa.bindparam("of_user"))
_COME_AGAIN = Prepared(
    sa.update(User)
    .where(
        User.tenant_id == sa.bindparam("of_tenant"),
        User.idp_id == sa.bindparam("of_idp"),
        User.subject == sa.bindparam("of_subject"),
        User.active.is_(True),
    )
    .values(last_login_at=sa.bindparam("now"), name_id=sa.bindparam("new_name_id"))
    .returning(*COLUMNS)
)
_TOUCH = Prepared(
    sa.update(User)
    .where(*_ONE, User.active.is_(True))
    .values(last_login_at=sa.bindparam("now"), name_id=sa.bindparam("new_name_id"))
)
_JOIN = Prepared(
    sa.update(User)
    .where(*_ONE, JOINS)
    .values(idp_id=sa.bindparam("new_idp"), subject=sa.bindparam("new_subject"))
)
_INSERTS: Mapping[str, Callable[[sa.Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_ADD_USER = Prepared(
    {
        name: insert(User.__table__).on_conflict_do_nothing(index_elements=["tenant_id", "idp_id", "subject"])
        for name, insert in _INSERTS.items()
    }
)


def provision(
    trust: SAMLTrust,
    profile: Profile,
    placement: Placement,
    organisations: OrganisationTree,
    now: dt.datetime,
    receipt: Receipt,
) -> Person:
    """The person of this sign-in: known, prepared beforehand, or made now; and where they belong.

    Raises:
        UserNotProvisioned, UserInactive, EmailConflict, SignInWayNotAllowed.
    """
    if placement.active is False:
        _refuse_placed(trust, profile, placement, receipt)
    known = _come_again(trust, profile, now)
    person, first_time, made = known or find_person(trust, profile), False, False
    if person is None:
        person, first_time = _join_prepared(trust, profile, now), True
    if person is None:
        person, first_time, made = _add_person(trust, profile, placement, organisations, now, receipt), False, True
    receipt.facts["user_id"] = person.id
    receipt.require(ACTIVE, person.active, "an active account", otherwise="one that is switched off")
    if first_time or trust.settings.profile_update == "every_login":
        person = update_profile(trust, person, profile, now, receipt)
    if not made:
        require_leave_to_move(organisations.access_of(person.organisation_id), trust, receipt)
    person = _placed(trust, person, placement, organisations, first_time, now)
    if known is None:
        parameters = {"of_tenant": trust.tenant_id, "of_user": person.id, "now": now, "new_name_id": profile.name_id}
        touched = _TOUCH.write(parameters) == 1
        receipt.require(ACTIVE, touched, "an active account", otherwise="one switched off this moment")
    return person


def _refuse_placed(trust: SAMLTrust, profile: Profile, placement: Placement, receipt: Receipt) -> None:
    """Whom a rule makes inactive comes in neither as somebody known nor as somebody new."""
    person = find_person(trust, profile)
    if person is not None:
        receipt.facts["user_id"] = person.id
    otherwise = f"rule {placement.active_rule} of placement says that it is not"
    receipt.require(ACTIVE, False, "an active account", otherwise=otherwise)


def _placed(
    trust: SAMLTrust,
    person: Person,
    placement: Placement,
    organisations: OrganisationTree,
    joined: bool,
    now: dt.datetime,
) -> Person:
    before = person.organisation_id
    after = first_organisation(trust, placement, before) if joined else organisation_again(trust, placement, before)
    if before == after:
        return person
    why = {"idp": trust.idp_name, "rule": placement.organisation_rule}
    move_people(trust.tenant_id, [Move(person.id, before, after, organisations.access_of(after), why)], now, actor=person.id)
    return replace(person, organisation_id=after)


def _come_again(trust: SAMLTrust, profile: Profile, now: dt.datetime) -> Person | None:
    """Most people were here before: found, judged active and noted by one statement."""
    parameters = {
        "of_tenant": trust.tenant_id,
        "of_idp": trust.idp_id,
        "of_subject": profile.subject,
        "now": now,
        "new_name_id": profile.name_id,
    }
    rows = _COME_AGAIN.write_returning(parameters)
    return Person(*rows[0]) if rows else None


def find_person(trust: SAMLTrust, profile: Profile) -> Person | None:
    """Whoever came from this identity provider under this subject before. The e-mail is no identity (P2)."""
    parameters = {"tenant_id": trust.tenant_id, "idp_id": trust.idp_id, "subject": profile.subject}
    row = _FIND_BY_SUBJECT.one_or_none(parameters)
    return Person(*row) if row else None


def find_prepared(trust: OfTenant, profile: Profile, idp_id: str | None = None) -> Person | None:
    """A person prepared by CSV, console or SCIM, who has neither a subject nor a password here, by e-mail or username (P3).

    The e-mail has passed the tenant's proven domains before; where e-mail and username lead to two people, neither is taken.
    Nor is somebody whose address is at a domain that the source does not speak for: a username alone would hand them over.

    Args:
        idp_id: the identity provider that they come by; who was said to come by it next is found, too.
    """
    # A name as long as its field may have been cut, and a cut one is somebody else's as well.
    username = profile.username if len(profile.username or "") < FIELD_LIMITS["username"] else None
    parameters = {"tenant_id": trust.tenant_id, "email": profile.email, "username": username, "of_idp": idp_id}
    found = [Person(*row) for row in _FIND_PREPARED.all(parameters)]
    return found[0] if len(found) == 1 and trust.speaks_for(found[0].email) else None


def _join_prepared(trust: SAMLTrust, profile: Profile, now: dt.datetime) -> Person | None:
    """Whoever was prepared becomes the person of this subject."""
    person = find_prepared(trust, profile, trust.idp_id)
    if person is None:
        return None
    joined = {"of_tenant": trust.tenant_id, "of_user": person.id, "new_idp": trust.idp_id, "new_subject": profile.subject}
    if _JOIN.write(joined | {"of_idp": trust.idp_id}) != 1:
        return None
    record(trust.tenant_id, EventType.USER_JOINED, at=now, actor=person.id, idp=trust.idp_name)
    return person


def _add_person(
    trust: SAMLTrust,
    profile: Profile,
    placement: Placement,
    organisations: OrganisationTree,
    now: dt.datetime,
    receipt: Receipt,
) -> Person:
    user_id, organisation_id = new_id(), first_organisation(trust, placement)
    require_provisioning(organisations.access_of(organisation_id), trust, receipt)
    row: dict[str, Any] = {
        "tenant_id": trust.tenant_id,
        "id": user_id,
        "idp_id": trust.idp_id,
        "subject": profile.subject,
        "name_id": profile.name_id,
        "active": True,
        "created_at": now,
        "last_login_at": now,
        "organisation_id": organisation_id,
        "directory_id": None,
    }
    row |= {name: getattr(profile, name) for name in UPDATED_FIELDS}
    row |= keys_of(row)
    if _ADD_USER.write(row) == 0:  # the same person, a moment ago, in another tab
        person = find_person(trust, profile)
        receipt.require(PROVISIONED, person is not None, "an account that exists", otherwise="one that was just removed")
        assert person is not None
        return person
    claim_address(trust, user_id, profile.email, receipt)
    record(trust.tenant_id, EventType.USER_CREATED, at=now, actor=user_id, idp=trust.idp_name)
    return Person(
        id=user_id,
        tenant_id=trust.tenant_id,
        name_id=profile.name_id,
        active=True,
        organisation_id=organisation_id,
        **{name: getattr(profile, name) for name in UPDATED_FIELDS},
    )


def claim_address(trust: OfTenant, user_id: str, email: str, receipt: Receipt) -> None:
    """Take the address for this person; who owns it otherwise is never said (P3), but for one of the tenant's own people."""
    claimed = claim_email(trust.tenant_id, user_id, email)
    if not claimed and (owner := own_owner_of(trust.tenant_id, email)):
        receipt.facts[ADDRESS_OWNER] = owner
    receipt.require(
        EMAIL_OWNER,
        claimed,
        "an address that no other account uses",
        otherwise=ADDRESS_IN_USE,
    )


def update_profile(trust: OfTenant, person: Person, profile: Profile, now: dt.datetime, receipt: Receipt) -> Person:
    """Bring the row up to date; an attribute that did not come never wipes a value (P5)."""
    changed = {
        name: value
        for name in UPDATED_FIELDS
        if (value := getattr(profile, name)) is not None and value != getattr(person, name)
    }
    if not changed:
        return person
    if "email" in changed:
        free_email(trust.tenant_id, person.id)
        claim_address(trust, person.id, profile.email, receipt)
        moved = Readdressed(person.id, person.email, profile.email)
        let_roles_follow(trust.tenant_id, [moved], actor=person.id, now=now)
    keys = keys_of({name: changed.get(name, getattr(person, name)) for name in UPDATED_FIELDS})
    write(sa.update(User).where(*_ONE).values(**changed, **keys), {"of_tenant": trust.tenant_id, "of_user": person.id})
    record(trust.tenant_id, EventType.USER_UPDATED, at=now, actor=person.id, fields=sorted(changed))
    return Person(
        id=person.id,
        tenant_id=person.tenant_id,
        name_id=profile.name_id,
        active=person.active,
        organisation_id=person.organisation_id,
        **{name: changed.get(name, getattr(person, name)) for name in UPDATED_FIELDS},
    )
