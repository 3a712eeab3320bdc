"""Flows: staff come to the console through their own organisation's single sign-on (A1).

The staff tenant's host knows who somebody is, the app host has the console, and cookies belong to one host. So a code is
handed over, as OAuth does it (RFC 6749 4.1, RFC 7636): the app host keeps a secret in this browser and sends its hash along;
the tenant's host makes a code for that hash, once, for a minute; the app host takes it from the browser with the secret alone.
A code that was read on its way is worth nothing, and a link that somebody else began signs nobody in.

The console's session ends with the one at the staff tenant's host, whatever ends that: signing out, single logout, the person
switched off or moved, the tenant suspended. It is looked up with each request (`admin_ui.console_sessions`).
"""

from __future__ import annotations

import datetime as dt
import re
import secrets

from admin_ui import sign_in_records
from admin_ui.access_errors import StaffSignInLost, StaffUnknown
from admin_ui.console_sessions import BY_SSO
from admin_ui.sign_in_records import HandedOver
from admin_ui.staff_entry import Door, Entered, enter
from admin_ui.staff_records import find_staff_by_email
from config.database import transaction
from config.logs import sign_in_log
from identity.exchanges import hash_of
from identity.sessions import CurrentSession, goes_on

CODE_BYTES = 32
MAX_CODE_LENGTH = 64
_HASH = re.compile("[0-9a-f]{64}")


def begin_sso(target: str, door: Door) -> tuple[str, str]:
    """Begin: the secret for this browser's cookie, and its hash, which goes to the staff tenant's host."""
    with transaction():
        secret = sign_in_records.begin(target, door.now)
    return secret, hash_of(secret)


def begun_at(browser_hash: str, now: dt.datetime) -> dt.datetime:
    """When a sign-in began that the staff tenant's host is asked about.

    Raises:
        StaffSignInLost
    """
    began = sign_in_records.began_at(browser_hash, now) if _HASH.fullmatch(browser_hash) else None
    if began is None:
        raise StaffSignInLost("none under way")
    return began


def hand_over(browser_hash: str, tenant_id: int, session: CurrentSession, now: dt.datetime) -> str:
    """At the staff tenant's host: a code that tells the app host who this is, and in which session.

    Raises:
        StaffSignInLost
    """
    code = secrets.token_urlsafe(CODE_BYTES)
    with transaction():
        kept = sign_in_records.keep_code(
            browser_hash,
            code,
            email=session.person.email,
            authenticated_at=session.proved_at,
            origin=(tenant_id, session.id),
            now=now,
        )
    if not kept:
        raise StaffSignInLost("none under way")
    return code


def finish_with_hand_over(secret: str, code: str, door: Door) -> Entered:
    """At the app host: take the code, once, in the browser that began. Accounts are never made here.

    Raises:
        StaffSignInLost: also where the session there has ended meanwhile. StaffUnknown: nobody of staff, or switched off.
    """
    with transaction():
        handed = _take(secret, code, door.now)
        if not goes_on(handed.tenant_id, handed.session_id, door.now):
            raise StaffSignInLost("the session at the staff tenant's host has ended")
        staff = find_staff_by_email(handed.email)
        if staff is not None and staff.active:
            origin = (handed.tenant_id, handed.session_id)
            token = enter(staff, BY_SSO, door, proved_at=handed.authenticated_at, origin=origin)
            return Entered(token, handed.target)
    sign_in_log.info("staff_refused", staff=staff.id if staff else None, step="sso")
    raise StaffUnknown("no active account of this address")


def _take(secret: str, code: str, now: dt.datetime) -> HandedOver:
    usable = 0 < len(code) <= MAX_CODE_LENGTH and 0 < len(secret) <= MAX_CODE_LENGTH
    handed = sign_in_records.take_code(secret, code, now) if usable else None
    if handed is None:
        raise StaffSignInLost("unknown, used, expired, or of another browser")
    return handed
