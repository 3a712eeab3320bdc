"""Forms of the management API for e-mail domains."""

from __future__ import annotations

from marshmallow import fields, validate

from tenants.schema_fields import MAX_REASON, Strict, text


class DomainAdd(Strict):
    """A domain that is to be proven."""

    domain = text(253, required=True)


class DomainAttest(Strict):
    """Staff's word, with the reason, which is kept."""

    reason = text(MAX_REASON, required=True)


class ChallengeView(Strict):
    """The TXT record that proves the domain."""

    type = fields.String(required=True, validate=validate.OneOf(("TXT",)))
    name = fields.String(required=True)
    value = fields.String(required=True)


class DomainView(Strict):
    """An e-mail domain. One that is `waiting` does not count for sign-in; `last_check` is the code of the last look-up."""

    domain = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("proven", "waiting")))
    proof = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    proven_at = fields.DateTime(required=True, allow_none=True)
    record = fields.Nested(ChallengeView, required=True, allow_none=True)
    checked_at = fields.DateTime(required=True, allow_none=True)
    last_check = fields.String(required=True, allow_none=True)


class DomainPage(Strict):
    """A tenant's e-mail domains in order."""

    items = fields.List(fields.Nested(DomainView), required=True)
    next = fields.String(required=True, allow_none=True)
