"""Why somebody is not signed in: the refusals of a sign-in. Codes are an interface: more may come, none is renamed."""

from __future__ import annotations

from tenants.errors import Refusal

ASK_ADMIN = "Please tell your organisation's administrator, and give them the code and reference below."


class RequestInvalid(Refusal):
    code, status, sentence = "request_invalid", 400, "This is not a sign-in message that the service understands. Please start again."


class MethodNotAllowed(Refusal):
    code, status, sentence = "method_not_allowed", 405, "This address takes sign-in messages from an identity provider only."


class TooLarge(Refusal):
    code, status, sentence = "too_large", 413, "The message from your identity provider is larger than the service accepts. " + ASK_ADMIN


class ResponseMalformed(Refusal):
    code, status, sentence = "response_malformed", 400, "The message from your identity provider could not be read. " + ASK_ADMIN


class XMLForbidden(Refusal):
    code, status, sentence = "xml_forbidden", 400, "The message from your identity provider contains what is never accepted. " + ASK_ADMIN


class SignatureMissing(Refusal):
    code, status, sentence = "signature_missing", 403, "The message from your identity provider is not signed as agreed. " + ASK_ADMIN


class SignatureInvalid(Refusal):
    code, status = "signature_invalid", 403
    sentence = "The signature on the message from your identity provider could not be confirmed. " + ASK_ADMIN


class AlgorithmNotAllowed(Refusal):
    code, status = "algorithm_not_allowed", 403
    sentence = "Your identity provider signs or encrypts in a way that is not secure enough. " + ASK_ADMIN


class DecryptionFailed(Refusal):
    code, status, sentence = "decryption_failed", 403, "The message from your identity provider could not be decrypted. " + ASK_ADMIN


class StatusNotSuccess(Refusal):
    code, status, sentence = "status_not_success", 403, "Your identity provider did not sign you in. You can try again. If it stays so: " + ASK_ADMIN


class AssertionInvalid(Refusal):
    code, status, sentence = "assertion_invalid", 403, "The message from your identity provider is not complete. " + ASK_ADMIN


class ConditionNotUnderstood(Refusal):
    code, status = "condition_not_understood", 403
    sentence = "Your identity provider set a condition that the service does not know. " + ASK_ADMIN


class IssuerMismatch(Refusal):
    code, status, sentence = "issuer_mismatch", 403, "The message does not come from your organisation's identity provider. " + ASK_ADMIN


class DestinationMismatch(Refusal):
    code, status, sentence = "destination_mismatch", 403, "The message from your identity provider was meant for another address. " + ASK_ADMIN


class RecipientMismatch(Refusal):
    code, status, sentence = "recipient_mismatch", 403, "The message from your identity provider was meant for another recipient. " + ASK_ADMIN


class AudienceMismatch(Refusal):
    code, status, sentence = "audience_mismatch", 403, "The message from your identity provider was meant for another service. " + ASK_ADMIN


class InResponseToMismatch(Refusal):
    code, status, sentence = "in_response_to_mismatch", 403, "This answer does not belong to a sign-in that is under way. Please start again."


class UnsolicitedNotAllowed(Refusal):
    code, status = "unsolicited_not_allowed", 403
    sentence = "Your organisation's sign-in starts here, not at the identity provider. Please start again."


class LoginStateLost(Refusal):
    code, status = "login_state_lost", 403
    sentence = "This browser has lost track of the sign-in that it began, or began it too long ago. Please start again."


class Expired(Refusal):
    code, status, sentence = "expired", 403, "The message from your identity provider is too old. Please start again. If it stays so: " + ASK_ADMIN


class NotYetValid(Refusal):
    code, status = "not_yet_valid", 403
    sentence = "The message from your identity provider is dated in the future: its clock and ours disagree. " + ASK_ADMIN


class TimeInvalid(Refusal):
    code, status, sentence = "time_invalid", 403, "The message from your identity provider carries a time that makes no sense. " + ASK_ADMIN


class Replayed(Refusal):
    code, status, sentence = "replayed", 403, "This sign-in message was used already. Please start again."


class SubjectInvalid(Refusal):
    code, status, sentence = "subject_invalid", 403, "Your identity provider did not say in a usable way who you are. " + ASK_ADMIN


class AuthnContextMismatch(Refusal):
    code, status, sentence = "authn_context_mismatch", 403, "You were signed in by a method that your organisation does not accept here. " + ASK_ADMIN


class AttributeMissing(Refusal):
    code, status, sentence = "attribute_missing", 403, "Your identity provider did not send all that is needed about you. " + ASK_ADMIN


class EmailInvalid(Refusal):
    code, status, sentence = "email_invalid", 403, "Your identity provider sent an e-mail address that cannot be one. " + ASK_ADMIN


class EmailDomainNotAllowed(Refusal):
    code, status, sentence = "email_domain_not_allowed", 403, "Your e-mail address is not one of this organisation's. " + ASK_ADMIN


class EmailConflict(Refusal):
    code, status, sentence = "email_conflict", 403, "Your e-mail address is in use by another account. " + ASK_ADMIN


class UserNotProvisioned(Refusal):
    code, status, sentence = "user_not_provisioned", 403, "There is no account for you here yet. " + ASK_ADMIN


class UserInactive(Refusal):
    code, status, sentence = "user_inactive", 403, "Your account here is switched off. " + ASK_ADMIN


class RelayStateInvalid(Refusal):
    code, status, sentence = "relay_state_invalid", 400, "The answer from your identity provider names a place that is not known. Please start again."
