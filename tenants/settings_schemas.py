"""Forms of the management API for drafts and versions of SAML settings."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from tenants.saml_settings_schemas import SettingsPatch, SettingsView
from tenants.schema_fields import QueryNumber, Strict, Whole, text
from tenants.settings_models import ORIGINS
from tenants.settings_versions import MAX_REASON
from tenants.trust_marks import PARTS

MAX_REVISION = 999_999
REVISION_HELP = "Of the draft as it was seen; 0 where there was none. Where another one is there now: 409 draft_changed."


class DraftPatch(SettingsPatch):
    """SAML settings to change in the draft; what is left out stays."""

    revision = Whole(0, MAX_REVISION, metadata={"description": REVISION_HELP})

    @ma.post_load
    def _apart(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """The revision is no setting."""
        return {"revision": values.pop("revision", None), "patch": values}


class RevisionQuery(Strict):
    """Which draft is meant."""

    revision = QueryNumber(load_default=None, metadata={"description": REVISION_HELP})


class Rebase(Strict):
    """Bring the draft up to date."""

    revision = Whole(0, MAX_REVISION, load_default=None, metadata={"description": REVISION_HELP})


class Promotion(Strict):
    """Put the draft in force. A reason takes the place of a test, and is kept."""

    revision = Whole(0, MAX_REVISION, load_default=None, metadata={"description": REVISION_HELP})
    reason = text(
        MAX_REASON,
        shortest=0,
        allow_none=True,
        load_default=None,
        metadata={"description": "Why it goes without a passing test, or undoes what is in force."},
    )


class Restoring(Strict):
    """Go back to a version."""

    reason = text(MAX_REASON, shortest=0, allow_none=True, load_default=None, metadata={"description": "Kept on record."})


class ChangeView(Strict):
    """One setting that differs."""

    before = fields.Raw(required=True, allow_none=True, data_key="from", attribute="from")
    after = fields.Raw(required=True, allow_none=True, data_key="to", attribute="to")


def changes_field() -> fields.Dict:
    """Setting -> what it was and what it is."""
    return fields.Dict(keys=fields.String(), values=fields.Nested(ChangeView), required=True)


class DraftView(Strict):
    """A draft. `tested`: exactly these settings have passed a test, with metadata and keys as they are now; what became
    another one since is in `changed_since_test`. `outdated`: other settings came into force since the draft was begun."""

    revision = fields.Integer(required=True)
    base = fields.Integer(required=True, allow_none=True)
    outdated = fields.Boolean(required=True)
    tested = fields.Boolean(required=True)
    tested_at = fields.DateTime(required=True, allow_none=True)
    changed_since_test = fields.List(fields.String(validate=validate.OneOf(PARTS)), required=True)
    test_id = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    created_by = fields.String(required=True)
    changed_at = fields.DateTime(required=True)
    changed_by = fields.String(required=True)
    changes = changes_field()
    settings = fields.Nested(SettingsView, required=True)


class VersionView(Strict):
    """Settings that are or were in force, and what they changed in the version before."""

    number = fields.Integer(required=True)
    in_force = fields.Boolean(required=True)
    origin = fields.String(required=True, validate=validate.OneOf(ORIGINS))
    at = fields.DateTime(required=True)
    by = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    restored = fields.Integer(required=True, allow_none=True)
    tested = fields.Boolean(required=True)
    test_id = fields.String(required=True, allow_none=True)
    changes = changes_field()
    settings = fields.Nested(SettingsView, required=True)


class VersionPage(Strict):
    """Versions, newest first."""

    items = fields.List(fields.Nested(VersionView), required=True)
    next = fields.String(required=True, allow_none=True)
