"""Refusals at the console's door and of managing who comes in. What a stranger reads never tells who exists."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal, Retry

SIGN_IN = Retry("Go to sign-in", "/admin/sign-in")


class SignInAgain(Refusal):
    code, status = "sign_in_again", 403
    heading = "Please sign in once more"
    sentence = (
        "This reaches far, so being signed in is not enough: prove once more that it is you. That holds for 15 minutes. "
        "Nothing was changed."
    )
    advice = "Sign in again and repeat what you did."
    retry = Retry("Sign in again", "/admin/sign-in?again=1")


class StaffSignInFailed(Refusal):
    """The same for an unknown address, a wrong password, a switched-off account and one that waits for its invitation.

    detail: errors, field -> sentences.
    """

    code, status = "sign_in_failed", 403
    heading = "You could not be signed in"
    sentence = "That was not right. Check what you typed and try again."
    retry = SIGN_IN


class StaffSignInLost(Refusal):
    code, status = "sign_in_lost", 403
    heading = "Please start again"
    sentence = "This sign-in was begun too long ago, in another browser, or was finished already."
    advice = "Start again, in one window, and let this site keep cookies."
    retry = SIGN_IN


class StaffUnknown(Refusal):
    code, status = "staff_unknown", 403
    heading = "You have no account in this console"
    sentence = "Your organisation knows you, but there is no active staff account with your e-mail address."
    advice = "Ask a staff owner to invite you, then sign in again."
    retry = SIGN_IN


class StaffSSOUnavailable(Refusal):
    code, status = "staff_sso_unavailable", 404
    heading = "There is no such page"
    sentence = "Signing in to the console through an organisation is not set up here."
    retry = SIGN_IN


class InvitationInvalid(Refusal):
    code, status = "invitation_invalid", 404
    heading = "This link cannot be used any more"
    sentence = "An invitation works once and for 24 hours."
    advice = "Ask the colleague who sent it for a new one, or sign in if you have followed it before."
    retry = SIGN_IN


class StaffExists(Refusal):
    code, status, sentence = "staff_exists", 409, "A colleague with this e-mail address has an account already."


class LastOwner(ConflictingState):
    sentence = "This is the last active owner: somebody has to be left who can manage staff."


class LastFactor(ConflictingState):
    sentence = "This is the only second factor of the account. Add another one first."


class EmergencyMakesNoToken(ConflictingState):
    sentence = "Whoever came in by break-glass makes no tokens: they would outlast the emergency. Sign in as usual first."
