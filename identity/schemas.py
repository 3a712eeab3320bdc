"""Forms of the management API for people and their attempts to sign in."""

from __future__ import annotations

from marshmallow import fields

from tenants.schema_fields import Strict


class AttemptView(Strict):
    """An attempt to sign in. `code` says why it was refused; nothing where it was not."""

    id = fields.String(required=True)
    at = fields.DateTime(required=True)
    reference = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True)
    idp = fields.String(required=True, allow_none=True)
    user_id = fields.String(required=True, allow_none=True)


class CheckView(Strict):
    """One check that was made, in order; the last one may have failed."""

    id = fields.String(required=True)
    claim = fields.String(required=True)
    section = fields.String(required=True)
    code = fields.String(required=True)
    passed = fields.Boolean(required=True)
    expected = fields.String(required=True)
    actual = fields.String(required=True)


class ReceiptView(AttemptView):
    """An attempt with its receipt: every check, what is known besides, and the message with personal values masked."""

    checks = fields.List(fields.Nested(CheckView), required=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    xml = fields.String(required=True)


class AttemptPage(Strict):
    """Attempts, newest first."""

    items = fields.List(fields.Nested(AttemptView), required=True)
    next = fields.String(required=True, allow_none=True)
