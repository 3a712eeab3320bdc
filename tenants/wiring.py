"""What the composition root put into the application, for the edges of management."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

from config.sealing import KeyRing
from config.settings import Settings
from tenants.rollover.lately import Noted
from tenants.sealing.signing import SealKeys

if TYPE_CHECKING:
    from tenants.administration import EndSessions, PasskeyHolders
    from tenants.notices.telling import AdminsOf

END_SESSIONS = "vestibule_end_sessions"
PASSKEY_HOLDERS = "vestibule_passkey_holders"
ADMINS_OF = "vestibule_admins_of"


def settings() -> Settings:
    """What this deployment decided."""
    value: Settings = current_app.extensions["vestibule_settings"]
    return value


def keys() -> KeyRing:
    """The keys that secrets are sealed with."""
    value: KeyRing = current_app.extensions["vestibule_keys"]
    return value


def seal_keys() -> SealKeys:
    """The keys that seals of audit events are signed with."""
    value: SealKeys = current_app.extensions["vestibule_seal_keys"]
    return value


def noted() -> Noted:
    """What this process has noted lately of who reads metadata, and who uses which key."""
    value: Noted = current_app.extensions["vestibule_noted"]
    return value


def end_sessions() -> EndSessions:
    """How sessions end: a function of the package that has them, which this one knows nothing of."""
    value: EndSessions = current_app.extensions[END_SESSIONS]
    return value


def passkey_holders() -> PasskeyHolders:
    """How many people of a tenant sign in with passkeys, of the package that has these."""
    value: PasskeyHolders = current_app.extensions[PASSKEY_HOLDERS]
    return value


def admins_of() -> AdminsOf:
    """Whose addresses are a tenant's administrators', of the package that has people."""
    value: AdminsOf = current_app.extensions[ADMINS_OF]
    return value
