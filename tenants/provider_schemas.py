"""Forms of the management API for identity providers and their SAML settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from tenants.administration import MAX_NAME_LENGTH
from tenants.metadata_schemas import MetadataChangeView
from tenants.metadata_signature import MAX_SIGNER_CHARACTERS
from tenants.refresh.schedule import SYNC_HOURS
from tenants.saml_settings import COMPARISONS, DIGEST_METHODS, NAME_ID_FORMATS, PROFILE_FIELDS, SIGNATURE_METHODS
from tenants.schema_fields import MAX_REASON, TEXT_OR_LIST, Flag, Strict, TextOrList, Whole, text


class ProviderPut(Strict):
    """An identity provider, with exactly one of metadata_xml, metadata_url, metadata_path and metadata_mdq.

    `entity_id` chooses among several in the metadata, and is the only way to another entity ID than the connected one.
    """

    display_name = text(MAX_NAME_LENGTH, required=True)
    metadata_xml = fields.String(metadata={"description": "The document itself. A declared encoding is ignored."})
    metadata_url = text(2000, metadata={"description": "Fetched within the request."})
    metadata_path = text(500, metadata={"description": "A file below the service's METADATA_DIRECTORY."})
    metadata_mdq = text(
        2000, metadata={"description": "Base URL of a metadata query service (MDQ), which is asked for `entity_id` alone."}
    )
    entity_id = text(1024)
    metadata_signing_certificate = fields.String(
        allow_none=True,
        validate=validate.Length(max=MAX_SIGNER_CHARACTERS),
        metadata={"description": "PEM. Metadata has to be signed by it from now on. null: by nobody; left out: as it is."},
    )
    allow_aggregate = Flag(
        metadata={"description": "It may be taken out of a federation's list of up to 32 MiB, which `vestibule worker` reads."}
    )
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


class RefreshPatch(Strict):
    """How often metadata is fetched again."""

    sync_hours = Whole(
        SYNC_HOURS.lowest,
        SYNC_HOURS.highest,
        required=True,
        allow_none=True,
        metadata={"description": f"Hours; null: the service's own interval ({SYNC_HOURS.name})."},
    )


class RefreshView(Strict):
    """How often metadata is fetched again. `next_sync_at` in the past: it is due; null: there is nothing to fetch it from.

    After failures in a row `stage` is where the last one was (dns, connect, tls, http; null: in the document), `cause` how.
    """

    sync_hours = fields.Integer(required=True, allow_none=True)
    effective_hours = fields.Integer(required=True)
    next_sync_at = fields.DateTime(required=True, allow_none=True)
    succeeded_at = fields.DateTime(required=True, allow_none=True)
    failures = fields.Integer(required=True)
    stage = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True, allow_none=True)


class SignerView(Strict):
    """The certificate that metadata has to be signed by."""

    sha256 = fields.String(required=True)
    subject = fields.String(required=True)
    not_before = fields.DateTime(required=True)
    not_after = fields.DateTime(required=True)
    pem = fields.String(required=True)


class PendingView(Strict):
    """What a sync found and did not take: it waits for a decision, or until the source is saved again."""

    code = fields.String(required=True)
    at = fields.String(required=True)
    entity_id = fields.String(required=True)
    sso = fields.List(fields.Nested(EndpointView), required=True)
    version = fields.String(metadata={"description": "What a decision names, so that it is about what was looked at."})
    changes = fields.List(fields.Nested(MetadataChangeView))


class ProviderView(Strict):
    """An identity provider as it is in force."""

    name = fields.String(required=True)
    display_name = fields.String(required=True)
    entity_id = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    metadata_url = fields.String(required=True, allow_none=True)
    metadata_path = fields.String(required=True, allow_none=True)
    metadata_mdq = fields.String(required=True, allow_none=True)
    metadata_signing_certificate = fields.Nested(SignerView, required=True, allow_none=True)
    allow_aggregate = fields.Boolean(required=True)
    valid_until = fields.DateTime(required=True, allow_none=True)
    sso = fields.List(fields.Nested(EndpointView), required=True)
    signing_certificates = fields.List(fields.Nested(CertificateView), required=True)
    warnings = fields.List(fields.Nested(WarningView), required=True)
    last_sync = fields.Nested(SyncView, required=True)
    refresh = fields.Nested(RefreshView, required=True)
    pending = fields.Nested(PendingView, required=True, allow_none=True)


class ProviderPage(Strict):
    """A tenant's identity providers by name; never so many that they are paged."""

    items = fields.List(fields.Nested(ProviderView), required=True)
    next = fields.String(required=True, allow_none=True)


class ReadingGoesOnView(Strict):
    """A federation's list takes longer to read than a request may wait; it is connected when that is done."""

    status = fields.String(required=True, validate=validate.OneOf(("reading",)))
    reading = fields.String(required=True)


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
