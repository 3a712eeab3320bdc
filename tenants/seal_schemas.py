"""Forms of the management API for seals of audit events."""

from __future__ import annotations

from marshmallow import fields, validate

from tenants.schema_fields import Strict, text
from tenants.sealing.reports import Fault
from tenants.sealing.seals import ANCHOR_CHARACTERS

FAULTS = tuple(fault.value for fault in Fault)


class SealView(Strict):
    """A seal. `anchor` names it for those who keep it outside; `key` is the public key of its signature."""

    chain = fields.Integer(required=True)
    number = fields.Integer(required=True)
    previous = fields.String(required=True)
    sealed_at = fields.String(required=True)
    key = fields.String(required=True)
    key_name = fields.String(required=True)
    count = fields.Integer(required=True)
    first_id = fields.String(required=True, allow_none=True)
    last_id = fields.String(required=True, allow_none=True)
    hash = fields.String(required=True)
    signature = fields.String(required=True)
    anchor = fields.String(required=True)


class SealPage(Strict):
    """Seals, newest first; and how many events are in none yet, counted up to 10,000."""

    items = fields.List(fields.Nested(SealView), required=True)
    next = fields.String(required=True, allow_none=True)
    waiting = fields.Integer(required=True)


class VerifyBody(Strict):
    """Where to begin: behind the seal that an anchor names, or at the first one."""

    since = text(ANCHOR_CHARACTERS, shortest=0, load_default=None, allow_none=True)


class FindingView(Strict):
    """What is not as it was. `seal` shows it; an event that no seal holds has none."""

    fault = fields.String(required=True, validate=validate.OneOf(FAULTS))
    seal = fields.Integer(required=True, allow_none=True)
    event = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True)


class VerifyResult(Strict):
    """What was verified. `next` is the `since` of the next part, null at the end; `findings` are the first 100."""

    intact = fields.Boolean(required=True)
    faults = fields.Integer(required=True)
    findings = fields.List(fields.Nested(FindingView), required=True)
    seals = fields.Integer(required=True)
    events = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    removed = fields.Integer(
        required=True, metadata={"description": "Refused attempts that are not kept for longer, as their seals say."}
    )
    anchor = fields.String(required=True, allow_none=True)
    next = fields.String(required=True, allow_none=True)
