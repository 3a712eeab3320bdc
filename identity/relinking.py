"""Flow: somebody is known by another subject from now on, or joined anew by their next sign-in (P2, P3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from identity.people import require_person
from identity.people_letters import RELINKED, Post, tell_person
from identity.people_records import ManagedPerson, end_open_sessions
from identity.person_records import Origin, origin_of, set_origin
from tenants.audit import EventType, record
from tenants.directories.records import find_directory, find_directory_by_id
from tenants.idp_records import find_provider, find_provider_by_id
from tenants.management_errors import FieldsInvalid
from tenants.notices.telling import NamedTenant


def relink_person(
    tenant: NamedTenant,
    user_id: str,
    post: Post,
    *,
    why: str,
    identity_provider: str | None,
    directory: str | None = None,
    subject: str | None,
    next_sign_in: bool = False,
    actor: str,
    now: dt.datetime,
) -> ManagedPerson:
    """Say anew by what a person is known, and end their sessions.

    Without an identity provider or a directory their next sign-in joins them by e-mail or username (P3). Whether the account
    is active stays as it is (P8).

    Args:
        next_sign_in: their next sign-in by this identity provider joins them so, and none by another one does; whoever has
            a password here keeps it, and is joined all the same. The same again does nothing.

    Raises:
        NotFound, FieldsInvalid, SubjectInUse.
    """
    tenant_id, person = tenant.id, require_person(tenant.id, user_id)
    if next_sign_in and (identity_provider is None or subject is not None):
        raise FieldsInvalid("next sign-in", errors={"identity_provider": ["Name the identity provider, and no subject."]})
    if identity_provider is not None and directory is not None:
        raise FieldsInvalid("two", errors={"directory": ["Name an identity provider or a directory, not both."]})
    if not next_sign_in and (identity_provider is None and directory is None) != (subject is None):
        raise FieldsInvalid("half", errors={"subject": ["Name both where they come from and the subject, or neither."]})
    wanted = Origin(_provider_id(tenant_id, identity_provider), _directory_id(tenant_id, directory), subject)
    former = origin_of(tenant_id, user_id)
    if next_sign_in and former == wanted:
        return person
    set_origin(tenant_id, user_id, wanted)
    ended = end_open_sessions(tenant_id, now, user_id=user_id)
    record(
        tenant_id,
        EventType.USER_RELINKED,
        at=now,
        actor=actor,
        user=user_id,
        why=why,
        before=_named(tenant_id, former),
        after=_named(tenant_id, wanted) | ({"next_sign_in": True} if next_sign_in else {}),
        sessions_ended=ended,
    )
    tell_person(tenant, person.email, RELINKED, post, now)
    return require_person(tenant_id, user_id)


def _provider_id(tenant_id: int, label: str | None) -> str | None:
    if label is None:
        return None
    if (provider := find_provider(tenant_id, label)) is None:
        raise FieldsInvalid("idp", errors={"identity_provider": ["There is no identity provider of this label."]})
    return provider.id


def _directory_id(tenant_id: int, label: str | None) -> str | None:
    if label is None:
        return None
    if (directory := find_directory(tenant_id, label)) is None:
        raise FieldsInvalid("directory", errors={"directory": ["There is no directory of this label."]})
    return directory.id


def _named(tenant_id: int, origin: Origin) -> dict[str, Any]:
    """By what somebody is known, for the audit; a row that was deleted since stands there by its id."""
    provider = find_provider_by_id(tenant_id, origin.idp_id) if origin.idp_id else None
    named: dict[str, Any] = {"idp": provider.name if provider else origin.idp_id, "subject": origin.subject}
    if origin.directory_id is not None:
        directory = find_directory_by_id(tenant_id, origin.directory_id)
        named["directory"] = directory.name if directory else origin.directory_id
    return named
