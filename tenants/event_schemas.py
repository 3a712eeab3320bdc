"""Forms of the management API for audit events."""

from __future__ import annotations

from marshmallow import fields

from tenants.schema_fields import Moment, Strict, text
from tenants.schemas import PageQuery

TYPE = r"^(?:[a-z_]{1,30}(?:\.[a-z_]{1,30})*)?$"
MAX_ACTOR = 200


class EventsQuery(PageQuery):
    """Which audit events."""

    type = text(60, shortest=0, pattern=TYPE, load_default=None, metadata={"description": "For example `sign_in.refused`."})
    actor = text(
        MAX_ACTOR, shortest=0, load_default=None, metadata={"description": "The whole of it, for example a person's id."}
    )
    since = Moment(load_default=None, metadata={"description": "First moment that counts, with its offset from UTC."})
    until = Moment(load_default=None, metadata={"description": "First moment that does not count any more."})


class EventsExportQuery(EventsQuery):
    """Which audit events to export."""

    class Meta:
        exclude = ("limit", "cursor")


class EventView(Strict):
    """One audit event."""

    id = fields.String(required=True)
    type = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    at = fields.DateTime(required=True)
    actor = fields.String(required=True)
    detail = fields.Dict(keys=fields.String(), required=True)


class EventPage(Strict):
    """Audit events, newest first."""

    items = fields.List(fields.Nested(EventView), required=True)
    next = fields.String(required=True, allow_none=True)
