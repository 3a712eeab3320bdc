"""Flows: people see the devices that they are signed in on, and end them (S2)."""

from __future__ import annotations

import datetime as dt

from identity.people_records import end_open_sessions
from identity.session_records import OpenSession, SessionFilter, end_one, page_of_sessions
from identity.sessions import CurrentSession
from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView

MAX_DEVICES = 100
"""Shown on the page; ending all others ends those beyond it as well."""
ENDED_BY_PERSON = "ended_by_person"


def devices_of(
    tenant: TenantView, organisations: OrganisationTree, current: CurrentSession, now: dt.datetime
) -> list[OpenSession]:
    """The open sessions of whoever asks: this one first, then whichever was used last."""
    found = page_of_sessions(tenant, organisations, SessionFilter(user_id=current.person.id), now, None, MAX_DEVICES)
    return sorted(found, key=lambda session: (session.id == current.id, session.seen_at), reverse=True)


def end_device(tenant: TenantView, current: CurrentSession, session_id: str, now: dt.datetime) -> None:
    """End one of one's own sessions.

    Raises:
        NotFound: there is no such session, or it is somebody else's: which of the two is not said.
    """
    person_id = current.person.id
    if end_one(tenant.id, session_id, now, user_id=person_id) is None:
        raise NotFound("no such open session of theirs")
    record(tenant.id, EventType.SESSION_ENDED, at=now, actor=person_id, reason=ENDED_BY_PERSON, session=session_id)


def end_other_devices(tenant: TenantView, current: CurrentSession, now: dt.datetime) -> int:
    """End all of one's own sessions but this one, and tell how many there were."""
    person_id = current.person.id
    ended = end_open_sessions(tenant.id, now, user_id=person_id, but=current.id)
    if ended:
        detail = {"user": person_id, "sessions_ended": ended}
        record(tenant.id, EventType.SESSIONS_ENDED, at=now, actor=person_id, reason=ENDED_BY_PERSON, **detail)
    return ended
