"""Flows: whose session of the console is this; looked up anew for every request, so that what ended has ended."""

from __future__ import annotations

import datetime as dt

from admin_ui.access_errors import EmergencyMakesNoToken, SignInAgain
from admin_ui.console_sessions import authenticated_at, find_console_session
from admin_ui.principal import Principal
from identity.console_roles import console_role_of
from identity.local_sign_in.door import BREAK_GLASS
from identity.sessions import current_session
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView
from tenants.roles import Role

RECENT = dt.timedelta(minutes=15)
"""How long ago somebody may have proved who they are, for what cannot be undone."""


def staff_principal(token: str, now: dt.datetime) -> Principal | None:
    """One of staff, by the cookie of the app host; None where the session has ended or the account is not active."""
    session = find_console_session(token, now)
    if session is None:
        return None
    return Principal(
        id=session.staff_id,
        name=session.name,
        email=session.email,
        role=Role(session.role),
        tenant_id=None,
        actor=f"staff:{session.staff_id}",
        session_id=session.id,
    )


def tenant_principal(
    tenant: TenantView, organisations: OrganisationTree, token: str, now: dt.datetime
) -> Principal | None:
    """One of a tenant's people, by the cookie of its host; None for a session that ended, and for a person without a role."""
    session = current_session(tenant, organisations, token, now)
    if session is None:
        return None
    person = session.person
    held = console_role_of(tenant.id, person.id, session.id)
    if held is None or held.role is None:
        return None
    name = " ".join(filter(None, (person.first_name, person.last_name))) or person.username or person.email
    return Principal(
        id=person.id,
        name=name,
        email=person.email,
        role=held.role,
        tenant_id=tenant.id,
        actor=f"user:{person.id}",
        session_id=session.id,
        by_break_glass=session.way == BREAK_GLASS,
    )


def require_recent(principal: Principal, now: dt.datetime) -> None:
    """Refuse what cannot be undone to a session whose person proved who they are too long ago: it may be an open laptop.

    Raises:
        SignInAgain
    """
    if principal.tenant_id is None:
        proved = authenticated_at(principal.session_id)
    else:
        held = console_role_of(principal.tenant_id, principal.id, principal.session_id)
        proved = held.proved_at if held else None
    if proved is None or now - proved > RECENT:
        raise SignInAgain("proved who they are too long ago")


def require_no_emergency(principal: Principal) -> None:
    """Refuse what would go on after an emergency to whoever came in by break-glass: it gives an hour.

    Raises:
        EmergencyMakesNoToken
    """
    if principal.by_break_glass:
        raise EmergencyMakesNoToken("by break-glass")
