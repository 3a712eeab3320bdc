"""Forms for local accounts and break-glass, of the management API and its document."""

from __future__ import annotations

from marshmallow import fields, validate

from identity.local_accounts.models import PURPOSES
from identity.local_sign_in.break_glass import MAX_REASON, MIN_REASON
from tenants.schema_fields import Flag, Strict, text


class LinkAsked(Strict):
    """How a link goes to its person."""

    show = Flag(
        load_default=False,
        metadata={"description": "Give the link and send no mail. Where mail is set up, for staff alone."},
    )


class LinkView(Strict):
    """A link that was made. `url` is null where it went by mail, `mailed_to` where it did not."""

    purpose = fields.String(required=True, validate=validate.OneOf(PURPOSES))
    expires_at = fields.DateTime(required=True)
    mailed_to = fields.String(required=True, allow_none=True)
    url = fields.String(required=True, allow_none=True)


class LocalPasskeyView(Strict):
    """A passkey."""

    id = fields.String(required=True)
    label = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    last_used_at = fields.DateTime(required=True, allow_none=True)


class LocalAccountView(Strict):
    """A person's local account; never its secrets."""

    state = fields.String(required=True, validate=validate.OneOf(["active", "invited", "invitation_over"]))
    password_set_at = fields.DateTime(required=True, allow_none=True)
    has_app = fields.Boolean(required=True)
    passkeys = fields.List(fields.Nested(LocalPasskeyView), required=True)
    recovery_codes_left = fields.Integer(required=True)
    break_glass = fields.Boolean(required=True)
    invited_until = fields.DateTime(required=True, allow_none=True)
    last_sign_in_at = fields.DateTime(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    created_by = fields.String(required=True)


class LocalAccountGiven(Strict):
    """The account, and the invitation where it is new."""

    account = fields.Nested(LocalAccountView, required=True)
    link = fields.Nested(LinkView, required=True, allow_none=True)


class BreakGlassPut(Strict):
    """Why somebody is named."""

    reason = text(MAX_REASON, shortest=MIN_REASON, required=True)


class BreakGlassAdminView(Strict):
    """A break-glass administrator. `has_password` and `has_app`: whether they would get in."""

    user_id = fields.String(required=True)
    email = fields.String(required=True)
    active = fields.Boolean(required=True)
    reason = fields.String(required=True)
    named_by = fields.String(required=True)
    named_at = fields.DateTime(required=True)
    has_password = fields.Boolean(required=True)
    has_app = fields.Boolean(required=True)
    last_sign_in_at = fields.DateTime(required=True, allow_none=True)


class BreakGlassUseView(Strict):
    """One time that somebody came in so. `seen_by`: who has acknowledged it."""

    id = fields.String(required=True)
    user_id = fields.String(required=True)
    email = fields.String(required=True)
    session_id = fields.String(required=True)
    reason = fields.String(required=True)
    user_agent = fields.String(required=True)
    address = fields.String(required=True)
    at = fields.DateTime(required=True)
    seen_by = fields.String(required=True, allow_none=True)
    seen_at = fields.DateTime(required=True, allow_none=True)


class BreakGlassView(Strict):
    """Who may come in so, and the latest times that somebody did."""

    admins = fields.List(fields.Nested(BreakGlassAdminView), required=True)
    uses = fields.List(fields.Nested(BreakGlassUseView), required=True)
