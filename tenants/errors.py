"""Refusals: a stable code, an HTTP status and a sentence for the person; the cause stays private."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Retry:
    """A button that may help. `path` is on the tenant's host; None is the address that was asked for."""

    label: str
    path: str | None = None


RELOAD = Retry("Try again")


class Refusal(Exception):
    """Something the service will not do.

    Args:
        cause: for admins and logs, never for the person. Holds no secrets.
        detail: facts for a machine that asked (API), safe to show to whoever may ask.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    heading: ClassVar[str] = "That was not possible"
    """The first words on the page."""
    sentence: ClassVar[str] = "The request was refused."
    """What happened, for the person; an API's `detail`."""
    advice: ClassVar[str] = ""
    """What can be done now, and by whom."""
    retry: ClassVar[Retry | None] = None

    def __init__(self, cause: str = "", **detail: Any) -> None:
        super().__init__(f"{self.code}: {cause}" if cause else self.code)
        self.cause = cause
        self.detail: Mapping[str, Any] = detail


class TenantUnknown(Refusal):
    code, status = "tenant_unknown", 404
    heading = "There is nothing at this address"
    sentence = "No page can be reached here."
    advice = "Check the spelling of the address, or follow the link that your organisation gave you."


class TenantSuspended(Refusal):
    code, status = "tenant_suspended", 403
    heading = "Sign-in is switched off"
    sentence = "Nobody can sign in to this organisation at present."
    advice = "Your organisation's administrator can ask the provider of the service why, and have it switched on again."


class HostInvalid(Refusal):
    code, status = "request_invalid", 400
    heading = "There is nothing at this address"
    sentence = "This service does not answer at that address."
    advice = "Follow the link that your organisation gave you."


class AddressInvalid(Refusal):
    code, status = "request_invalid", 400
    heading = "There is nothing at this address"
    sentence = "This is not an address that the service understands."
    advice = "Follow the link that your organisation gave you."


class NotFound(Refusal):
    code, status = "not_found", 404
    heading = "There is no such page"
    sentence = "There is nothing at this address, or it is not yours to see."
    advice = "Check the spelling of the address."


class Unauthenticated(Refusal):
    code, status, sentence = "unauthenticated", 401, "A valid access token is needed."


class Forbidden(Refusal):
    code, status, sentence = "forbidden", 403, "This access token may not do that."


class RateLimited(Refusal):
    """detail: retry_after, seconds."""

    code, status = "rate_limited", 429
    heading = "A little too fast"
    sentence = "That was asked for a moment ago. Please wait a little."
    retry = RELOAD


class SlugInvalid(Refusal):
    code, status = "slug_invalid", 422
    sentence = "A MyDomain has 3 to 63 of a-z, 0-9 and hyphen, with no hyphen at either end."


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
    heading = "Sign-in is not set up yet"
    sentence = "This organisation has not connected the system that holds its people's accounts, its identity provider."
    advice = "Your organisation's administrator has to connect it; until then nobody can sign in here."


class IdentityProviderOff(IdentityProviderMissing):
    """There is none to sign in with: what was connected is switched off."""

    heading = "Single sign-on is switched off"
    sentence = "Your organisation's administrators have switched off its identity provider, the system that holds your account."
    advice = "They alone can switch it on again: ask them. Until then nobody can sign in this way."
    retry = Retry("Go to sign-in", "/")


class IdentityProviderElsewhere(IdentityProviderMissing):
    """A link names one that is switched off, or is not there any more, and there are others."""

    heading = "This way to sign in is closed"
    sentence = "The link leads to an identity provider that your organisation has switched off, or does not use any more."
    advice = "Choose another one on the sign-in page. If none of them is yours, your organisation's administrator can help."
    retry = Retry("Go to sign-in", "/")


class MetadataExpired(Refusal):
    code, status = "metadata_expired", 409
    heading = "Sign-in has to be renewed"
    sentence = "The description of your organisation's identity provider, the system that holds your account, has expired."
    advice = "Your organisation's administrator has to renew it; until then nobody can sign in here."


class ServiceUnavailable(Refusal):
    code, status = "unavailable", 503
    heading = "Back in a moment"
    sentence = "The service cannot answer just now. Nothing was changed."
    advice = "Please try again in a minute."
    retry = RELOAD


class RestNotMade(ServiceUnavailable):
    """Console, API, accounts and set-up could not be put together; signing in and out goes on."""

    sentence = "This part of the service cannot answer just now. Signing in and out goes on."


class InternalError(Refusal):
    code, status = "internal_error", 500
    heading = "Something went wrong here"
    sentence = "The service made a mistake. It is not your fault."
    advice = "Please try again. If it happens again, give the reference below to your organisation's administrator."
    retry = RELOAD
