"""Edges of the management API for attempts to sign in, and for responses that are pasted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Response, request, stream_with_context

from identity.attempt_records import page_of_attempts
from identity.attempt_schemas import (
    AttemptPage,
    AttemptsExportQuery,
    AttemptsQuery,
    DiagnoseBody,
    ReceiptView,
    VerdictView,
)
from identity.attempt_views import EXPORT_TYPES, attempt_filter, explained_document, export_lines, verdict_document
from identity.diagnosis import diagnose, explain_attempt, require_diagnosis_rate
from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.audit import EventType
from tenants.errors import NotFound
from tenants.exporting import begin_export
from tenants.paging import cursor_scope, key_of, page_of
from tenants.records import find_tenant
from tenants.roles import ASSIST, READ
from tenants.tenant_records import ManagedTenant

ATTEMPTS = "/tenants/<slug>/attempts"

attempts_api = ManagementBlueprint("api_attempts", __name__, description="Attempts to sign in, and what to do about them")


@attempts_api.operation("GET", ATTEMPTS, READ, query=AttemptsQuery, answers={200: AttemptPage})
def get_attempts(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's attempts to sign in of the last 30 days, newest first."""
    filters, limit = attempt_filter(tenant.id, query), query["limit"]
    scope = cursor_scope("attempts", tenant.id, repr(filters))
    found = page_of_attempts(tenant.id, key_of(query["cursor"], scope), limit + 1, filters)
    asked = {name: _text(value) for name, value in query.items() if value is not None and name not in ("limit", "cursor")}
    items, following = page_of(found, limit, key=lambda item: item.id, scope=scope, path=request.path, query=asked)
    return {"items": [asdict(attempt) for attempt in items], "next": following}


@attempts_api.operation(
    "GET",
    f"{ATTEMPTS}.csv",
    READ,
    query=AttemptsExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="text/csv",
)
def get_attempts_csv(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export attempts as CSV, newest first, without their receipts; no cell of it is a formula."""
    return _export(tenant, "csv", query)


@attempts_api.operation(
    "GET",
    f"{ATTEMPTS}.jsonl",
    READ,
    query=AttemptsExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="application/jsonl",
)
def get_attempts_jsonl(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export attempts, one JSON document a line, newest first, without their receipts."""
    return _export(tenant, "jsonl", query)


@attempts_api.operation("GET", f"{ATTEMPTS}/<attempt_id>", READ, answers={200: ReceiptView})
def get_attempt(tenant: ManagedTenant, attempt_id: str) -> dict[str, Any]:
    """Show one attempt with its receipt: each check, what was expected and what came, and what to do about it."""
    return explained_document(explain_attempt(tenant.id, attempt_id))


@attempts_api.operation(
    "POST", "/tenants/<slug>/diagnose", ASSIST, body=DiagnoseBody, answers={200: VerdictView}, refuses=(429,)
)
def post_diagnose(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Judge a response as the ACS would, without effect: nobody is signed in, and nothing is kept."""
    if web.settings().rate_limits:
        require_diagnosis_rate(tenant.id, now())
    view = find_tenant(tenant.slug)
    if view is None:
        raise NotFound("deleted meanwhile")
    return verdict_document(diagnose(view, web.trusts().trust_of(view), body["saml_response"], now()))


def _export(tenant: ManagedTenant, form: str, query: Mapping[str, Any]) -> Response:
    """An export as it streams; that it was made is on record before its first line."""
    filters = attempt_filter(tenant.id, query)
    limited = web.settings().rate_limits
    begin_export(tenant.id, EventType.ATTEMPTS_EXPORTED, form, actor=caller().actor, now=now(), limited=limited)
    lines = stream_with_context(export_lines(tenant.id, form, filters))
    name = f'attachment; filename="{tenant.slug}-attempts.{form}"'
    return Response(lines, content_type=EXPORT_TYPES[form], headers={"Content-Disposition": name})


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
