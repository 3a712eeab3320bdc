"""Refusals: a stable code, an HTTP status and a sentence for the person; the cause stays private."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Refusal(Exception):
    """Something the service will not do.

    Args:
        cause: for admins and logs, never for the person. Holds no secrets.
        detail: facts for a machine that asked (API), safe to show to whoever may ask.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    sentence: ClassVar[str] = "The request was refused."

    def __init__(self, cause: str = "", **detail: Any) -> None:
        super().__init__(f"{self.code}: {cause}" if cause else self.code)
        self.cause = cause
        self.detail: Mapping[str, Any] = detail


class TenantUnknown(Refusal):
    code, status, sentence = "tenant_unknown", 404, "There is nothing at this address. Check the spelling of the link."


class TenantSuspended(Refusal):
    code, status, sentence = "tenant_suspended", 403, "Sign-in is switched off for this organisation. Please contact support."


class HostInvalid(Refusal):
    code, status, sentence = "request_invalid", 400, "This service does not answer at that address."


class NotFound(Refusal):
    code, status, sentence = "not_found", 404, "There is no such thing, or it is not yours to see."


class Unauthenticated(Refusal):
    code, status, sentence = "unauthenticated", 401, "A valid access token is needed."


class Forbidden(Refusal):
    code, status, sentence = "forbidden", 403, "This access token may not do that."


class RateLimited(Refusal):
    """detail: retry_after, seconds."""

    code, status, sentence = "rate_limited", 429, "That was asked for a moment ago. Please wait a little."


class SlugInvalid(Refusal):
    code, status, sentence = "slug_invalid", 422, "A MyDomain has 3 to 63 of a-z, 0-9 and hyphen, with no hyphen at either end."


class SlugTaken(Refusal):
    code, status, sentence = "slug_taken", 409, "This MyDomain is taken or reserved."


class DomainInvalid(Refusal):
    code, status, sentence = "domain_invalid", 422, "This is not a domain name that people have e-mail at."


class DomainTaken(Refusal):
    code, status, sentence = "domain_taken", 409, "This e-mail domain belongs to another organisation."


class ConflictingState(Refusal):
    code, status, sentence = "state_conflict", 409, "That is not possible in the present state."


class SettingsInvalid(Refusal):
    """detail: errors, field -> sentence."""

    code, status, sentence = "settings_invalid", 422, "These settings cannot be saved."


class IdentityProviderMissing(Refusal):
    code, status = "identity_provider_missing", 409
    sentence = "Sign-in is not set up yet for this organisation. Its administrator has to connect an identity provider."


class MetadataExpired(Refusal):
    code, status = "metadata_expired", 409
    sentence = "The description of your organisation's identity provider has expired. Its administrator has to renew it."


class ServiceUnavailable(Refusal):
    code, status, sentence = "unavailable", 503, "The service cannot answer just now. Please try again in a minute."
