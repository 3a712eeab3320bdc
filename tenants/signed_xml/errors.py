"""Why signed XML is not believed. The words are for somebody who signs in; metadata is refused in words of its own."""

from __future__ import annotations

from tenants.errors import Refusal

ASK_ADMIN = "Your organisation's administrator can mend this. Give them the code and the reference below."


class SignInRefusal(Refusal):
    """A sign-in that only the administrator can put right."""

    status = 403
    heading = "You could not be signed in"
    advice = ASK_ADMIN


class ResponseMalformed(SignInRefusal):
    code, status = "response_malformed", 400
    sentence = "The message from your identity provider could not be read."


class XMLForbidden(SignInRefusal):
    code, status = "xml_forbidden", 400
    sentence = "The message from your identity provider contains something that is never accepted."


class SignatureInvalid(SignInRefusal):
    code = "signature_invalid"
    sentence = "The signature on the message from your identity provider could not be confirmed."


class SigningKeyUnknown(SignatureInvalid):
    """Formed as it should be, by a key that is none of the pinned ones: a new one, or a stranger's."""


class AlgorithmNotAllowed(SignInRefusal):
    code = "algorithm_not_allowed"
    sentence = "Your identity provider signs or encrypts in a way that is not secure enough."
