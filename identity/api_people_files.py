"""Edges of the management API for files of people: exports, and imports from upload to result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, request, stream_with_context
from werkzeug.exceptions import RequestEntityTooLarge

from config.database import transaction
from identity.import_records import list_imports, page_of_lines
from identity.import_views import (
    ImportApply,
    ImportFileQuery,
    ImportLinePage,
    ImportLinesQuery,
    ImportPage,
    ImportView,
    import_document,
    line_document,
)
from identity.people_csv import MAX_FILE
from identity.people_errors import ImportTooLarge
from identity.people_import import drop_import, request_apply, require_import, start_import
from identity.people_query import next_path, read_order
from identity.people_schemas import PeopleExportQuery
from identity.people_views import EXPORT_TYPES, export_lines, people_filter
from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.audit import EventType
from tenants.errors import NotFound
from tenants.exporting import begin_export
from tenants.management_errors import MediaTypeUnsupported
from tenants.organisations.records import organisations_of
from tenants.paging import cursor_of, cursor_scope, is_row_id, key_of
from tenants.roles import CONFIGURE, READ
from tenants.tenant_records import ManagedTenant

IMPORTS = "/tenants/<slug>/people-imports"
ONE = f"{IMPORTS}/<import_id>"
FILE_TYPES = ("text/csv", "application/octet-stream")
MAX_SHOWN = 100
_LINE = re.compile(r"[0-9]{1,9}")

files_api = ManagementBlueprint("api_people_files", __name__, description="Files of people")


def export_answer(tenant: ManagedTenant, form: str, query: Mapping[str, Any], actor: str) -> Response:
    """An export as it streams; that it was made is on record before its first line."""
    which, order = people_filter(tenant.id, query), read_order(query["sort"] or "created")
    limited = web.settings().rate_limits
    begin_export(tenant.id, EventType.PEOPLE_EXPORTED, form, actor=actor, now=now(), limited=limited)
    lines = stream_with_context(export_lines(tenant.id, form, which, order))
    name = f'attachment; filename="{tenant.slug}-people.{form}"'
    return Response(lines, content_type=EXPORT_TYPES[form], headers={"Content-Disposition": name})


@files_api.operation(
    "GET",
    "/tenants/<slug>/users.csv",
    READ,
    query=PeopleExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="text/csv",
)
def get_users_csv(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export people as CSV, in the form that an import takes; cells that a spreadsheet would run are marked as text."""
    return export_answer(tenant, "csv", query, caller().actor)


@files_api.operation(
    "GET",
    "/tenants/<slug>/users.jsonl",
    READ,
    query=PeopleExportQuery,
    answers={200: {"type": "string"}},
    refuses=(429,),
    media_type="application/jsonl",
)
def get_users_jsonl(query: Mapping[str, Any], tenant: ManagedTenant) -> Response:
    """Export people as JSON, one a line."""
    return export_answer(tenant, "jsonl", query, caller().actor)


def _require_import(tenant: ManagedTenant, import_id: str) -> None:
    if not is_row_id(import_id):
        raise NotFound("no such id")
    require_import(tenant.id, import_id)


@files_api.operation("GET", IMPORTS, READ, answers={200: ImportPage})
def get_imports(tenant: ManagedTenant) -> dict[str, Any]:
    """List imports of the last 30 days, newest first."""
    return {"items": [import_document(item) for item in list_imports(tenant.id, MAX_SHOWN)]}


@files_api.operation(
    "POST",
    IMPORTS,
    CONFIGURE,
    query=ImportFileQuery,
    answers={202: ImportView},
    refuses=(409, 413, 415, 422),
    octets=FILE_TYPES,
)
def post_import(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Take a CSV file of people, 16 MiB and 50,000 rows at most, and compare it with who is there. Nothing is changed yet."""
    if request.mimetype not in FILE_TYPES:
        raise MediaTypeUnsupported(request.mimetype[:80])
    request.max_content_length = MAX_FILE
    try:
        file = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise ImportTooLarge("the body") from None
    with transaction():
        return import_document(start_import(tenant.id, file, query["name"], actor=caller().actor, now=now()))


@files_api.operation("GET", ONE, READ, answers={200: ImportView}, exists=_require_import)
def get_import(tenant: ManagedTenant, import_id: str) -> dict[str, Any]:
    """Show where an import stands."""
    return import_document(require_import(tenant.id, import_id))


@files_api.operation("GET", f"{ONE}/lines", READ, query=ImportLinesQuery, answers={200: ImportLinePage}, exists=_require_import)
def get_import_lines(query: Mapping[str, Any], tenant: ManagedTenant, import_id: str) -> dict[str, Any]:
    """List what lines of a preview would do, or why they are refused."""
    outcome, limit = query["outcome"], query["limit"]
    scope = cursor_scope("import lines", tenant.id, import_id, outcome)
    after = key_of(query["cursor"], scope, _LINE)
    found = page_of_lines(tenant.id, import_id, outcome, int(after) if after else -1, limit + 1)
    cursor = cursor_of(str(found[limit - 1].line), scope) if len(found) > limit else None
    tree = organisations_of(tenant.id)
    items = [line_document(line, tree) for line in found[:limit]]
    return {"items": items, "next": next_path(request.path, list(query.items()), cursor)}


@files_api.operation(
    "POST",
    f"{ONE}/apply",
    CONFIGURE,
    body=ImportApply,
    answers={202: ImportView},
    exists=_require_import,
    refuses=(409,),
)
def post_apply(body: Mapping[str, Any], tenant: ManagedTenant, import_id: str) -> dict[str, Any]:
    """Apply the preview of this fingerprint: all of it, or nothing where something moved under it meanwhile."""
    with transaction():
        found = request_apply(
            tenant.id,
            import_id,
            fingerprint=body["fingerprint"],
            leave_out_refused=body["leave_out_refused"],
            actor=caller().actor,
            now=now(),
        )
    return import_document(found)


@files_api.operation("DELETE", ONE, CONFIGURE, answers={204: None}, exists=_require_import, refuses=(409,))
def delete_import(tenant: ManagedTenant, import_id: str) -> None:
    """Remove an import with its file and preview. Whom it added stays."""
    with transaction():
        drop_import(tenant.id, import_id)
