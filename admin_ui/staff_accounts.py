"""Flows: staff owners look after staff: invite, give roles, switch off, reset, end sessions (A1).

An invitation is a link that works once and for 24 hours. It sets a password and a second factor together: no account can be
used with a password alone at any moment. A reset is a new invitation.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from admin_ui.access_errors import LastOwner
from admin_ui.console_sessions import end_console_sessions
from admin_ui.factor_records import factors_of
from admin_ui.sign_in_records import forget_sign_ins_of
from admin_ui.staff_letters import tell_staff
from admin_ui.staff_records import Staff, add_staff, change_staff, find_staff, lock_owners
from identity.credentials.factors import remove_factors
from identity.exchanges import hash_of
from identity.people_letters import Post
from tenants.administration import require_name
from tenants.audit import EventType, record
from tenants.email_domains import normalise_email
from tenants.errors import ConflictingState, NotFound
from tenants.management_errors import FieldsInvalid
from tenants.roles import Role
from tenants.staff_audit import StaffEventType, record_staff
from tenants.tokens import end_made_by

INVITATION_LIFETIME = dt.timedelta(hours=24)
INVITATION_BYTES = 32
INVITATION_PATH = "/admin/invitation/"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link to hand on, shown once; the database keeps the hash of its token."""

    staff_id: str
    token: str

    @property
    def path(self) -> str:
        """Where it leads, on the app host."""
        return INVITATION_PATH + self.token

    def __repr__(self) -> str:
        return f"Invitation(staff_id={self.staff_id!r})"


def invite(email: str, name: str, role: Role, *, actor: str, now: dt.datetime) -> Invitation:
    """Make an account and its invitation, inside a transaction.

    Raises:
        FieldsInvalid, StaffExists.
    """
    address = normalise_email(email)
    if address is None:
        raise FieldsInvalid("email", errors={"email": ["It takes one e-mail address, such as sam@example.com."]})
    if role.of_one_tenant:
        raise FieldsInvalid("role", errors={"role": ["Staff are owners (staff) or support."]})
    staff_id = add_staff(address, require_name(name), role, created_by=actor, now=now)
    record_staff(StaffEventType.INVITED, at=now, actor=actor, staff_id=staff_id, email=address, role=role.value)
    return _new_invitation(staff_id, now)


def reset(staff_id: str, post: Post, *, actor: str, now: dt.datetime) -> Invitation:
    """Take password, second factors and sessions away, and give a new invitation, inside a transaction.

    Raises:
        NotFound. ConflictingState: the account is switched off.
    """
    staff = require_staff(staff_id)
    if not staff.active:
        raise ConflictingState("switch the account on first")
    change_staff(staff_id, {"password_hash": None, "sealed_totp_secret": None, "totp_step": None})
    remove_factors(factors_of(staff_id))
    ended = _end_everything(staff_id, now)
    record_staff(StaffEventType.RESET, at=now, actor=actor, staff_id=staff_id, sessions_ended=ended)
    tell_staff(staff, "an owner took its password and second factors away, for a new invitation", post, now)
    return _new_invitation(staff_id, now)


def change_role(staff_id: str, role: Role, *, actor: str, now: dt.datetime) -> Staff:
    """Make an account an owner or support, inside a transaction; its sessions end. The same again does nothing.

    Raises:
        NotFound, LastOwner, FieldsInvalid.
    """
    if role.of_one_tenant:
        raise FieldsInvalid("role", errors={"role": ["Staff are owners (staff) or support."]})
    owners, staff = lock_owners(), require_staff(staff_id)
    if staff.role == role.value:
        return staff
    if role is not Role.STAFF:
        _require_another_owner(staff_id, owners)
    change_staff(staff_id, {"role": role.value})
    ended = {"sessions_ended": _end_everything(staff_id, now), "tokens_ended": _end_tokens(staff_id, actor, now)}
    detail = {"from": staff.role, "to": role.value, **ended}
    record_staff(StaffEventType.ROLE_CHANGED, at=now, actor=actor, staff_id=staff_id, **detail)
    return require_staff(staff_id)


def change_active(staff_id: str, active: bool, *, actor: str, now: dt.datetime) -> Staff:
    """Switch an account off, or on again, inside a transaction. Off: its sessions, invitation and tokens end at once.

    Raises:
        NotFound, LastOwner.
    """
    owners, staff = lock_owners(), require_staff(staff_id)
    if staff.active == active:
        return staff
    if not active:
        _require_another_owner(staff_id, owners)
    change_staff(staff_id, {"active": active, "invitation_hash": None, "invitation_expires_at": None})
    ended = {"sessions_ended": _end_everything(staff_id, now), "tokens_ended": _end_tokens(staff_id, actor, now)}
    event = StaffEventType.ACTIVATED if active else StaffEventType.DEACTIVATED
    record_staff(event, at=now, actor=actor, staff_id=staff_id, **ended)
    return require_staff(staff_id)


def rename(staff_id: str, name: str, *, actor: str, now: dt.datetime) -> Staff:
    """Change the name that colleagues see, inside a transaction.

    Raises:
        NotFound, FieldsInvalid.
    """
    staff, wanted = require_staff(staff_id), require_name(name)
    if staff.name != wanted:
        change_staff(staff_id, {"name": wanted})
        record_staff(StaffEventType.RENAMED, at=now, actor=actor, staff_id=staff_id, **{"from": staff.name, "to": wanted})
    return require_staff(staff_id)


def end_sessions(
    staff_id: str, *, actor: str, now: dt.datetime, session_id: str | None = None, other_than: str | None = None
) -> int:
    """End sessions of an account, inside a transaction: all of them, one, or all but one; tells how many.

    Raises:
        NotFound
    """
    require_staff(staff_id)
    ended = end_console_sessions(staff_id, now, session_id=session_id, other_than=other_than)
    if ended:
        record_staff(StaffEventType.SESSIONS_ENDED, at=now, actor=actor, staff_id=staff_id, sessions_ended=ended)
    return ended


def require_staff(staff_id: str) -> Staff:
    """An account, or NotFound."""
    staff = find_staff(staff_id)
    if staff is None:
        raise NotFound("no such account")
    return staff


def _new_invitation(staff_id: str, now: dt.datetime) -> Invitation:
    token = secrets.token_urlsafe(INVITATION_BYTES)
    change_staff(staff_id, {"invitation_hash": hash_of(token), "invitation_expires_at": now + INVITATION_LIFETIME})
    return Invitation(staff_id, token)


def _end_everything(staff_id: str, now: dt.datetime) -> int:
    forget_sign_ins_of(staff_id)
    return end_console_sessions(staff_id, now)


def _end_tokens(staff_id: str, actor: str, now: dt.datetime) -> int:
    """Tokens that they made for tenants end: whoever made one may have kept it."""
    ended = end_made_by([f"staff:{staff_id}"], now)
    for token in ended:
        if token.tenant_id is not None:
            record(token.tenant_id, EventType.TOKEN_REVOKED, at=now, actor=actor, token=token.public_id)
    return len(ended)


def _require_another_owner(staff_id: str, owners: list[str]) -> None:
    """Judged on rows that are held, so that two owners who demote each other cannot both succeed."""
    if staff_id in owners and len(owners) == 1:
        raise LastOwner("no owner would be left")
