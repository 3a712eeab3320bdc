"""Refusals of set-up links and onboarding."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal


class SetupLinkInvalid(Refusal):
    """An unknown link, one of another tenant, or none: all are the same."""

    code, status = "setup_link_invalid", 404
    heading = "This set-up link does not work"
    sentence = "The address is not one of ours, or not whole any more."
    advice = "Open the link from the message that you got, or ask whoever sent it for a new one."


class SetupLinkExpired(SetupLinkInvalid):
    status = 410
    heading = "This set-up link has expired"
    sentence = "Set-up links hold for a limited time, and this one is over. Nothing that was set up is lost."
    advice = "Ask whoever sent it for a new one; you go on where you were."


class SetupLinkRevoked(SetupLinkInvalid):
    status = 410
    heading = "This set-up link was withdrawn"
    sentence = "Whoever sent the link has withdrawn it. Nothing that was set up is lost."
    advice = "Ask them for a new one, if you are still to go on."


class SetupLinkDone(SetupLinkInvalid):
    status = 410
    heading = "Sign-in is set up already"
    sentence = "This link has done its work: people of your organisation can sign in."
    advice = "To change something, sign in as an administrator, or ask whoever sent you the link."


class SetupLinkClaimed(Refusal):
    """detail: email, masked."""

    code, status = "setup_link_claimed", 403
    heading = "This set-up link is in use in another browser"
    sentence = "A set-up link works in the one browser that it was started in."
    advice = "Go on there. If that is not possible, whoever sent the link can release it, and then it starts here."


class SetupNotStarted(Refusal):
    code, status = "setup_not_started", 403
    heading = "Open your set-up link first"
    sentence = "This page belongs to a set-up link that was started in another browser, or that is over."
    advice = "Open the link from the message that you got, or ask whoever sent it for a new one."


class StepsMissing(ConflictingState):
    """detail: missing, names of the steps."""

    heading = "Something is still to be done"
    sentence = "Sign-in cannot be activated before every step that it needs is done."


class OnboardingFinished(ConflictingState):
    heading = "Sign-in is set up already"
    sentence = "This organisation's onboarding is over, so there is nothing that a set-up link could do."
