"""Flows: people are prepared, changed, switched off and on; and their sessions end (P2, P3, P8, S2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from identity.deactivation import deactivate
from identity.email_addresses import Readdressed, let_roles_follow
from identity.people_errors import UsernameInUse
from identity.people_letters import READDRESSED, Post, tell_person
from identity.people_records import ManagedPerson, end_open_sessions, find_managed_person, switch_on
from identity.person_fields import FOREIGN_DOMAIN, FieldInvalid, require_domain
from identity.person_records import add_prepared_person, change_profile, has_username
from identity.placement.records import forget_readings
from identity.session_records import end_one
from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.notices.telling import NamedTenant
from tenants.records import proven_domains

ENDED_BY_ADMIN = "ended_by_administrator"
MAX_BULK = 200
"""People or sessions of one bulk action: a page of a list."""


def prepare_person(tenant_id: int, profile: Mapping[str, str | None], *, actor: str, now: dt.datetime) -> ManagedPerson:
    """Add a person before their first sign-in, which then joins them by e-mail or username (P3).

    Args:
        profile: fields as `identity.person_fields.clean_field` gives them.

    Raises:
        FieldsInvalid, EmailInUse, UsernameInUse.
    """
    _require_usable(tenant_id, profile, None)
    if not profile.get("email"):
        raise FieldsInvalid("email", errors={"email": ["A person needs an e-mail address."]})
    user_id = add_prepared_person(tenant_id, profile, now)
    record(tenant_id, EventType.USER_CREATED, at=now, actor=actor, user=user_id, prepared=True)
    return require_person(tenant_id, user_id)


def edit_person(
    tenant: NamedTenant, user_id: str, changes: Mapping[str, str | None], post: Post, *, actor: str, now: dt.datetime
) -> ManagedPerson:
    """Change fields of a person's profile; None empties one. The same again does nothing. A former address is told.

    Raises:
        NotFound, FieldsInvalid, EmailInUse, UsernameInUse.
    """
    tenant_id, before = tenant.id, require_person(tenant.id, user_id)
    changes = {name: value for name, value in changes.items() if value != getattr(before, name)}
    _require_usable(tenant_id, changes, user_id)
    changed = change_profile(tenant_id, user_id, changes)
    if changed:
        record(tenant_id, EventType.USER_UPDATED, at=now, actor=actor, user=user_id, fields=list(changed))
    if "email" in changed:
        moved = Readdressed(user_id, before.email, str(changes["email"]))
        let_roles_follow(tenant_id, [moved], actor=actor, now=now)
        # Whoever takes an account over this way cannot keep its owner from hearing of it.
        tell_person(tenant, before.email, READDRESSED, post, now)
    return require_person(tenant_id, user_id)


def change_active(tenant_id: int, user_id: str, active: bool, *, actor: str, now: dt.datetime) -> ManagedPerson:
    """Switch a person's account off, which ends their access at once, or on again; the same again does nothing.

    Raises:
        NotFound: the tenant has no such person.
    """
    require_person(tenant_id, user_id)
    if not active:
        deactivate(tenant_id, [user_id], actor=actor, now=now)
    elif switch_on(tenant_id, user_id):
        # A sign-in under way at the moment of the switching off may have opened a session after it, which nobody could use.
        end_open_sessions(tenant_id, now, user_id=user_id)
        record(tenant_id, EventType.USER_ACTIVATED, at=now, actor=actor, user=user_id)
    return require_person(tenant_id, user_id)


def end_persons_sessions(tenant_id: int, user_id: str, *, actor: str, now: dt.datetime) -> int:
    """Deauthorise a person's devices: every open session of theirs ends, and it is told how many."""
    require_person(tenant_id, user_id)
    ended = end_open_sessions(tenant_id, now, user_id=user_id)
    if ended:
        record(tenant_id, EventType.SESSIONS_ENDED, at=now, actor=actor, user=user_id, sessions_ended=ended)
    return ended


def end_every_session(tenant_id: int, *, actor: str, now: dt.datetime) -> int:
    """End every open session at a tenant."""
    ended = end_open_sessions(tenant_id, now)
    if ended:
        record(tenant_id, EventType.SESSIONS_ENDED, at=now, actor=actor, sessions_ended=ended)
    return ended


def end_one_session(tenant_id: int, session_id: str, *, actor: str, now: dt.datetime, user_id: str | None = None) -> None:
    """End one session; `user_id`: only if it is that person's.

    Raises:
        NotFound: there is no such open session.
    """
    whose = end_one(tenant_id, session_id, now, user_id=user_id)
    if whose is None:
        raise NotFound("no such open session")
    record(tenant_id, EventType.SESSION_ENDED, at=now, actor=actor, reason=ENDED_BY_ADMIN, session=session_id, user=whose)


def change_many(tenant_id: int, user_ids: Sequence[str], act: str, *, actor: str, now: dt.datetime) -> int:
    """One thing for each of a page of people: deactivate, activate, or end_sessions. Tells for how many it changed something.

    Raises:
        NotFound: one of them is not there; then nothing has changed once the edge rolls back.
    """
    changed = 0
    for user_id in sorted(set(user_ids[:MAX_BULK])):  # in one order: two who pick the same people never wait for each other
        if act == "end_sessions":
            changed += end_persons_sessions(tenant_id, user_id, actor=actor, now=now) > 0
        else:
            before = require_person(tenant_id, user_id)
            changed += change_active(tenant_id, user_id, act == "activate", actor=actor, now=now) != before
    return changed


def end_tenant_sessions(tenant_id: int, now: dt.datetime, *, idp_id: str | None = None, directory_id: str | None = None) -> int:
    """What the package below calls when a tenant, or one of its identity providers or directories, goes."""
    if directory_id is not None:
        forget_readings(tenant_id, directory_id)
    return end_open_sessions(tenant_id, now, idp_id=idp_id, directory_id=directory_id)


def require_person(tenant_id: int, user_id: str) -> ManagedPerson:
    """One of the tenant's people, or NotFound."""
    person = find_managed_person(tenant_id, user_id)
    if person is None:
        raise NotFound("no such person")
    return person


def _require_usable(tenant_id: int, profile: Mapping[str, str | None], user_id: str | None) -> None:
    """An address in a proven domain (T6), and a username that nobody else has: a sign-in joins by either (P3)."""
    email, username = profile.get("email"), profile.get("username")
    if "email" in profile and user_id is not None and email is None:
        raise FieldsInvalid("email", errors={"email": ["A person needs an e-mail address."]})
    if email is not None:
        try:
            require_domain(email, proven_domains(tenant_id))
        except FieldInvalid:
            raise FieldsInvalid("email", errors={"email": [FOREIGN_DOMAIN]}) from None
    if username is not None and has_username(tenant_id, username, but=user_id):
        raise UsernameInUse("of another person")
