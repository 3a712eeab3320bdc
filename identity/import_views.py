"""Imports as documents and forms, for API, console and command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from identity.import_models import OUTCOMES, STATES
from identity.import_records import ImportRow
from identity.people_plan import PLACE, PlannedLine
from tenants.organisations.paths import written_path
from tenants.organisations.tree import OrganisationTree
from tenants.schema_fields import Flag, Strict, text
from tenants.schemas import PageQuery

IMPORT_FIELDS = (
    *("id", "state", "file_name", "file_sha256", "file_size", "fingerprint", "code", "cause", "warnings", "counts"),
    *("done", "total", "created_by", "created_at", "applied_by", "applied_at"),
)


class ImportView(Strict):
    """An import. `state` waiting: it is being compared (`done` of about `total` rows); ready: look at `counts` and lines.

    `counts.moved` of those who change would belong to another organisation.
    """

    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    file_name = fields.String(required=True)
    file_sha256 = fields.String(required=True)
    file_size = fields.Integer(required=True)
    fingerprint = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True)
    warnings = fields.List(fields.String(), required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    done = fields.Integer(required=True)
    total = fields.Integer(required=True)
    created_by = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    applied_by = fields.String(required=True, allow_none=True)
    applied_at = fields.DateTime(required=True, allow_none=True)


class ImportPage(Strict):
    """Imports of the last 30 days, newest first."""

    items = fields.List(fields.Nested(ImportView), required=True)


class ImportLinesQuery(PageQuery):
    """Which lines of a preview."""

    outcome = fields.String(validate=validate.OneOf(OUTCOMES), required=True)


class ImportLineView(Strict):
    """What a line would do: `values` of a new person, `changes` as field -> [before, after], or `problems`.

    An `organisation` is its path by now; "/" is the tenant itself.
    """

    line = fields.Integer(required=True)
    outcome = fields.String(required=True)
    user_id = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    values = fields.Dict(keys=fields.String(), required=True)
    changes = fields.Dict(keys=fields.String(), required=True)
    problems = fields.List(fields.Dict(keys=fields.String(), values=fields.String()), required=True)


class ImportLinePage(Strict):
    """Lines in the order of the file."""

    items = fields.List(fields.Nested(ImportLineView), required=True)
    next = fields.String(required=True, allow_none=True)


class ImportApply(Strict):
    """Which preview is to be applied, and whether its refused lines are to be left out."""

    fingerprint = text(64, required=True)
    leave_out_refused = Flag(load_default=False)


class ImportFileQuery(Strict):
    """What the file is called."""

    name = text(200, shortest=0, load_default="")


def import_document(item: ImportRow) -> dict[str, Any]:
    """An import as it is shown."""
    return {name: getattr(item, name) for name in IMPORT_FIELDS}


def line_document(item: PlannedLine, tree: OrganisationTree) -> dict[str, Any]:
    """A line of a preview as it is shown."""
    document: Mapping[str, Any] = item.document
    values, changes = dict(document.get("values", {})), dict(document.get("changes", {}))
    if PLACE in values:
        values["organisation"] = written_path(tree, values.pop(PLACE))
    if PLACE in changes:
        changes["organisation"] = [written_path(tree, place) for place in changes.pop(PLACE)]
    return {
        "line": item.line,
        "outcome": item.outcome,
        "user_id": item.user_id,
        "email": document.get("email"),
        "values": values,
        "changes": changes,
        "problems": document.get("problems", []),
    }
