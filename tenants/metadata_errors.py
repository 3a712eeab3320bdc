"""Why an identity provider's metadata is not taken: one refusal for each stable code, and the limits behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tenants.errors import Refusal

MAX_METADATA_BYTES = 5 * 1024 * 1024
"""The same for metadata that is pasted, fetched and read from a file (requirement M4)."""

MAX_AGGREGATE_BYTES = 32 * 1024 * 1024
"""For a federation's list, where an identity provider may be taken out of one (`allow_aggregate`)."""


class MetadataRefused(Refusal):
    """Metadata that cannot be taken. `cause` is a sentence for the tenant's admins, `detail` has facts for the API."""

    code, status, sentence = "metadata_invalid", 422, "This is not the metadata of a SAML 2.0 identity provider."


class MetadataInvalid(MetadataRefused):
    """It is XML, but not SAML metadata that can be understood."""


class MetadataMalformed(MetadataRefused):
    code, sentence = "metadata_malformed", "This is not well-formed XML. Export the metadata again and save it unchanged."


class MetadataXMLForbidden(MetadataRefused):
    code, sentence = "xml_forbidden", "A DTD, an entity or a processing instruction is never accepted in metadata."


class MetadataIsWebPage(MetadataRefused):
    code = "metadata_web_page"
    sentence = "This is a web page and no metadata. Give the address that shows XML, or the file that was exported."


class MetadataTooLarge(MetadataRefused):
    code, sentence = "too_large", "Metadata may have 5 MiB at most (a federation's list 32 MiB, where that is allowed for it)."


class MetadataOutOfDate(MetadataRefused):
    """detail: valid_until."""

    code, sentence = "metadata_expired", "This metadata has expired by its own word (validUntil). Fetch a fresh copy."


class IdPMissing(MetadataRefused):
    """detail: entity_ids, roles."""

    code, sentence = "idp_missing", "There is no SAML 2.0 identity provider in this metadata."


class EntityIDMissing(MetadataRefused):
    code, sentence = "entity_id_missing", "The identity provider has no entity ID."


class EntityIDInvalid(MetadataRefused):
    """detail: entity_id."""

    code, sentence = "entity_id_invalid", "The entity ID has to be an absolute URI of at most 1024 characters, without blanks."


class EntityChoiceRequired(MetadataRefused):
    """detail: entity_ids (the first ones), count."""

    code, sentence = "entity_choice_required", "Several identity providers are described here. Say which one by its entity ID."


class EntityNotFound(MetadataRefused):
    """detail: entity_id, entity_ids (the first ones), count."""

    code, sentence = "entity_not_found", "The entity ID that was chosen does not occur in this metadata."


class EntityIDDuplicate(MetadataRefused):
    """detail: entity_id."""

    code, sentence = "entity_id_duplicate", "The same entity ID occurs more than once in this metadata."


class EntityIDOwn(MetadataRefused):
    """detail: entity_id."""

    code, sentence = "entity_id_own", "This is our own metadata. What is needed here is the metadata of your identity provider."


class EntityIDChanged(MetadataRefused):
    """detail: entity_id, expected."""

    code, sentence = "entity_id_changed", "The entity ID is another one than the one that was connected."


class EndpointMissing(MetadataRefused):
    """detail: bindings that there are."""

    code, sentence = "endpoint_missing", "The identity provider offers no sign-in by the HTTP-POST or HTTP-Redirect binding."


class EndpointInvalid(MetadataRefused):
    """detail: element, binding, location."""

    code, sentence = "endpoint_invalid", "An address of the identity provider is not a plain http or https URL."


class SigningKeyMissing(MetadataRefused):
    code, sentence = "signing_key_missing", "The metadata has no signing certificate, so nothing could be verified."


class CertificateInvalid(MetadataRefused):
    """detail: position."""

    code, sentence = "certificate_invalid", "A signing certificate is damaged. Export the metadata again and save it unchanged."


class KeyTooWeak(MetadataRefused):
    """detail: certificates."""

    code, sentence = "key_too_weak", "The signing key is too weak: it takes RSA from 2048 bits, or P-256, P-384, P-521."


class KeyNotAllowed(MetadataRefused):
    """detail: certificates."""

    code, sentence = "key_not_allowed", "Signing keys of this kind are not accepted: it takes RSA, or P-256, P-384, P-521."


class MetadataSignatureMissing(MetadataRefused):
    code, sentence = "metadata_signature_missing", "This metadata is not signed, and has to be: a certificate is pinned for it."


class MetadataSignatureInvalid(MetadataRefused):
    code = "metadata_signature_invalid"
    sentence = "The signature of this metadata does not hold by the certificate that is pinned for it."


class SignerInvalid(MetadataRefused):
    """What was given as the certificate to pin; detail: errors, for forms."""

    code = "signer_invalid"
    sentence = "The certificate that metadata has to be signed by cannot be used. Give one certificate as PEM."


class WorkerMissing(MetadataRefused):
    """A federation's list is read by `vestibule worker` alone, and there is none."""

    code, status = "worker_missing", 503
    sentence = "No worker is running that could read a federation's list. Nothing was changed; the operator can start one."


class ReadingGoesOn(MetadataRefused):
    """detail: reading, its id; not a refusal, but no result either."""

    code, status = "reading_goes_on", 202
    heading = "It is still being read"
    sentence = "The list takes longer to read than a request may wait. It is connected when that is done."


class ReadingFailed(MetadataRefused):
    code, sentence = "reading_failed", "The list could not be read to its end. Nothing was changed."


class FetchRefused(MetadataRefused):
    """Metadata that could not be had from where it is said to be. detail: host, stage (dns, connect, tls, http)."""


class URLNotAllowed(FetchRefused):
    code, sentence = "url_not_allowed", "Metadata cannot be read from there. It takes an https URL without a password."


class AddressNotAllowed(FetchRefused):
    """detail: host. The address stays unsaid: it would tell strangers about the operator's network."""

    code, sentence = "address_not_allowed", "This host is in a network that metadata may not be fetched from."


class TooManyRedirects(FetchRefused):
    code, sentence = "too_many_redirects", "The server redirects too often. Give the address that it ends at."


class RedirectNotAllowed(FetchRefused):
    code, sentence = "redirect_not_allowed", "The server redirects to where metadata may not be fetched from."


class FetchTimeout(FetchRefused):
    code, sentence = "fetch_timeout", "The server did not deliver the metadata in time."


class FetchFailed(FetchRefused):
    code, sentence = "fetch_failed", "The metadata could not be fetched."


class HTTPStatus(FetchRefused):
    """detail: status."""

    code, sentence = "http_status", "The server did not answer with metadata but with an error."


def refusal_of(code: str, cause: str, detail: Mapping[str, Any]) -> MetadataRefused:
    """The refusal of that code, as it was raised in another process."""
    return next((form for form in _forms(MetadataRefused) if form.code == code), MetadataRefused)(cause, **detail)


def _forms(refusal: type[MetadataRefused]) -> Iterator[type[MetadataRefused]]:
    for form in refusal.__subclasses__():
        yield form
        yield from _forms(form)
