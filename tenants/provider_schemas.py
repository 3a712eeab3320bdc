"""Forms of the management API for identity providers and their SAML settings."""

from __future__ import annotations

from marshmallow import fields, validate

from tenants.administration import MAX_NAME_LENGTH
from tenants.idp_records import VERSION_DIGITS
from tenants.metadata_schemas import MetadataChangeView
from tenants.metadata_signature import MAX_SIGNER_CHARACTERS
from tenants.refresh.schedule import SYNC_HOURS
from tenants.schema_fields import Flag, Strict, Whole, text


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
    version = text(
        VERSION_DIGITS, metadata={"description": "As it was shown: refused with 409 where somebody has changed it since."}
    )


class ProviderPatch(Strict):
    """What can be changed of an identity provider while its metadata stays as it is."""

    display_name = text(MAX_NAME_LENGTH)
    enabled = Flag(metadata={"description": "Off: nobody signs in by it any more. Sessions go on."})
    version = text(
        VERSION_DIGITS, metadata={"description": "As it was shown: refused with 409 where somebody has changed it since."}
    )


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
    version = fields.String(required=True)
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


