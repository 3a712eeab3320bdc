"""Forms for people and sessions, of the management API and of the console alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from identity.people_query import PEOPLE_SORTS
from identity.people_search import MAX_SEARCH
from identity.person_fields import FieldInvalid, clean_field
from identity.profile import FIELD_LIMITS, MAX_SUBJECT_OCTETS
from tenants.schema_fields import MAX_REASON, Flag, Strict, row_id, text
from tenants.schemas import PageQuery

MAX_TYPED = 1_000
"""Characters of a field as it is sent, blanks around it included; what counts is judged without them."""


class PersonText(fields.String):
    """A field of a person, by the rules that CSV files are judged by as well."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(metadata={"maxLength": FIELD_LIMITS[name]}, **options)
        self.of = name

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs)
        if len(given) > MAX_TYPED:
            raise ma.ValidationError(f"It has more than {MAX_TYPED:,} characters.")
        try:
            return clean_field(self.of, given)
        except FieldInvalid as error:
            raise ma.ValidationError(str(error)) from None


class PeopleQuery(PageQuery):
    """Which people, and in which order."""

    email = text(254, shortest=0, load_default=None, metadata={"description": "The whole address, in either case."})
    search = text(MAX_SEARCH, shortest=0, load_default=None, metadata={"description": "A part of name, e-mail or username."})
    active = fields.String(validate=validate.OneOf(["true", "false", ""]), load_default=None)
    idp = text(63, shortest=0, load_default=None, metadata={"description": "Label of the identity provider."})
    directory = text(63, shortest=0, load_default=None, metadata={"description": "Label of the directory."})
    signed_in = fields.String(
        validate=validate.OneOf(["true", "false", ""]), load_default=None, metadata={"description": "Whether ever."}
    )
    organisation = text(36, shortest=0, load_default=None, metadata={"description": "Id of theirs; `none`: none."})
    dormant_since = fields.Date(load_default=None, metadata={"description": "Last signed in before this day (UTC), or never."})
    sort = fields.String(validate=validate.OneOf([*PEOPLE_SORTS, ""]), load_default=None)


class PeopleExportQuery(PeopleQuery):
    """Which people to export."""

    class Meta:
        exclude = ("limit", "cursor")


class SessionsQuery(PageQuery):
    """Which open sessions."""

    search = text(MAX_SEARCH, shortest=0, load_default=None, metadata={"description": "A part of the person's name or e-mail."})
    address = text(45, shortest=0, load_default=None, metadata={"description": "The whole IP address."})


class UserCreate(Strict):
    """A person to come: their first sign-in joins them by e-mail or username."""

    email = PersonText("email", required=True)
    username = PersonText("username", allow_none=True)
    first_name = PersonText("first_name", allow_none=True)
    last_name = PersonText("last_name", allow_none=True)
    phone = PersonText("phone", allow_none=True)
    organisation_id = row_id(allow_none=True, metadata={"description": "Null: they belong to the tenant as a whole."})


class UserPatch(Strict):
    """What is left out stays, null empties. `active` false ends all sessions; no sign-in brings the account back."""

    active = Flag()
    organisation_id = row_id(allow_none=True, metadata={"description": "Null: they belong to the tenant as a whole."})
    email = PersonText("email")
    username = PersonText("username", allow_none=True)
    first_name = PersonText("first_name", allow_none=True)
    last_name = PersonText("last_name", allow_none=True)
    phone = PersonText("phone", allow_none=True)

    @ma.validates_schema(skip_on_field_errors=False)
    def _require_something(self, changes: Mapping[str, Any], **_options: Any) -> None:
        if not changes:
            raise ma.ValidationError("Name at least one field to change.")


class Relink(Strict):
    """How a person is known from now on. Without an identity provider or a directory, and a subject: by their next sign-in.

    `next_sign_in`: by their next sign-in through the identity provider that is named; also whoever has a password here.
    """

    reason = text(MAX_REASON, required=True)
    identity_provider = text(63, load_default=None, allow_none=True)
    directory = text(
        63, load_default=None, allow_none=True, metadata={"description": "Instead of an identity provider."}
    )
    subject = text(
        MAX_SUBJECT_OCTETS,
        load_default=None,
        allow_none=True,
        metadata={"description": "As it comes; of a directory the value of its `subject_attribute`."},
    )
    next_sign_in = Flag(load_default=False)

    @ma.validates_schema(skip_on_field_errors=True)
    def _require_short(self, relink: Mapping[str, Any], **_options: Any) -> None:
        if len((relink["subject"] or "").encode()) > MAX_SUBJECT_OCTETS:
            raise ma.ValidationError({"subject": [f"It has more than {MAX_SUBJECT_OCTETS} octets."]})


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
    created_at = fields.DateTime(required=True)
    identity_provider = fields.String(required=True, allow_none=True)
    directory = fields.String(required=True, allow_none=True)
    organisation_id = fields.String(required=True, allow_none=True)
    local_account = fields.Boolean(required=True, metadata={"description": "Whether they have a password of their own here."})


class UserPage(Strict):
    """People in the order asked for."""

    items = fields.List(fields.Nested(UserView), required=True)
    next = fields.String(required=True, allow_none=True)


class SessionView(Strict):
    """An open session. `browser` is `user_agent` in words; `identity_provider` is null for whoever did not come by one.

    `client` is what an application on a person's device calls itself; null for a browser.
    """

    id = fields.String(required=True)
    user_id = fields.String(required=True)
    email = fields.String(required=True)
    browser = fields.String(required=True)
    user_agent = fields.String(required=True)
    client = fields.String(required=True, allow_none=True)
    address = fields.String(required=True)
    way = fields.String(required=True)
    identity_provider = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    seen_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)


class SessionPage(Strict):
    """Open sessions, the one that lasts longest first."""

    items = fields.List(fields.Nested(SessionView), required=True)
    next = fields.String(required=True, allow_none=True)


class AccessEndView(Strict):
    """One switching off. `milliseconds` from when it was asked for until all had ended; `last_seen_at` is to the minute."""

    asked_at = fields.DateTime(required=True)
    ended_at = fields.DateTime(required=True)
    milliseconds = fields.Float(required=True)
    actor = fields.String(required=True)
    last_seen_at = fields.DateTime(required=True, allow_none=True)
    ended = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class AccessEndReport(Strict):
    """When a person's access ended. `accepted_since` and `refused_since` are sign-ins after the last end."""

    active = fields.Boolean(required=True)
    items = fields.List(fields.Nested(AccessEndView), required=True)
    accepted_since = fields.Integer(required=True)
    refused_since = fields.Integer(required=True)


class SessionsEnded(Strict):
    """How many sessions ended."""

    ended = fields.Integer(required=True)
