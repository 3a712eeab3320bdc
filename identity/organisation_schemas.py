"""Forms of organisations: what API, console and command line take and show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from identity.organisations.branches import MAX_NAME_LENGTH
from identity.organisations.members import GONE, MAX_MOVED, MOVED, THERE_ALREADY
from tenants.organisations.access import ABSOLUTE_SECONDS, IDLE_SECONDS, MAX_PROVIDER_NAME, WAYS
from tenants.schema_fields import Flag, Strict, Whole, row_id, text
from tenants.schemas import PageQuery

ANYWAY = {"description": "Although people lose the way that they sign in by; a refusal says how many."}
PARENT = {"description": "Id of the organisation above; null is the tenant itself."}


class _Changes(Strict):
    """Something has to be changed."""

    @ma.validates_schema(skip_on_field_errors=False)
    def _require_something(self, changes: Mapping[str, Any], **_options: Any) -> None:
        if not changes.keys() - {"anyway"}:
            raise ma.ValidationError("Name at least one field to change.")


class OrganisationsQuery(PageQuery):
    """Which organisations."""

    parent = text(36, shortest=0, load_default=None, metadata={"description": "Directly below this one; `none`: at the top."})
    search = text(200, shortest=0, load_default=None, metadata={"description": "A part of the name."})


class OrganisationCreate(Strict):
    """A new organisation."""

    name = text(MAX_NAME_LENGTH, required=True)
    parent_id = row_id(load_default=None, allow_none=True, metadata=PARENT)


class OrganisationPatch(_Changes):
    """Another name, another place, or both. Its id stays, and everything below goes with it."""

    name = text(MAX_NAME_LENGTH)
    parent_id = row_id(allow_none=True, metadata=PARENT)
    anyway = Flag(load_default=False, metadata=ANYWAY)


class RemoveQuery(Strict):
    """What becomes of that which is in it."""

    contents = fields.String(
        validate=validate.OneOf(["to_parent", ""]),
        load_default="",
        metadata={"description": "`to_parent` moves people, organisations and identity providers there first."},
    )
    anyway = fields.String(validate=validate.OneOf(["true", "false", ""]), load_default="", metadata=ANYWAY)


class OrganisationView(Strict):
    """An organisation. `path` is its names from the top; `overrides` the settings that it does not inherit."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    parent_id = fields.String(required=True, allow_none=True)
    path = fields.String(required=True)
    depth = fields.Integer(required=True)
    people = fields.Integer(required=True, metadata={"description": "Who belongs to it, without those below it."})
    organisations = fields.Integer(required=True, metadata={"description": "Directly below it."})
    overrides = fields.List(fields.String(), required=True)
    created_at = fields.DateTime(required=True)


class OrganisationPage(Strict):
    """Organisations in the order of their making."""

    items = fields.List(fields.Nested(OrganisationView), required=True)
    next = fields.String(required=True, allow_none=True)


class AccessPatch(_Changes):
    """How people sign in. What is left out stays; null takes overriding back, so that it is inherited again."""

    way = fields.String(validate=validate.OneOf(WAYS), allow_none=True)
    identity_provider = text(63, allow_none=True, metadata={"description": "Name of the one that people have to come by."})
    directory = text(63, allow_none=True, metadata={"description": "Name of the directory that LDAP asks."})
    sso_enabled = Flag(allow_none=True)
    sso_required = Flag(allow_none=True, metadata={"description": "Refuses every other way; needs a passing test sign-in."})
    provider_name = text(MAX_PROVIDER_NAME, allow_none=True, metadata={"description": "What people read on the button."})
    session_idle_seconds = Whole(*IDLE_SECONDS, allow_none=True)
    session_absolute_seconds = Whole(*ABSOLUTE_SECONDS, allow_none=True)
    jit_provisioning = Flag(allow_none=True)
    require_second_factor = Flag(allow_none=True, metadata={"description": "Of local accounts."})
    anyway = Flag(load_default=False, metadata=ANYWAY)


class SourceView(Strict):
    """Who says so. Null id: the tenant."""

    id = fields.String(required=True, allow_none=True)
    path = fields.String(required=True)


class SettingView(Strict):
    """One setting. `own`: said here. `source` null: nobody says anything, and the value is the service's own."""

    value = fields.Raw(required=True, allow_none=True)
    own = fields.Boolean(required=True)
    source = fields.Nested(SourceView, required=True, allow_none=True)


class OutlookView(Strict):
    """What requiring SSO means here and wherever it is inherited from here; people are active ones."""

    people = fields.Integer(required=True)
    never_by_sso = fields.Integer(required=True, metadata={"description": "Who never came by what they would have to come by."})
    tested = fields.Boolean(required=True, metadata={"description": "Whether SSO may be required."})
    untested = fields.List(fields.String(), required=True, metadata={"description": "Identity providers to test."})


class AccessView(Strict):
    """How the people of an organisation, or of the tenant as a whole, sign in."""

    organisation_id = fields.String(required=True, allow_none=True)
    settings = fields.Dict(keys=fields.String(), values=fields.Nested(SettingView), required=True)
    ways = fields.List(fields.String(), required=True, metadata={"description": "Ways in that are open to them."})
    sso = fields.Nested(OutlookView, required=True)
    warnings = fields.List(fields.Dict(keys=fields.String(), values=fields.String()), required=True)


class PeoplePlaced(Strict):
    """People, and where they belong from now on."""

    user_ids = fields.List(row_id(), required=True, validate=validate.Length(1, MAX_MOVED))
    organisation_id = row_id(required=True, allow_none=True, metadata={"description": "Null: to the tenant as a whole."})


class PlacedView(Strict):
    """What became of one of them. `before` is where they belonged; null: to the tenant as a whole."""

    user_id = fields.String(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf([MOVED, THERE_ALREADY, GONE]))
    email = fields.String(required=True)
    before = fields.String(required=True, allow_none=True)
    sessions_ended = fields.Integer(required=True)
    shut_out = fields.Boolean(
        required=True, metadata={"description": "What they are known by is no way to sign in there: give them another one."}
    )


class PeopleMoved(Strict):
    """How many belonged elsewhere before, and what became of each."""

    moved = fields.Integer(required=True)
    people = fields.List(fields.Nested(PlacedView), required=True)
