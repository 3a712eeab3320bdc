"""Edges of the management API for audit events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import Response, request, stream_with_context

from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.audit import EventType
from tenants.event_records import page_of_events
from tenants.event_schemas import EventPage, EventsExportQuery, EventsQuery
from tenants.event_views import EXPORT_NAMES, EXPORT_TYPES, event_document, event_filter, export_lines
from tenants.exporting import begin_export
from tenants.paging import cursor_scope, key_of, page_of
from tenants.roles import READ
from tenants.tenant_records import ManagedTenant

EVENTS = "/tenants/<slug>/events"

events_api = ManagementBlueprint("api_events", __name__, description="What happened at a tenant")


@events_api.operation("GET", EVENTS, READ, query=EventsQuery, answers={200: EventPage})
def get_events(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's audit events, newest first."""
    filters, limit = event_filter(query), query["limit"]
    scope = cursor_scope("events", tenant.id, repr(filters))
    found = page_of_events(tenant.id, key_of(query["cursor"], scope), limit + 1, filters)
    asked = {name: _text(value) for name, value in query.items() if value is not None and name not in ("limit", "cursor")}
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query=asked)
    return {"items": [event_document(item) for item in items], "next": following}


@events_api.operation(
    "GET",
    f"{EVENTS}.csv",
    READ,
    query=EventsExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="text/csv",
)
def get_events_csv(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export audit events as CSV, newest first; no cell of it is a formula."""
    return _export(tenant, "csv", query)


@events_api.operation(
    "GET",
    f"{EVENTS}.jsonl",
    READ,
    query=EventsExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="application/jsonl",
)
def get_events_jsonl(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export audit events, one JSON document a line, newest first."""
    return _export(tenant, "jsonl", query)


@events_api.operation(
    "GET",
    f"{EVENTS}-sealed.jsonl",
    READ,
    query=EventsExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="application/jsonl",
)
def get_events_sealed(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export audit events with their seals, so that the file can be verified by itself (`vestibule audit verify --file`)."""
    return _export(tenant, "sealed", query)


def _export(tenant: ManagedTenant, form: str, query: Mapping[str, Any]) -> Response:
    filters = event_filter(query)
    limited = web.settings().rate_limits
    begin_export(tenant.id, EventType.EVENTS_EXPORTED, form, actor=caller().actor, now=now(), limited=limited)
    response = Response(stream_with_context(export_lines(tenant.id, form, filters)), content_type=EXPORT_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{tenant.slug}-{EXPORT_NAMES[form]}"'
    return response


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
