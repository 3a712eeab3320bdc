"""Forms of roles in a tenant's console."""

from __future__ import annotations

from marshmallow import fields, validate

from tenants.roles import Role
from tenants.schema_fields import Strict, text

MAX_ATTRIBUTE = 256
_ROLES = validate.OneOf([role.value for role in Role if role.of_one_tenant])


class GrantCreate(Strict):
    """Somebody who is named for a role, by e-mail address."""

    email = text(254, required=True)
    role = fields.String(required=True, validate=_ROLES)


class GrantPatch(Strict):
    """Another role for the same person."""

    role = fields.String(required=True, validate=_ROLES)


class GrantView(Strict):
    """Somebody who was named for a role."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.String(required=True)
    granted_by = fields.String(required=True)
    granted_at = fields.DateTime(required=True)


class GrantPage(Strict):
    """Grants in the order of their making."""

    items = fields.List(fields.Nested(GrantView), required=True)
    next = fields.String(required=True, allow_none=True)


class RuleCreate(Strict):
    """A role for everybody whose attribute has this value at sign-in. Names and values are compared exactly."""

    idp = text(63, required=True, metadata={"description": "Name of the identity provider."})
    attribute = text(MAX_ATTRIBUTE, required=True, metadata={"description": "As it comes on the wire."})
    value = text(MAX_ATTRIBUTE, required=True)
    role = fields.String(required=True, validate=_ROLES)


class RuleView(Strict):
    """A rule."""

    id = fields.String(required=True)
    idp = fields.String(required=True)
    attribute = fields.String(required=True)
    value = fields.String(required=True)
    role = fields.String(required=True)
    created_by = fields.String(required=True)
    created_at = fields.DateTime(required=True)


class RulePage(Strict):
    """Rules in the order of their making."""

    items = fields.List(fields.Nested(RuleView), required=True)
    next = fields.String(required=True, allow_none=True)
