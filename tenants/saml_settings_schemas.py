"""Forms of the management API for SAML settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from tenants.saml_choices import COMPARISONS, DIGEST_METHODS, NAME_ID_FORMATS, SIGNATURE_METHODS
from tenants.saml_settings import PROFILE_FIELDS
from tenants.schema_fields import MAX_REASON, TEXT_OR_LIST, Flag, Strict, TextOrList, Whole, text


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
    """SAML settings to change; what is left out stays. Warnings, which are only read, may come back with the rest."""

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
    login_hint_parameter = text(64, shortest=0)
    force_authn = Flag()
    single_logout = Flag()
    clock_skew_seconds = Whole(0, 300)
    allow_unsigned_cbc = Flag()
    refuse_expired_certificates = Flag()
    sha1_exception = fields.Nested(SHA1ExceptionForm, allow_none=True)

    @ma.pre_load
    def _without_warnings(self, document: Any, **_options: Any) -> Any:
        """What GET answers may be given back as it is; what follows from the settings is no setting."""
        if isinstance(document, Mapping):
            return {name: value for name, value in document.items() if name != "warnings"}
        return document


class SettingsWarningView(Strict):
    """A setting that may be saved and should be looked at twice."""

    field = fields.String(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)


class SettingsView(Strict):
    """All SAML settings, in their full form, and what is odd about them."""

    sign_requests = fields.Boolean(required=True)
    want_assertions_signed = fields.Boolean(required=True)
    want_messages_signed = fields.Boolean(required=True)
    authn_context_class_ref = TextOrList(metadata=TEXT_OR_LIST, required=True)
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
    login_hint_parameter = fields.String(required=True)
    force_authn = fields.Boolean(required=True)
    single_logout = fields.Boolean(required=True)
    clock_skew_seconds = fields.Integer(required=True)
    allow_unsigned_cbc = fields.Boolean(required=True)
    refuse_expired_certificates = fields.Boolean(required=True)
    sha1_exception = fields.Nested(SHA1ExceptionForm, required=True, allow_none=True)
    warnings = fields.List(fields.Nested(SettingsWarningView), required=True)
