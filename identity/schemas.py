"""Forms of the management API for people and their attempts to sign in."""

from __future__ import annotations

from marshmallow import fields

from tenants.schema_fields import Flag, Strict, text
from tenants.schemas import PageQuery


class PeopleQuery(PageQuery):
    """Which page of people, or the one who has an e-mail address."""

    email = text(254, shortest=0, load_default=None, metadata={"description": "The whole address, in either case."})


class UserPatch(Strict):
    """Switching an account off ends its sessions at once, and no sign-in brings it back."""

    active = Flag(required=True)


class UserView(Strict):
    """A person."""

    id = fields.String(required=True)
    name_id = fields.String(required=True, allow_none=True)
    username = fields.String(required=True, allow_none=True)
    email = fields.String(required=True)
    first_name = fields.String(required=True, allow_none=True)
    last_name = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True)
    last_login_at = fields.DateTime(required=True, allow_none=True)


class UserPage(Strict):
    """People in the order of their coming."""

    items = fields.List(fields.Nested(UserView), required=True)
    next = fields.String(required=True, allow_none=True)


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
