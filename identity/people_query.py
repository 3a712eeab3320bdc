"""Pages of people and sessions as API and console ask for them: an order by name, and a cursor that holds the last place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from identity.people_records import ManagedPerson
from identity.people_search import SORTS, PeopleFilter, PeopleOrder, Place, list_people
from identity.session_records import OpenSession, SessionFilter, SessionPlace, page_of_sessions
from tenants.directories.records import find_directory
from tenants.idp_records import find_provider
from tenants.management_errors import FieldsInvalid
from tenants.organisations.records import organisations_of
from tenants.paging import ROW_ID, cursor_of, cursor_scope, key_of
from tenants.tenant_records import ManagedTenant

PEOPLE_SORTS = tuple(sign + name for name in SORTS for sign in ("", "-"))
_PLACE = re.compile(rf"[^\x00\x1f]*\x1f{ROW_ID.pattern}")
_MOMENT = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:]{{8}}(?:\.[0-9]{{6}})?\+00:00\x1f{ROW_ID.pattern}")
_BETWEEN = "\x1f"


def read_order(text: str) -> PeopleOrder:
    """One of PEOPLE_SORTS; a minus turns it round."""
    return PeopleOrder(text.removeprefix("-"), text.startswith("-"))


def people_page(
    tenant_id: int, which: PeopleFilter, order: PeopleOrder, cursor: str | None, limit: int
) -> tuple[list[ManagedPerson], str | None]:
    """A page of people and the cursor behind it, None on the last page.

    Raises:
        CursorInvalid: of another list, filter or order.
    """
    scope = cursor_scope("users", tenant_id, repr(which), repr(order))
    key = key_of(cursor, scope, _MOMENT if order.name == "last_sign_in" else _PLACE)
    after = Place(*key.split(_BETWEEN)) if key is not None else None
    found = list_people(tenant_id, which, order, after, limit + 1)
    place = found[limit - 1].place if len(found) > limit else None
    following = cursor_of(f"{place.key}{_BETWEEN}{place.id}", scope) if place else None
    return [listed.person for listed in found[:limit]], following


def session_page(
    tenant: ManagedTenant, which: SessionFilter, now: dt.datetime, cursor: str | None, limit: int
) -> tuple[list[OpenSession], str | None]:
    """A page of open sessions and the cursor behind it; each organisation's people have its own idle limit.

    Raises:
        CursorInvalid
    """
    scope = cursor_scope("sessions", tenant.id, repr(which))
    key = key_of(cursor, scope, _MOMENT)
    after = None
    if key is not None:
        moment, session_id = key.split(_BETWEEN)
        after = SessionPlace(dt.datetime.fromisoformat(moment), session_id)
    found = page_of_sessions(tenant, organisations_of(tenant.id), which, now, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(f"{last.expires_at.isoformat()}{_BETWEEN}{last.id}", scope) if last else None
    return found[:limit], following


def provider_id_of(tenant_id: int, label: str) -> str:
    """The identity provider that a filter names.

    Raises:
        FieldsInvalid
    """
    provider = find_provider(tenant_id, label)
    if provider is None:
        raise FieldsInvalid("idp", errors={"idp": ["There is no identity provider of this label."]})
    return provider.id


def directory_id_of(tenant_id: int, label: str) -> str:
    """The directory that a filter names.

    Raises:
        FieldsInvalid
    """
    directory = find_directory(tenant_id, label)
    if directory is None:
        raise FieldsInvalid("directory", errors={"directory": ["There is no directory of this label."]})
    return directory.id


def next_path(path: str, query: Sequence[tuple[str, Any]], cursor: str | None) -> str | None:
    """The path of the following page: the query that was asked, with another cursor."""
    if cursor is None:
        return None
    kept = [(name, value) for name, value in query if name != "cursor" and value not in (None, "")]
    return f"{path}?{urlencode([*kept, ('cursor', cursor)])}"
