"""Forms of the management API for directories (LDAP)."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from tenants.administration import MAX_NAME_LENGTH
from tenants.directories.asking import MAX_PASSWORD
from tenants.directories.errors import Stage
from tenants.directories.filters import MAX_FILTER, MAX_USERNAME
from tenants.directories.records import VERSION_DIGITS
from tenants.directories.settings import (
    MAX_CA_CHARACTERS,
    MAX_DN,
    MAX_SYNC_HOURS,
    MIN_SYNC_HOURS,
    PROFILE_UPDATES,
    SCOPES,
)
from tenants.directories.urls import MAX_URL
from tenants.saml_settings import PROFILE_FIELDS
from tenants.schema_fields import TEXT_OR_LIST, Flag, Strict, TextOrList, Whole, text

_MAP = ma.Schema.from_dict({name: TextOrList(metadata=TEXT_OR_LIST) for name in PROFILE_FIELDS}, name="DirectoryAttributeMap")
_MAP_VIEW = ma.Schema.from_dict(
    {name: fields.List(fields.String(), required=True) for name in PROFILE_FIELDS}, name="DirectoryAttributeMapView"
)


class DirectoryPut(Strict):
    """A directory as a whole: a setting that is left out has its default; a password that is left out stays.

    Whoever changes `urls`, `bind_dn` or `ca_certificates` names the password again, since it goes where they say.
    """

    display_name = text(MAX_NAME_LENGTH, required=True)
    enabled = Flag(load_default=True)
    password = fields.String(
        validate=validate.Length(max=MAX_PASSWORD),
        metadata={"description": "Of the bind DN. Kept sealed, never shown.", "writeOnly": True},
    )
    organisation_id = text(36, allow_none=True, load_default=None, metadata={"description": "Where its people belong."})
    urls = fields.List(
        text(MAX_URL), required=True, metadata={"description": "ldaps://, or ldap:// which means StartTLS; tried in order."}
    )
    ca_certificates = text(MAX_CA_CHARACTERS, shortest=0, metadata={"description": 'PEM; "": the system\'s authorities.'})
    bind_dn = text(MAX_DN, shortest=0)
    base_dn = text(MAX_DN, required=True)
    user_filter = text(MAX_FILTER, metadata={"description": "`{username}` stands for what somebody typed, escaped."})
    scope = fields.String(validate=validate.OneOf(SCOPES))
    subject_attribute = text(200)
    attribute_map = fields.Nested(_MAP)
    group_attribute = text(200, shortest=0)
    group_base_dn = text(MAX_DN, shortest=0)
    group_filter = text(MAX_FILTER, shortest=0, metadata={"description": "`{dn}` stands for a person's own name."})
    rule_attributes = fields.List(
        text(200), metadata={"description": "Read besides, so that rules can be tried on them before they ask for them."}
    )
    disabled_filter = text(MAX_FILTER, shortest=0)
    sync_filter = text(MAX_FILTER, shortest=0)
    sync_hours = Whole(MIN_SYNC_HOURS, MAX_SYNC_HOURS, allow_none=True)
    max_gone_percent = Whole(0, 100)
    jit_provisioning = Flag()
    profile_update = fields.String(validate=validate.OneOf(PROFILE_UPDATES))
    version = text(
        VERSION_DIGITS, metadata={"description": "As it was shown: refused with 409 where somebody has changed it since."}
    )


class DirectorySyncView(Strict):
    """How the last sync went: ok, failed or held; nothing where there was none."""

    at = fields.DateTime(required=True, allow_none=True)
    result = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)
    stage = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True, allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, allow_none=True)
    last_success_at = fields.DateTime(required=True, allow_none=True)
    next_at = fields.DateTime(required=True, allow_none=True)


class DirectoryView(Strict):
    """A directory; never the password. `supported`: this service has what it takes to ask it."""

    name = fields.String(required=True)
    display_name = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    supported = fields.Boolean(required=True)
    has_password = fields.Boolean(required=True)
    organisation_id = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    version = fields.String(required=True)
    last_sync = fields.Nested(DirectorySyncView, required=True)
    urls = fields.List(fields.String(), required=True)
    ca_certificates = fields.String(required=True)
    bind_dn = fields.String(required=True)
    base_dn = fields.String(required=True)
    user_filter = fields.String(required=True)
    scope = fields.String(required=True)
    subject_attribute = fields.String(required=True)
    attribute_map = fields.Nested(_MAP_VIEW, required=True)
    group_attribute = fields.String(required=True)
    group_base_dn = fields.String(required=True)
    group_filter = fields.String(required=True)
    rule_attributes = fields.List(fields.String(), required=True)
    disabled_filter = fields.String(required=True)
    sync_filter = fields.String(required=True)
    sync_hours = fields.Integer(required=True, allow_none=True)
    max_gone_percent = fields.Integer(required=True)
    jit_provisioning = fields.Boolean(required=True)
    profile_update = fields.String(required=True)


class DirectoryPage(Strict):
    """A tenant's directories by label."""

    items = fields.List(fields.Nested(DirectoryView), required=True)
    next = fields.String(required=True, allow_none=True)


class DirectoryTest(Strict):
    """Whom to look for; without it, for some of all."""

    username = text(MAX_USERNAME, shortest=0, load_default="")


class DirectoryStepView(Strict):
    """One stage of a test. `passed` null: it was not come to."""

    stage = fields.String(required=True, validate=validate.OneOf([stage.value for stage in Stage]))
    passed = fields.Boolean(required=True, allow_none=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)


class DirectorySampleView(Strict):
    """What would be taken of an entry."""

    dn = fields.String(required=True)
    subject = fields.String(required=True, allow_none=True)
    profile = fields.Dict(keys=fields.String(), values=fields.String(allow_none=True), required=True)
    attributes = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)


class DirectoryTestView(Strict):
    """How a test went, stage by stage."""

    passed = fields.Boolean(required=True)
    steps = fields.List(fields.Nested(DirectoryStepView), required=True)
    samples = fields.List(fields.Nested(DirectorySampleView), required=True)


class DirectorySyncQueued(Strict):
    """The sync waits to be done; how it went is read in `last_sync`."""

    status = fields.String(required=True, validate=validate.OneOf(("queued",)))
