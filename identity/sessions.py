"""Records of sessions: a signed-in browser holds a token, the database its SHA-256 (S1)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, transaction
from config.statements import Prepared
from identity.assertion import Assertion, Exchange
from identity.exchanges import hash_of
from identity.models import SessionRow, User
from identity.provisioning import COLUMNS, Person
from tenants.audit import EventType, record
from tenants.models import IdentityProvider
from tenants.organisations.access import SSO, Access
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView
from tenants.trust import SAMLTrust

TOKEN_BYTES = 32
CLIENT_PREFIX = "vsn_"
"""Of an application's token: it is told from a cookie's at sight, by people and by scanners for leaked secrets."""
MAX_TOKEN_LENGTH = 64
TOUCH_EVERY = dt.timedelta(seconds=60)
"""`seen_at` is written at most once in this time, so that a page view writes nothing as a rule."""


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """What is known of the browser that makes a request; shown to its owner, never trusted."""

    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session. `token` goes into the cookie and nowhere else."""

    id: str
    token: str
    expires_at: dt.datetime

    def __repr__(self) -> str:
        return f"OpenedSession(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody has come in. `way` is one of `identity.models.SESSION_WAYS`; what belongs to SAML is None for the others.

    `proved_at`: when they proved who they are, where that was asked for now; None where somebody may only have remembered them.
    `ends_at`: the session ends then at the latest. `client`: what the application calls itself whose session it is; None for a
    browser's.
    """

    way: str
    authn_context: str = ""
    proved_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    idp_id: str | None = None
    name_id: str | None = None
    name_id_format: str = ""
    name_qualifier: str | None = None
    sp_name_qualifier: str | None = None
    session_index: str | None = None
    role_rule_id: str | None = None
    client: str | None = None
    placement_rule_id: str | None = None


@dataclass(frozen=True, slots=True)
class CurrentSession:
    """The session that a request belongs to, and whose it is. `expires_at` is the sooner of idle and absolute end.

    The identity provider is None for whoever did not come by one; `proved_at` for whoever proved nothing in it.
    """

    id: str
    person: Person
    way: str
    idp_name: str | None
    idp_display_name: str | None
    created_at: dt.datetime
    proved_at: dt.datetime | None
    expires_at: dt.datetime
    authn_context: str


_EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_INSERT = Prepared(sa.insert(SessionRow.__table__))
_SELECT = (
    sa.select(
        SessionRow.id,
        SessionRow.created_at,
        SessionRow.proved_at,
        SessionRow.seen_at,
        SessionRow.expires_at,
        SessionRow.authn_context,
        SessionRow.way,
        SessionRow.client,
        SessionRow.idp_id,
        IdentityProvider.name.label("idp_name"),
        IdentityProvider.display_name.label("idp_display_name"),
        *(column.label(f"person_{column.key}") for column in COLUMNS),
        User.directory_id.label("person_directory_id"),
    )
    .join(User, sa.and_(User.tenant_id == SessionRow.tenant_id, User.id == SessionRow.user_id))
    .join(
        IdentityProvider,
        sa.and_(IdentityProvider.tenant_id == SessionRow.tenant_id, IdentityProvider.id == SessionRow.idp_id),
        isouter=True,
    )
    .where(
        SessionRow.tenant_id == sa.bindparam("tenant_id"),
        SessionRow.ended_at.is_(None),
        SessionRow.expires_at > sa.bindparam("now"),
        SessionRow.seen_at > sa.bindparam("idle_since"),
        User.active.is_(True),
        IdentityProvider.deleted_at.is_(None),
    )
)
_FIND = Prepared(_SELECT.where(SessionRow.token_hash == sa.bindparam("token_hash")))
_FIND_BY_ID = Prepared(_SELECT.where(SessionRow.id == sa.bindparam("session_id")))
_TOUCH = Prepared(
    sa.update(SessionRow)
    .where(SessionRow.tenant_id == sa.bindparam("of_tenant"), SessionRow.id == sa.bindparam("of_session"))
    .values(seen_at=sa.bindparam("now"))
)
_END = Prepared(
    sa.update(SessionRow)
    .where(
        SessionRow.tenant_id == sa.bindparam("of_tenant"),
        SessionRow.token_hash == sa.bindparam("of_token"),
        SessionRow.ended_at.is_(None),
    )
    .values(ended_at=sa.bindparam("now"))
    .returning(SessionRow.id, SessionRow.user_id)
)


def entry_by_sso(trust: SAMLTrust, assertion: Assertion, exchange: Exchange | None, now: dt.datetime) -> Entry:
    """What a session keeps of the assertion that opens it; texts that somebody else wrote are cut to what its columns hold."""
    return Entry(
        way=SSO,
        authn_context=assertion.authn_context[:256],
        proved_at=_proved_at(assertion, exchange, now),
        ends_at=assertion.session_not_on_or_after,
        idp_id=trust.idp_id,
        name_id=assertion.name_id,
        name_id_format=assertion.name_id_format[:256],
        name_qualifier=assertion.name_qualifier and assertion.name_qualifier[:1024],
        sp_name_qualifier=assertion.sp_name_qualifier and assertion.sp_name_qualifier[:1024],
        session_index=assertion.session_index and assertion.session_index[:256],
        role_rule_id=trust.console_rule_of(assertion.attributes),
        placement_rule_id=trust.placement.place(assertion.attributes).role_rule_id,
    )


def _proved_at(assertion: Assertion, exchange: Exchange | None, now: dt.datetime) -> dt.datetime | None:
    """When the person signed in at the identity provider, by our clock, where a new sign-in was demanded of it.

    Verification has held AuthnInstant against the demand, with a clock that may differ (`identity.saml.statements`), so it was
    not before that. Without a demand nothing is proved: some identity providers call each answer a sign-in of this moment.
    """
    if exchange is None or not exchange.fresh or exchange.created_at is None or assertion.authn_instant is None:
        return None
    return min(max(assertion.authn_instant, exchange.created_at), now)


def open_session(
    tenant: TenantView, person: Person, entry: Entry, access: Access, browser: BrowserFacts, now: dt.datetime
) -> OpenedSession:
    """Open a session that ends with the absolute limit, or sooner where the way in says so; inside a transaction.

    Args:
        access: what holds for the person's organisation.
    """
    token = (CLIENT_PREFIX if entry.client else "") + secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = now + dt.timedelta(seconds=access.session_absolute_seconds or tenant.session_absolute_seconds)
    if entry.ends_at is not None:
        expires_at = min(expires_at, entry.ends_at)
    session = OpenedSession(id=new_id(), token=token, expires_at=expires_at)
    _INSERT.insert(
        {
            "tenant_id": tenant.id,
            "token_hash": hash_of(token),
            "id": session.id,
            "user_id": person.id,
            "way": entry.way,
            "idp_id": entry.idp_id,
            "name_id": entry.name_id,
            "name_id_format": entry.name_id_format,
            "name_qualifier": entry.name_qualifier,
            "sp_name_qualifier": entry.sp_name_qualifier,
            "session_index": entry.session_index,
            "authn_context": entry.authn_context,
            "role_rule_id": entry.role_rule_id,
            "client": entry.client,
            "placement_rule_id": entry.placement_rule_id,
            "user_agent": browser.user_agent[:300],
            "address": browser.address[:45],
            "created_at": now,
            "proved_at": entry.proved_at,
            "seen_at": now,
            "expires_at": expires_at,
            "ended_at": None,
        }
    )
    return session


def current_session(
    tenant: TenantView, organisations: OrganisationTree, token: str, now: dt.datetime, *, of_client: bool = False
) -> CurrentSession | None:
    """The live session of a token at this tenant; None where it has ended, or belongs elsewhere.

    Args:
        of_client: the token came as a bearer token, and is an application's; otherwise it came as a cookie, and is a browser's.
            Neither stands for the other.
    """
    if not 0 < len(token) <= MAX_TOKEN_LENGTH:
        return None
    row = _live_row(_FIND, tenant, organisations, {"token_hash": hash_of(token)}, now)
    if row is None or (row.client is not None) != of_client:
        return None
    idle, seen_at = _idle_of(tenant, organisations, row), row.seen_at
    if now - seen_at >= TOUCH_EVERY:
        with transaction():
            _TOUCH.write({"of_tenant": tenant.id, "of_session": row.id, "now": now})
        seen_at = now
    return _session_of(row, seen_at + idle)


def live_session(
    tenant: TenantView, organisations: OrganisationTree, session_id: str, now: dt.datetime
) -> CurrentSession | None:
    """A session by its id, if it is alive, for what was begun in it; that is no use of it."""
    row = _live_row(_FIND_BY_ID, tenant, organisations, {"session_id": session_id}, now)
    return _session_of(row, row.seen_at + _idle_of(tenant, organisations, row)) if row else None


def goes_on(tenant_id: int, session_id: str, now: dt.datetime) -> bool:
    """Whether a session has not ended, for what stands on it elsewhere: a console that one of staff entered through it.

    Want of use does not count: whoever works there does not use it here.
    """
    row = _FIND_BY_ID.one_or_none({"tenant_id": tenant_id, "session_id": session_id, "now": now, "idle_since": _EVER})
    if row is None:
        return False
    access = organisations_of(tenant_id).access_of(row.person_organisation_id)
    return access.admits(row.way, row.idp_id, row.person_directory_id)


def _live_row(
    statement: Prepared, tenant: TenantView, organisations: OrganisationTree, named: Mapping[str, str], now: dt.datetime
) -> Any:
    longest = dt.timedelta(seconds=organisations.longest_idle(tenant.session_idle_seconds))
    row = statement.one_or_none({"tenant_id": tenant.id, "now": now, "idle_since": now - longest, **named})
    if row is None or now - row.seen_at >= _idle_of(tenant, organisations, row):
        return None
    # The organisation may have changed its ways, or the person their organisation, since the session was opened.
    access = organisations.access_of(row.person_organisation_id)
    return row if access.admits(row.way, row.idp_id, row.person_directory_id) else None


def _idle_of(tenant: TenantView, organisations: OrganisationTree, row: Any) -> dt.timedelta:
    access = organisations.access_of(row.person_organisation_id)
    return dt.timedelta(seconds=access.session_idle_seconds or tenant.session_idle_seconds)


def _session_of(row: Any, idle_end: dt.datetime) -> CurrentSession:
    values = row._asdict()
    return CurrentSession(
        id=row.id,
        person=Person(**{column.key: values[f"person_{column.key}"] for column in COLUMNS}),
        way=row.way,
        idp_name=row.idp_name,
        idp_display_name=row.idp_display_name,
        created_at=row.created_at,
        proved_at=row.proved_at,
        expires_at=min(row.expires_at, idle_end),
        authn_context=row.authn_context,
    )


def end_session(tenant_id: int, token: str, now: dt.datetime, *, reason: str) -> bool:
    """End the session of a cookie's token, inside a transaction; False where none was open."""
    ended = _END.write_returning({"of_tenant": tenant_id, "of_token": hash_of(token), "now": now})
    for row in ended:
        record(tenant_id, EventType.SESSION_ENDED, at=now, actor=row.user_id, reason=reason, session=row.id)
    return bool(ended)
