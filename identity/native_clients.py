"""Flows: an application on a person's own device gets a session of its own, by a code that the browser carries (B3).

The browser is the system's own, so the application sees no password and no cookie. What it gets is bound to what it alone
knows (PKCE), once, for a minute.
"""

from __future__ import annotations

import datetime as dt
import secrets

from config.database import transaction
from identity.errors import NativeCodeInvalid
from identity.native_records import add_code, count_pending, entry_of, hold_session, note_opened, opened_by, use_code
from identity.native_request import NativeRequest, Redemption, proves
from identity.session_records import end_one
from identity.sessions import BrowserFacts, CurrentSession, OpenedSession, live_session, open_session
from tenants.audit import EventType, record
from tenants.errors import RateLimited
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView

CODE_BYTES = 32
CODE_LIFETIME = dt.timedelta(seconds=60)
MAX_PENDING = 20
"""Codes of one person in a minute; each costs a row."""
REPLAYED = "code_replayed"


def grant_code(tenant: TenantView, current: CurrentSession, asked: NativeRequest, now: dt.datetime) -> str:
    """Make the code that goes to the application, for a person who has said yes.

    Raises:
        RateLimited: they have said yes very often within this minute.
    """
    code = secrets.token_urlsafe(CODE_BYTES)
    with transaction():
        if count_pending(tenant.id, current.person.id, now) >= MAX_PENDING:
            raise RateLimited("native codes", retry_after=int(CODE_LIFETIME.total_seconds()))
        bound = {"user_id": current.person.id, "session_id": current.id}
        add_code(tenant.id, code, asked, expires_at=now + CODE_LIFETIME, **bound)
        record(tenant.id, EventType.NATIVE_CODE_GRANTED, at=now, actor=current.person.id, client=asked.client)
    return code


def redeem_code(
    tenant: TenantView,
    organisations: OrganisationTree,
    redemption: Redemption,
    browser: BrowserFacts,
    now: dt.datetime,
) -> OpenedSession:
    """Open the application's own session.

    Raises:
        NativeCodeInvalid: there is no such code, it was used, is bound to something else, or its person is signed out. A code
            that was shown is spent, whatever came of it; one that comes again ends the session that it opened.
    """
    with transaction():
        opened, cause = _redeemed(tenant, organisations, redemption, browser, now)
    if opened is None:
        raise NativeCodeInvalid(cause)
    return opened


def _redeemed(
    tenant: TenantView,
    organisations: OrganisationTree,
    redemption: Redemption,
    browser: BrowserFacts,
    now: dt.datetime,
) -> tuple[OpenedSession | None, str]:
    """The session, or why there is none: what a refused code has spent and ended is to hold."""
    code = use_code(tenant.id, redemption.code, now)
    if code is None:
        return None, _ended_by_replay(tenant.id, redemption.code, now)
    if not proves(redemption.verifier, code.challenge):
        return None, "another verifier than the challenge's"
    if (redemption.redirect_uri, redemption.client) != (code.redirect_uri, code.client):
        return None, "another redirect_uri or client_id than was asked with"
    hold_session(tenant.id, code.session_id)
    current = live_session(tenant, organisations, code.session_id, now)
    entry = entry_of(tenant.id, code.session_id, code.client) if current else None
    if current is None or entry is None:
        return None, "its person has been signed out meanwhile"
    access = organisations.access_of(current.person.organisation_id)
    session = open_session(tenant, current.person, entry, access, browser, now)
    note_opened(tenant.id, redemption.code, session.id)
    detail = {"session": session.id, "client": code.client, "from_session": code.session_id}
    record(tenant.id, EventType.SESSION_OPENED, at=now, actor=current.person.id, **detail)
    return session, ""


def _ended_by_replay(tenant_id: int, code: str, now: dt.datetime) -> str:
    """One of two who show the same code has stolen it, and nobody knows which (RFC 6749, 4.1.2)."""
    session_id = opened_by(tenant_id, code)
    whose = end_one(tenant_id, session_id, now) if session_id else None
    if session_id is None or whose is None:
        return "no such code waits"
    record(tenant_id, EventType.SESSION_ENDED, at=now, actor=whose, reason=REPLAYED, session=session_id)
    return "used before; the session that it opened has ended"
