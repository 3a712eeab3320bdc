"""Forms of the management API: what a body may hold, and what an answer holds. Unknown fields are refused.

A schema checks form; whether a value can be taken is for the flows, which the command line uses too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from tenants.administration import MAX_NAME_LENGTH
from tenants.domain_ownership import MAX_EMAIL_DOMAINS
from tenants.json_body import UNUSABLE_TEXT, is_storable
from tenants.models import ACTIVE, STATES, SUSPENDED
from tenants.paging import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT
from tenants.saml_settings import COMPARISONS, DIGEST_METHODS, NAME_ID_FORMATS, PROFILE_FIELDS, SIGNATURE_METHODS

MAX_REASON = 500
IDLE_SECONDS = (300, 30 * 86_400)
ABSOLUTE_SECONDS = (300, 90 * 86_400)


class Flag(fields.Boolean):
    """True or false, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **kwargs))


class Whole(fields.Integer):
    """A whole number as JSON has it."""

    def __init__(self, lowest: int, highest: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(lowest, highest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return int(super()._deserialize(value, attr, data, **kwargs) or 0)


class QueryNumber(fields.Integer):
    """A whole number as a query has it: digits alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch("[0-9]{1,6}", value):
            raise self.make_error("invalid", input=value)
        return int(super()._deserialize(value, attr, data, **kwargs) or 0)


class TextOrList(fields.Field[Any]):
    """One text, or a list of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in texts):
            raise ma.ValidationError("It is a text or a list of texts.")
        return super()._deserialize(value, attr, data, **kwargs)


TEXT_OR_LIST = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


class Strict(ma.Schema):
    """Base of all forms."""

    class Meta:
        unknown = ma.RAISE


def text(longest: int, *, shortest: int = 1, pattern: str | None = None, **kwargs: Any) -> fields.String:
    """A text within bounds."""
    checks: list[Any] = [validate.Length(min=shortest, max=longest), _require_storable]
    if pattern:
        checks.append(validate.Regexp(pattern))
    return fields.String(validate=checks, **kwargs)


def _require_storable(value: str) -> None:
    if not is_storable(value):
        raise ma.ValidationError(UNUSABLE_TEXT)


class PageQuery(Strict):
    """Which page of a list."""

    limit = QueryNumber(
        validate=validate.Range(1, MAX_LIMIT), load_default=DEFAULT_LIMIT, metadata={"description": "How many at most."}
    )
    cursor = text(MAX_CURSOR_LENGTH, load_default=None, metadata={"description": "As `next` of the page before names it."})


class ServiceProviderView(Strict):
    """What a customer's identity provider has to know of us."""

    entity_id = fields.String(required=True)
    metadata_url = fields.String(required=True)
    acs_url = fields.String(required=True)
    slo_url = fields.String(required=True)


class TenantCreate(Strict):
    """A new tenant. The reason says why staff attest the domains."""

    slug = text(63, shortest=3, pattern=r"^[A-Za-z0-9-]+$", required=True)
    name = text(MAX_NAME_LENGTH, required=True)
    email_domains = fields.List(text(253), load_default=list, validate=validate.Length(max=MAX_EMAIL_DOMAINS))
    reason = text(MAX_REASON)


class TenantPatch(Strict):
    """Changes of a tenant. A list of domains replaces the one before. State and slug are for staff."""

    name = text(MAX_NAME_LENGTH)
    slug = text(63, shortest=3, pattern=r"^[A-Za-z0-9-]+$")
    state = fields.String(validate=validate.OneOf((ACTIVE, SUSPENDED)))
    email_domains = fields.List(text(253), validate=validate.Length(max=MAX_EMAIL_DOMAINS))
    reason = text(MAX_REASON)
    brand_colour = text(7, shortest=7, pattern=r"^#[0-9A-Fa-f]{6}$")
    session_idle_seconds = Whole(*IDLE_SECONDS)
    session_absolute_seconds = Whole(*ABSOLUTE_SECONDS)


class TenantView(Strict):
    """A tenant. Domains in `unproven_email_domains` do not count for sign-in yet."""

    slug = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    email_domains = fields.List(fields.String(), required=True)
    unproven_email_domains = fields.List(fields.String(), required=True)
    sp = fields.Nested(ServiceProviderView, required=True)
    brand_colour = fields.String(required=True)
    session_idle_seconds = fields.Integer(required=True)
    session_absolute_seconds = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)


class TenantPage(Strict):
    """Tenants by MyDomain."""

    items = fields.List(fields.Nested(TenantView), required=True)
    next = fields.String(required=True, allow_none=True)


class ProviderPut(Strict):
    """An identity provider, with exactly one of metadata_xml, metadata_url and metadata_path.

    `entity_id` chooses among several in the metadata, and is the only way to another entity ID than the connected one.
    """

    display_name = text(MAX_NAME_LENGTH, required=True)
    metadata_xml = fields.String(metadata={"description": "The document itself. A declared encoding is ignored."})
    metadata_url = text(2000, metadata={"description": "Fetched within the request."})
    metadata_path = text(500, metadata={"description": "A file below the service's METADATA_DIRECTORY."})
    entity_id = text(1024)
    enabled = Flag(metadata={"description": "Left out: stays as it is; a new one is enabled."})


class EndpointView(Strict):
    """Where the identity provider takes requests."""

    binding = fields.String(required=True)
    location = fields.String(required=True)


class CertificateView(Strict):
    """A pinned signing certificate."""

    sha256 = fields.String(required=True)
    not_before = fields.DateTime(required=True)
    not_after = fields.DateTime(required=True)


class WarningView(Strict):
    """Something in the metadata that works and should be mended."""

    code = fields.String(required=True)
    detail = fields.String(required=True)


class SyncView(Strict):
    """How the last fetch went: ok, failed or pending; nothing where there was none."""

    at = fields.DateTime(required=True, allow_none=True)
    result = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True)


class PendingView(Strict):
    """What a sync found and did not take; saving the source again takes it."""

    code = fields.String(required=True)
    at = fields.String(required=True)
    entity_id = fields.String(required=True)
    sso = fields.List(fields.Nested(EndpointView), required=True)


class ProviderView(Strict):
    """An identity provider as it is in force."""

    name = fields.String(required=True)
    display_name = fields.String(required=True)
    entity_id = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    metadata_url = fields.String(required=True, allow_none=True)
    metadata_path = fields.String(required=True, allow_none=True)
    valid_until = fields.DateTime(required=True, allow_none=True)
    sso = fields.List(fields.Nested(EndpointView), required=True)
    signing_certificates = fields.List(fields.Nested(CertificateView), required=True)
    warnings = fields.List(fields.Nested(WarningView), required=True)
    last_sync = fields.Nested(SyncView, required=True)
    pending = fields.Nested(PendingView, required=True, allow_none=True)


class ProviderPage(Strict):
    """A tenant's identity providers by name; never so many that they are paged."""

    items = fields.List(fields.Nested(ProviderView), required=True)
    next = fields.String(required=True, allow_none=True)


class SyncQueued(Strict):
    """The sync is in the queue; `last_sync` of the identity provider tells how it went."""

    status = fields.String(required=True, validate=validate.OneOf(("queued",)))


class AttributeMapForm(Strict):
    """For each field of a profile the attribute that carries it, or several in order of preference."""

    username = TextOrList(metadata=TEXT_OR_LIST)
    email = TextOrList(metadata=TEXT_OR_LIST)
    first_name = TextOrList(metadata=TEXT_OR_LIST)
    last_name = TextOrList(metadata=TEXT_OR_LIST)
    phone = TextOrList(metadata=TEXT_OR_LIST)


class SHA1ExceptionForm(Strict):
    """Leave to sign with SHA-1 until a day, with the reason."""

    until = text(40, required=True, metadata={"description": "ISO 8601"})
    reason = text(MAX_REASON, required=True)


class SettingsPatch(Strict):
    """SAML settings to change; what is left out stays."""

    sign_requests = Flag()
    want_assertions_signed = Flag()
    want_messages_signed = Flag()
    authn_context_class_ref = TextOrList(metadata=TEXT_OR_LIST)
    authn_context_comparison = fields.String(validate=validate.OneOf(COMPARISONS))
    require_authn_context = Flag()
    digest_method = fields.String(validate=validate.OneOf(tuple(DIGEST_METHODS)))
    signature_method = fields.String(validate=validate.OneOf(tuple(SIGNATURE_METHODS)))
    name_id_format = fields.String(validate=validate.OneOf(("", *NAME_ID_FORMATS)))
    name_id_source = text(256)
    attribute_map = fields.Nested(AttributeMapForm)
    profile_update = fields.String(validate=validate.OneOf(("first_login", "every_login")))
    jit_provisioning = Flag()
    allow_idp_initiated = Flag()
    idp_login_url = text(2000, shortest=0)
    request_binding = fields.String(validate=validate.OneOf(("post", "redirect")))
    force_authn = Flag()
    clock_skew_seconds = Whole(0, 300)
    allow_unsigned_cbc = Flag()
    sha1_exception = fields.Nested(SHA1ExceptionForm, allow_none=True)


class SettingsView(Strict):
    """All SAML settings in force, in their full form."""

    sign_requests = fields.Boolean(required=True)
    want_assertions_signed = fields.Boolean(required=True)
    want_messages_signed = fields.Boolean(required=True)
    authn_context_class_ref = fields.List(fields.String(), required=True)
    authn_context_comparison = fields.String(required=True)
    require_authn_context = fields.Boolean(required=True)
    digest_method = fields.String(required=True)
    signature_method = fields.String(required=True)
    name_id_format = fields.String(required=True)
    name_id_source = fields.String(required=True)
    attribute_map = fields.Nested(
        Strict.from_dict({name: fields.List(fields.String(), required=True) for name in PROFILE_FIELDS}, name="AttributeMap"),
        required=True,
    )
    profile_update = fields.String(required=True)
    jit_provisioning = fields.Boolean(required=True)
    allow_idp_initiated = fields.Boolean(required=True)
    idp_login_url = fields.String(required=True)
    request_binding = fields.String(required=True)
    force_authn = fields.Boolean(required=True)
    clock_skew_seconds = fields.Integer(required=True)
    allow_unsigned_cbc = fields.Boolean(required=True)
    sha1_exception = fields.Nested(SHA1ExceptionForm, required=True, allow_none=True)


class EventView(Strict):
    """One audit event."""

    id = fields.String(required=True)
    type = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    at = fields.DateTime(required=True)
    actor = fields.String(required=True)
    detail = fields.Dict(keys=fields.String(), required=True)


class EventPage(Strict):
    """Audit events, newest first."""

    items = fields.List(fields.Nested(EventView), required=True)
    next = fields.String(required=True, allow_none=True)


class Problem(Strict):
    """Why a call was refused (RFC 9457). `code` is stable; `errors` names fields; `facts` are for programs."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), required=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    reference = fields.String(required=True)
