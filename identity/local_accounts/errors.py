"""Refusals of local accounts. What a stranger reads never tells who exists."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal, Retry

DO_NOT_FIT = "This name and this password do not belong together."
SIGN_IN = Retry("Go to sign-in", "/")


class LocalSignInFailed(Refusal):
    """The same for an unknown name, a wrong password and an account that waits for its invitation.

    detail: errors, field -> sentences; user, whose account was tried, for the record alone.
    """

    code, status = "sign_in_failed", 403
    heading = "You could not be signed in"
    sentence = "That was not right. Check what you typed and try again."
    retry = SIGN_IN


class LocalSignInLost(Refusal):
    code, status = "sign_in_lost", 403
    heading = "Please start again"
    sentence = "This sign-in was begun too long ago, in another browser, or was finished already."
    advice = "Start again, in one window, and let this site keep cookies."
    retry = SIGN_IN


class SecondFactorMissing(Refusal):
    code, status = "second_factor_missing", 403
    heading = "A second factor is needed"
    sentence = "Your password was right, but this account has no second factor yet, and it needs one."
    advice = "Choose “Forgotten your password?” on the sign-in page: the link that comes by mail sets up both."
    retry = SIGN_IN


class LocalLinkInvalid(Refusal):
    code, status = "link_invalid", 404
    heading = "This link cannot be used any more"
    sentence = "A link that sets a password works once: an invitation for 7 days, any other for 30 minutes."
    advice = "Ask for another one: on the sign-in page, or from your administrator."
    retry = SIGN_IN


class OwnFormsOnly(Refusal):
    code, status = "csrf_failed", 400
    heading = "This form cannot be used"
    sentence = "The form came from another page. Nothing was changed."
    advice = "Go back, load the page again and repeat what you did."


class LocalAccountMissing(ConflictingState):
    sentence = "This person has no local account. Give them one first."


class LastLocalFactor(ConflictingState):
    sentence = "This is the only second factor of an account that needs one. Add another one first."


class OwnUse(ConflictingState):
    sentence = "Somebody else has to say that it is in order: you came in that time."


class MailDomainNotProven(ConflictingState):
    sentence = "Mail goes to the organisation's proven e-mail domains alone, and this person's address is at none of them."


class LinkNotShown(ConflictingState):
    sentence = "Links go by mail here: whoever could read one could take the account over. Staff may print one."
