"""Records: one person's row as those write it who manage people. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from identity.email_addresses import claim_email, free_email
from identity.models import User
from identity.people_errors import EmailInUse, SubjectInUse, UsernameInUse
from identity.people_keys import NAMED, keys_of
from identity.person_fields import PROFILE_FIELDS

_PROFILE = tuple(getattr(User, name) for name in PROFILE_FIELDS)


def _one(tenant_id: int, user_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (User.tenant_id == tenant_id, User.id == user_id)


def add_prepared_person(tenant_id: int, profile: Mapping[str, str | None], now: dt.datetime) -> str:
    """Add somebody who has not signed in yet, and give their id.

    Raises:
        EmailInUse, UsernameInUse.
    """
    user_id = new_id()
    row: dict[str, Any] = {name: profile.get(name) for name in PROFILE_FIELDS}
    row |= {"tenant_id": tenant_id, "id": user_id, "active": True, "created_at": now, **keys_of(row)}
    with _username_of_one():
        write(sa.insert(User.__table__).values(**row))
    if not claim_email(tenant_id, user_id, row["email"]):
        raise EmailInUse("of a new person")
    return user_id


def change_profile(tenant_id: int, user_id: str, changes: Mapping[str, str | None]) -> tuple[str, ...]:
    """Set fields of somebody's profile, and tell which of them have another value now.

    Raises:
        EmailInUse, UsernameInUse.
    """
    # Not against those who only refer to the person, such as a sign-in's new session.
    row = read(sa.select(*_PROFILE).where(*_one(tenant_id, user_id)).with_for_update(key_share=True)).one()
    before = dict(row._mapping)
    changed = {name: value for name, value in changes.items() if value != before[name]}
    if not changed:
        return ()
    if "email" in changed:
        free_email(tenant_id, user_id)
        if not claim_email(tenant_id, user_id, changed["email"] or ""):
            raise EmailInUse("of a changed person")
    keys = keys_of(before | changed) if NAMED & changed.keys() else {}
    with _username_of_one():
        write(sa.update(User).where(*_one(tenant_id, user_id)).values(**changed, **keys))
    return tuple(sorted(changed))


def has_username(tenant_id: int, username: str, *, but: str | None = None) -> bool:
    """Whether somebody at the tenant has a username; `but` is not looked at."""
    statement = sa.select(User.id).where(User.tenant_id == tenant_id, User.username == username)
    if but is not None:
        statement = statement.where(User.id != but)
    return read(statement.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Origin:
    """By what somebody is known: an identity provider or a directory, and the subject there; all None: by nothing yet."""

    idp_id: str | None
    directory_id: str | None
    subject: str | None


def origin_of(tenant_id: int, user_id: str) -> Origin:
    """By what somebody is known."""
    return Origin(*read(sa.select(User.idp_id, User.directory_id, User.subject).where(*_one(tenant_id, user_id))).one())


def set_origin(tenant_id: int, user_id: str, wanted: Origin) -> None:
    """Say by what somebody is known from now on; by nothing: by their next sign-in's e-mail or username (P3).

    Raises:
        SubjectInUse: another person is known by it. UsernameInUse: another one who has no subject has this username.
    """
    statement = sa.update(User).where(*_one(tenant_id, user_id)).values(**asdict(wanted), name_id=None)
    try:
        with savepoint():
            write(statement)
    except sa.exc.IntegrityError:
        if wanted.subject is None:
            raise UsernameInUse("of another person without a subject") from None
        raise SubjectInUse("the subject is another person's") from None


@contextmanager
def _username_of_one() -> Iterator[None]:
    """Two who take a username at the same moment: the database lets one have it."""
    try:
        with savepoint():
            yield
    except sa.exc.IntegrityError:
        raise UsernameInUse("taken this moment") from None
