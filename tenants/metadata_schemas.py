"""Forms of the management API for metadata's versions, what waits, and lists that a worker reads."""

from __future__ import annotations

from marshmallow import fields, validate

from tenants.metadata_models import READING_STATES
from tenants.schema_fields import MAX_REASON, Strict, text

APPROVE, REFUSE = "approve", "refuse"


class MetadataChangeView(Strict):
    """One difference between two versions: a stable word, a label for people, and both values in plain words."""

    kind = fields.String(required=True)
    label = fields.String(required=True)
    before = fields.String(required=True)
    after = fields.String(required=True)


class MetadataVersionView(Strict):
    """Metadata that is or was in force. `changes`: in what was in force before; null where that is not known any more."""

    number = fields.Integer(required=True)
    in_force = fields.Boolean(required=True)
    entity_id = fields.String(required=True, allow_none=True)
    source = fields.String(required=True)
    sha256 = fields.String(required=True)
    at = fields.DateTime(required=True)
    by = fields.String(required=True)
    approved_at = fields.DateTime(required=True, allow_none=True)
    approved_by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    restored = fields.Integer(required=True, allow_none=True)
    changes = fields.List(fields.Nested(MetadataChangeView), required=True, allow_none=True)


class MetadataVersionPage(Strict):
    """Versions, newest first."""

    items = fields.List(fields.Nested(MetadataVersionView), required=True)
    next = fields.String(required=True, allow_none=True)


class PendingDecision(Strict):
    """What becomes of the metadata that waits. `version`: the one that was looked at; another one is not decided about."""

    decision = fields.String(required=True, validate=validate.OneOf((APPROVE, REFUSE)))
    version = text(36, metadata={"description": "`version` of `pending`. Left out: whatever waits now."})
    reason = text(MAX_REASON, metadata={"description": "Kept on record."})


class GoingBack(Strict):
    """Why a former version comes into force again."""

    reason = text(MAX_REASON, load_default=None, metadata={"description": "Kept on record."})


class ReadingView(Strict):
    """A federation's list that a worker reads and saves. `code` and `cause` say why it was refused."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(READING_STATES))
    code = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    created_by = fields.String(required=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
