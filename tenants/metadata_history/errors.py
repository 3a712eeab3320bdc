"""Refusals of decisions about metadata, and of going back to a former version."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal


class NothingPending(ConflictingState):
    sentence = "Nothing waits for a decision at this identity provider."


class PendingChanged(Refusal):
    """detail: version, the id of what waits now."""

    code, status = "pending_changed", 409
    heading = "Something else waits by now"
    sentence = "What was decided about is not what waits now. Nothing was changed; look at it and decide again."


class MetadataInForce(ConflictingState):
    sentence = "What this version says is in force already."
