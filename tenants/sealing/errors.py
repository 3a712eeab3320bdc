"""Refusals about seals."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal


class AnchorInvalid(Refusal):
    """A text that is no anchor, or one of another chain."""

    code, status = "anchor_invalid", 422
    sentence = "This is not an anchor of this audit log. An anchor looks like v1_1_128_ and 64 hexadecimal digits."


class NothingToAdopt(ConflictingState):
    sentence = "There is nothing to adopt: this chain can go on as it is."


class ChainBroken(Exception):
    """The newest seal is none of ours: nothing is put on top of it, or what was changed would look genuine."""
