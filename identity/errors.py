"""Why somebody is not signed in: the refusals of a sign-in. Codes are an interface: more may come, none is renamed.

Those of signed XML itself stand with its verifier, which metadata goes through as well.

"Identity provider" is said to people as "the system that your organisation signs in with" where there is room for it;
their administrator finds the precise reason in the receipt, by the reference that the page shows.
"""

from __future__ import annotations

from tenants.errors import Refusal, Retry
from tenants.signed_xml.errors import ASK_ADMIN, SignInRefusal

START_AGAIN = Retry("Start again", "/saml/login")
OTHER_ACCOUNT = Retry("Use another account", "/saml/login?other=1")
"""`other` asks the identity provider not to go on with the account that it remembers (SAML Core 3.4.1, ForceAuthn); it is
no refusal where it does, unlike `force`: the other account may have been signed in there for hours."""


class StaleSignIn(SignInRefusal):
    """A sign-in that the person can simply begin again."""

    heading = "Please start again"
    advice = "Start again from here. If it happens every time, give the code and the reference below to your administrator."
    retry = START_AGAIN


class WrongAccount(SignInRefusal):
    """A person whom the identity provider knows, but who may not come in as that person."""

    advice = (
        "If you have more than one account, use the other one. Otherwise your organisation's administrator can mend this: "
        "give them the code and the reference below."
    )
    retry = OTHER_ACCOUNT


class SigningCertificateEnded(SignInRefusal):
    code = "signing_certificate_expired"
    sentence = "The certificate that your identity provider signs with has ended, and your organisation does not accept that."


class RequestInvalid(Refusal):
    code, status = "request_invalid", 400
    heading = "That was not understood"
    sentence = "This is not a request that the service understands."
    advice = "Please start again. If it happens every time, give the code and the reference below to your administrator."
    retry = START_AGAIN


class MethodNotAllowed(Refusal):
    """detail: allow, the methods that there are."""

    code, status = "method_not_allowed", 405
    heading = "This address is not a page"
    sentence = "It only takes messages of another kind, such as the answer of an identity provider."
    advice = "To sign in, start again from here."
    retry = START_AGAIN


class TooLarge(Refusal):
    code, status = "too_large", 413
    heading = "That was too large"
    sentence = "What was sent is larger than the service accepts."
    advice = ASK_ADMIN


class SignatureMissing(SignInRefusal):
    code = "signature_missing"
    sentence = "The message from your identity provider is not signed as agreed."


class DecryptionFailed(SignInRefusal):
    code = "decryption_failed"
    sentence = "The message from your identity provider could not be decrypted."


class StatusNotSuccess(SignInRefusal):
    """detail: status_codes, outermost first; status_message, the identity provider's words (see identity.status_words)."""

    code = "status_not_success"
    sentence = "Your identity provider did not sign you in."
    advice = "You can start again. If it happens every time, give the code and the reference below to your administrator."
    retry = START_AGAIN


class AssertionInvalid(SignInRefusal):
    code = "assertion_invalid"
    sentence = "The message from your identity provider is not complete."


class ConditionNotUnderstood(SignInRefusal):
    code = "condition_not_understood"
    sentence = "Your identity provider set a condition that the service does not know."


class IssuerMismatch(SignInRefusal):
    code = "issuer_mismatch"
    sentence = "The message does not come from your organisation's identity provider."


class DestinationMismatch(SignInRefusal):
    code = "destination_mismatch"
    sentence = "The message from your identity provider was meant for another address."


class RecipientMismatch(SignInRefusal):
    code = "recipient_mismatch"
    sentence = "The message from your identity provider was meant for another recipient."


class AudienceMismatch(SignInRefusal):
    code = "audience_mismatch"
    sentence = "The message from your identity provider was meant for another service."


class InResponseToMismatch(StaleSignIn):
    code = "in_response_to_mismatch"
    sentence = "The answer from your identity provider does not belong to a sign-in that is under way."


class UnsolicitedNotAllowed(StaleSignIn):
    code = "unsolicited_not_allowed"
    sentence = "In your organisation, signing in begins here and not at the identity provider."


class AnswersTest(StaleSignIn):
    """detail: trial_id, the test sign-in that is answered; the route goes on from there."""

    code = "answers_test"
    sentence = "This message answers a test of the settings, which signs nobody in."


class TestLinkInvalid(Refusal):
    code, status = "test_link_invalid", 409
    heading = "This test has been begun already"
    sentence = "The link to a test sign-in works once, for ten minutes."
    advice = "Go back to where you found it and start another test."


class LoginStateLost(StaleSignIn):
    code = "login_state_lost"
    sentence = "This browser began to sign in too long ago, or has forgotten that it did. Nothing is wrong with your account."
    advice = (
        "Start again from here, in one window, and let this site keep cookies. If it happens every time, give the code and "
        "the reference below to your administrator."
    )


class Expired(StaleSignIn):
    code = "expired"
    sentence = "The message from your identity provider came too late."


class NotYetValid(SignInRefusal):
    code = "not_yet_valid"
    sentence = "The message from your identity provider is dated in the future: its clock and ours disagree."


class TimeInvalid(SignInRefusal):
    code = "time_invalid"
    sentence = "The message from your identity provider carries a time that makes no sense."


class Replayed(StaleSignIn):
    code = "replayed"
    sentence = "This sign-in was used already, perhaps by going back or reloading the page."


class SubjectInvalid(SignInRefusal):
    code = "subject_invalid"
    sentence = "Your identity provider did not say in a usable way who you are."


class AuthnContextMismatch(SignInRefusal):
    code = "authn_context_mismatch"
    heading = "Another way to sign in is needed"
    sentence = "You signed in by a method that your organisation does not accept here, for example without a second factor."
    advice = (
        "Sign in once more by another method. If there is none, give the code and the reference below to your administrator."
    )
    retry = Retry("Sign in once more", OTHER_ACCOUNT.path)


class SignInNotFresh(SignInRefusal):
    code = "sign_in_not_fresh"
    heading = "Please sign in afresh"
    sentence = "You were to sign in once more, and your identity provider went on with a sign-in from before."
    advice = (
        "Sign out at your identity provider, then try again from here. If it happens every time, give the code and the "
        "reference below to your administrator."
    )
    retry = Retry("Sign in afresh", "/saml/login?force=1")


class AttributeMissing(SignInRefusal):
    code = "attribute_missing"
    sentence = "Your identity provider did not send everything that is needed about you, such as your e-mail address."


class EmailInvalid(SignInRefusal):
    code = "email_invalid"
    sentence = "The e-mail address that your identity provider sent for you cannot be one."


class EmailDomainNotAllowed(WrongAccount):
    code = "email_domain_not_allowed"
    sentence = "Your e-mail address is not one of this organisation's."


class EmailConflict(WrongAccount):
    code = "email_conflict"
    heading = "Your address belongs to another account"
    sentence = (
        "Your organisation has signed you in, but your e-mail address is in use by another account here, so nothing was "
        "opened. It may be your own, from before: one with a password, or one that came another way."
    )
    advice = (
        "If it is yours, your organisation's administrator can link it to this sign-in: give them the code and the reference "
        "below, then sign in once more. If you meant to use another account, choose that one."
    )


class UserNotProvisioned(WrongAccount):
    code = "user_not_provisioned"
    heading = "You have no account here yet"
    sentence = "Your identity provider knows you, but nobody has made an account for you here."


class UserInactive(WrongAccount):
    code = "user_inactive"
    heading = "Your account is switched off"
    sentence = "Your account here was switched off by an administrator."


class SignInWayNotAllowed(WrongAccount):
    code = "sign_in_way_not_allowed"
    heading = "You sign in another way"
    sentence = "Your organisation has its people sign in another way. Go back to the sign-in page and choose that one."


class RelayStateInvalid(StaleSignIn):
    code, status = "relay_state_invalid", 400
    sentence = "The place to go to after signing in is not one that the service knows."


class LogoutInvalid(Refusal):
    code, status = "logout_invalid", 403
    heading = "This did not sign you out"
    sentence = "A message about signing out could not be confirmed, so nothing was done."
    advice = "Go to the start page: it shows whether you are signed in, and signs you out."
    retry = Retry("Go to the start page", "/")


class NativeRequestInvalid(Refusal):
    code, status = "native_request_invalid", 400
    heading = "The application did not ask properly"
    sentence = "An application asked to be signed in, but not in a way that is safe. Nothing was sent to it."
    advice = "Close this page, and tell whoever makes the application. This service's documentation says how to ask."


class NativeCodeInvalid(Refusal):
    code, status = "native_code_invalid", 400
    heading = "The application could not be signed in"
    sentence = "This code has been used, has expired, or belongs to somebody else."
    advice = "Start again from the application."


class NotSignedIn(Refusal):
    code, status = "unauthenticated", 401
    heading = "You are not signed in"
    sentence = "Nobody is signed in here."
    advice = "Sign in to go on."
    retry = Retry("Sign in", "/")
