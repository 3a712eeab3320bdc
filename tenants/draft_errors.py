"""Refusals of drafts and versions of SAML settings."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal


class DraftMissing(Refusal):
    code, status, sentence = "draft_missing", 404, "There is no draft of these settings."


class DraftChanged(Refusal):
    """detail: revision (0: the draft is gone), changed_by, changed_at, changes since the revision that was known."""

    code, status = "draft_changed", 409
    heading = "Somebody else was faster"
    sentence = "The draft was changed meanwhile. Nothing of yours was saved; look at what changed and save again."


class DraftUntested(Refusal):
    code, status = "draft_untested", 409
    heading = "This draft has not passed a test"
    sentence = "These settings have not passed a test sign-in. Test them, or give a reason for going without."


class DraftTestOutdated(Refusal):
    """detail: changed, the parts of tenants.trust_marks that are others by now."""

    code, status = "draft_test_outdated", 409
    heading = "The test of this draft counts no more"
    sentence = (
        "Since this draft passed its test, the identity provider's metadata or our own keys became others. Test it again, "
        "or give a reason for going without."
    )


class DraftOutdated(Refusal):
    """detail: base, present (numbers of versions), changes between them."""

    code, status = "draft_outdated", 409
    heading = "Other settings are in force now"
    sentence = (
        "Since this draft was begun, other settings came into force; it would undo them. Bring the draft up to date, "
        "or give a reason for undoing them."
    )


class DraftWithoutChange(ConflictingState):
    sentence = "The draft is the same as what is in force: there is nothing to promote."


class VersionInForce(ConflictingState):
    sentence = "These settings are in force already."
