"""Flows: people are switched off and on, and their sessions end (P8)."""

from __future__ import annotations

import datetime as dt

from identity.people_records import ManagedPerson, end_open_sessions, find_managed_person, set_active
from tenants.audit import EventType, record
from tenants.errors import NotFound


def change_active(tenant_id: int, user_id: str, active: bool, *, actor: str, now: dt.datetime) -> ManagedPerson:
    """Switch a person's account off, which ends all their sessions at once, or on again; the same again does nothing.

    Raises:
        NotFound: the tenant has no such person.
    """
    require_person(tenant_id, user_id)
    if set_active(tenant_id, user_id, active):
        if active:
            record(tenant_id, EventType.USER_ACTIVATED, at=now, actor=actor, user=user_id)
        else:
            ended = end_open_sessions(tenant_id, now, user_id=user_id)
            record(tenant_id, EventType.USER_DEACTIVATED, at=now, actor=actor, user=user_id, sessions_ended=ended)
    return require_person(tenant_id, user_id)


def end_tenant_sessions(tenant_id: int, now: dt.datetime, *, idp_id: str | None = None) -> int:
    """What the package below calls when a tenant, or one of its identity providers, goes."""
    return end_open_sessions(tenant_id, now, idp_id=idp_id)


def require_person(tenant_id: int, user_id: str) -> ManagedPerson:
    """One of the tenant's people, or NotFound."""
    person = find_managed_person(tenant_id, user_id)
    if person is None:
        raise NotFound("no such person")
    return person
