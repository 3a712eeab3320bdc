"""What API, console and command line share: a query as a filter, people and sessions as documents, exports as lines."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from identity.deactivation import access_report, milliseconds_of
from identity.people_query import directory_id_of, provider_id_of
from identity.people_search import NOWHERE, PeopleFilter, PeopleOrder, every_person
from identity.session_records import OpenSession
from identity.user_agents import device_words
from tenants.csv_text import csv_row
from tenants.management_errors import FieldsInvalid
from tenants.organisations.paths import written_path
from tenants.organisations.records import organisations_of

EXPORT_COLUMNS = (
    *("id", "username", "email", "first_name", "last_name", "phone", "active", "organisation"),
    *("identity_provider", "directory", "name_id", "created_at", "last_login_at"),
)
"""What an import reads stands first; it passes over the rest."""
BYTE_ORDER_MARK = "\ufeff"
"""So that spreadsheets take the file for UTF-8."""
CSV_TYPE, JSONL_TYPE = "text/csv; charset=utf-8", "application/jsonl"
EXPORT_TYPES: Mapping[str, str] = {"csv": CSV_TYPE, "jsonl": JSONL_TYPE}


def people_filter(tenant_id: int, query: Mapping[str, Any]) -> PeopleFilter:
    """The filter that a query of `identity.people_schemas.PeopleQuery` asks for.

    Raises:
        FieldsInvalid: it names an identity provider, a directory or an organisation that is not there.
    """
    organisation: str | None = query["organisation"]
    if organisation and organisation != NOWHERE and organisation not in organisations_of(tenant_id).nodes:
        raise FieldsInvalid("organisation", errors={"organisation": ["There is no organisation of this id."]})
    day: dt.date | None = query["dormant_since"]
    email: str | None = query["email"]
    return PeopleFilter(
        search=query["search"] or "",
        email=email.strip().lower() if email is not None else None,
        active={"true": True, "false": False}.get(query["active"] or ""),
        idp_id=provider_id_of(tenant_id, query["idp"]) if query["idp"] else None,
        directory_id=directory_id_of(tenant_id, query["directory"]) if query["directory"] else None,
        organisation=organisation,
        signed_in={"true": True, "false": False}.get(query["signed_in"] or ""),
        dormant_since=dt.datetime.combine(day, dt.time(), dt.UTC) if day is not None else None,
    )


def session_document(session: OpenSession) -> dict[str, Any]:
    """An open session as it is shown."""
    return asdict(session) | {"browser": device_words(session.user_agent, session.client)}


def access_document(tenant_id: int, user_id: str, *, active: bool) -> dict[str, Any]:
    """When a person's access ended, as it is shown."""
    report = access_report(tenant_id, user_id)
    items = [{**asdict(end), "milliseconds": milliseconds_of(end)} for end in report.ends]
    counts = {"accepted_since": report.accepted_since, "refused_since": report.refused_since}
    return {"active": active, "items": items, **counts}


def export_lines(tenant_id: int, form: str, which: PeopleFilter, order: PeopleOrder) -> Iterator[str]:
    """An export, line by line, from pages that are read one after the other.

    Each page is read when it is due: who comes or goes meanwhile may be in it or not, and nobody is in it twice unless what
    the order goes by changed.
    """
    if form == "csv":
        yield BYTE_ORDER_MARK + csv_row(EXPORT_COLUMNS)
    tree = organisations_of(tenant_id)
    for person in every_person(tenant_id, which, order):
        if person.organisation_id is not None and person.organisation_id not in tree.nodes:
            tree = organisations_of(tenant_id)  # made since the first line
        place = written_path(tree, person.organisation_id) or None
        values = {name: place if name == "organisation" else _plain(getattr(person, name)) for name in EXPORT_COLUMNS}
        yield csv_row(_cell(value) for value in values.values()) if form == "csv" else json.dumps(values) + "\n"


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, dt.datetime) else value


def _cell(value: Any) -> Any:
    return ("no", "yes")[value] if isinstance(value, bool) else value
