"""Refusals of management: what API and command line will not do, in words for whoever administers."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal


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


class NothingToFetch(ConflictingState):
    sentence = "The metadata of this identity provider does not come from a URL; save it again instead."
