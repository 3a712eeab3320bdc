"""Forms of the management API for test sign-ins, and for what will be sent."""

from __future__ import annotations

from marshmallow import fields, validate

from identity.attempt_schemas import CheckView
from identity.trial_models import ACCEPTED, REFUSED
from tenants.schema_fields import Flag, Strict

WORDS = {"true": True, "false": False}


class TrialStart(Strict):
    """What to test, and what is hoped for: a person who is let in, or one who must not be."""

    draft = Flag(load_default=True, metadata={"description": "The draft; otherwise what is in force."})
    expected = fields.String(validate=validate.OneOf((ACCEPTED, REFUSED)), load_default=ACCEPTED)


class TrialPrepared(Strict):
    """A link that begins the test in the browser that opens it, once."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    expires_at = fields.DateTime(required=True)


class TrialAttribute(Strict):
    """An attribute that came, its values masked, and the fields of a profile that it fills."""

    name = fields.String(required=True)
    values = fields.List(fields.String(), required=True)
    fields_ = fields.List(fields.String(), required=True, data_key="fields", attribute="fields")


class TrialView(Strict):
    """A test sign-in. `code` says why the person would be refused; `would` what would become of them otherwise."""

    id = fields.String(required=True)
    draft = fields.Boolean(required=True)
    expected = fields.String(required=True)
    prepared_at = fields.DateTime(required=True)
    prepared_by = fields.String(required=True)
    begun_at = fields.DateTime(required=True, allow_none=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
    passed = fields.Boolean(required=True)
    as_expected = fields.Boolean(required=True)
    code = fields.String(required=True, allow_none=True)
    attempt_id = fields.String(required=True, allow_none=True)
    would = fields.String(required=True, allow_none=True)
    attributes = fields.List(fields.Nested(TrialAttribute), required=True)
    person = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    checks = fields.List(fields.Nested(CheckView), required=True)


class PreviewQuery(Strict):
    """Whose request."""

    draft = fields.String(
        validate=validate.OneOf(tuple(WORDS)), load_default="false", metadata={"description": "Of the draft."}
    )


class PreviewView(Strict):
    """A request as it would go out now. `xml` has line breaks for reading; `sent` is what the browser carries."""

    binding = fields.String(required=True, validate=validate.OneOf(("post", "redirect", "none")))
    location = fields.String(required=True)
    xml = fields.String(required=True)
    sent = fields.String(required=True)
    signed = fields.Boolean(required=True)
    instead = fields.Boolean(required=True)
