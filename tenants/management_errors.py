"""Refusals of management: what API and command line will not do, in words for whoever administers."""

from __future__ import annotations

from enum import StrEnum

from tenants.errors import ConflictingState, RateLimited, Refusal


class FieldsInvalid(Refusal):
    """detail: errors, field -> sentences."""

    code, status = "validation_failed", 422
    sentence = "Some of what was sent cannot be accepted; `errors` says what and why."


class BodyMalformed(Refusal):
    code, status, sentence = "body_malformed", 400, "The body is not JSON that can be read."


class MediaTypeUnsupported(Refusal):
    code, status, sentence = "media_type_unsupported", 415, "The body has to be JSON: Content-Type: application/json."


class BodyTooLarge(Refusal):
    code, status, sentence = "too_large", 413, "The body is larger than 6 MiB."


class NameInvalid(Refusal):
    code, status, sentence = "name_invalid", 422, "A name has 1 to 63 of a-z, 0-9 and hyphen, with no hyphen at either end."


class EntityIDTaken(Refusal):
    """detail: entity_id."""

    code, status, sentence = "entity_id_duplicate", 422, "Another identity provider of this organisation has this entity ID."


class CursorInvalid(Refusal):
    code, status, sentence = "cursor_invalid", 422, "This cursor does not belong to this list. Start again without one."


class DurationInvalid(Refusal):
    code, status = "duration_invalid", 422
    sentence = "A time is a number and a unit, such as 45s, 90m, 12h or 30d; ten years at most."


class TokenScopeInvalid(Refusal):
    code, status = "token_scope_invalid", 422
    sentence = "Tokens of admin and viewer belong to one tenant (--tenant); those of staff and support to none."


class MethodUnsupported(Refusal):
    code, status, sentence = "method_not_allowed", 405, "This address does not take that method."


class ProviderChanged(Refusal):
    """detail: version, the present one; None where the identity provider is gone."""

    code, status = "identity_provider_changed", 409
    heading = "Somebody else changed this"
    sentence = "The identity provider is not as it was shown: somebody has changed it meanwhile. Nothing of yours was saved."
    advice = "Load it again, and make your change to what is there now."


class TooManyProviders(Refusal):
    code, status = "too_many", 409
    sentence = "There are as many identity providers as an organisation may have, or may connect in a day. Remove one, or wait."


class NotSyncing(RateLimited):
    """detail: retry_after, seconds; may_at, when it may."""

    sentence = "not syncing at this moment: rate limited"


class NothingToFetch(ConflictingState):
    sentence = "The metadata of this identity provider does not come from a URL; save it again instead."


class PasskeysEnd(Refusal):
    """detail: people, how many have passkeys; errors, `slug` -> the same in words."""

    code, status = "passkeys_end", 409
    sentence = "Passkeys belong to the present address and do not work at another one. Where that is meant, say so (`anyway`)."

    def __init__(self, people: int) -> None:
        who = "1 person has a passkey" if people == 1 else f"{people} people have passkeys"
        words = f"{who} for the present address, of no use at another one."
        super().__init__("passkeys belong to a host", people=people, errors={"slug": [words]})


class LogoFault(StrEnum):
    """What is wrong with a file that was to be a logo, in the words that whoever chose it reads."""

    EMPTY = "The file is empty. Choose a PNG, JPEG or WebP picture."
    TOO_LARGE = "The file is larger than 256 KiB. Save the logo smaller: it is shown 44 pixels high."
    OTHER_FORMAT = "This is no PNG, JPEG or WebP picture, whatever it is called. Save the logo as PNG."
    DRAWING = "An SVG is a document that can hold scripts, so it is not taken. Export the logo as PNG."
    TOO_MANY_PIXELS = "The picture has more than 4 million pixels (2048 by 2048). Save the logo smaller."
    TOO_MANY_SCANS = "This JPEG is built of too many passes to be decoded. Save the logo as PNG."
    DAMAGED = "The picture is damaged or cut off. Open it in an image editor and save it again."
    MORE_BEHIND = "There is something else behind the picture in this file. Open it in an image editor and save it as PNG."
    INVISIBLE = "There is nothing to see: every pixel of the picture is transparent."


class LogoInvalid(Refusal):
    """detail: errors, `logo` -> what is wrong with this file."""

    code, status = "logo_invalid", 422
    heading = "This picture cannot be the logo"
    sentence = "This file cannot be used as a logo; `errors` says why."

    def __init__(self, fault: LogoFault, cause: str) -> None:
        super().__init__(cause, errors={"logo": [fault.value]})
        self.fault = fault


class GrantExists(Refusal):
    code, status, sentence = "grant_exists", 409, "This address has a role in the console already; change that one."


class RuleExists(Refusal):
    code, status, sentence = "rule_exists", 409, "There is a rule for this attribute and value already."


class TokenOutlivesMaker(Refusal):
    """detail: not_after."""

    code, status = "lifetime_too_long", 422
    sentence = "A token that another one makes ends no later than that one. Make it at the console, or make it shorter."


class TooManyTokens(Refusal):
    code, status, sentence = "too_many", 409, "There are as many valid tokens as an organisation may have. Revoke one first."


class TooManyRoles(Refusal):
    code, status, sentence = "too_many", 409, "There are as many of these as an organisation may have. Remove one first."
