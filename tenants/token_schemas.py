"""Forms for tokens of the management API, of the API itself and of the console alike."""

from __future__ import annotations

from marshmallow import fields, validate

from tenants.access_tokens import TENANT_ROLES
from tenants.schema_fields import Strict, text
from tenants.tokens import MAX_LABEL

ROLES = tuple(role.value for role in TENANT_ROLES)


class TokenCreate(Strict):
    """A new token. `expires_in` is a number and a unit: 12h, 30d; a year at most, and no later than the token that asks."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    label = text(MAX_LABEL, required=True)
    expires_in = text(10, pattern=r"^[0-9]{1,6}[smhd]$", required=True)


class TokenInfo(Strict):
    """A token without its secret. `state`: valid, expired or revoked."""

    id = fields.String(required=True)
    role = fields.String(required=True)
    label = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["valid", "expired", "revoked"]))
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)
    revoked_at = fields.DateTime(required=True, allow_none=True)


class TokenMade(TokenInfo):
    """A new token with its secret, `token`, which is shown this once."""

    token = fields.String(required=True)


class TokenPage(Strict):
    """Tokens, newest first."""

    items = fields.List(fields.Nested(TokenInfo), required=True)
    next = fields.String(required=True, allow_none=True)
