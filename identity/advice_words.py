"""What each refusal means to those who mend it, and whose turn it is: one entry for each code that a sign-in can end with (D3).

docs/refusals.md tells the same at more length; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """Who can put it right; the words of docs/refusals.md."""

    PERSON = "person"
    TENANT_ADMIN = "tenant_admin"
    IDP_ADMIN = "idp_admin"
    STAFF = "staff"


WHO_WORDS: Mapping[Who, str] = {
    Who.PERSON: "The person who signs in",
    Who.TENANT_ADMIN: "An administrator of this organisation, here",
    Who.IDP_ADMIN: "An administrator of the identity provider",
    Who.STAFF: "The provider of this service",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened, what to do about it, and who can."""

    happened: str
    todo: str
    who: Who


_ACS = "Compare the ACS URL (reply URL) at the identity provider with ours, letter by letter; the HTTP-POST binding is the one."
_CLOCK = "Have both machines set their clocks by a time server."
_PLAIN = "Use the identity provider's plain Web SSO profile, without plug-ins that add to the message."
_AGAIN = "Start again. If it happens every time, the receipt says what did not fit."

ENTRIES: Mapping[str, Entry] = {
    "request_invalid": Entry("What came is not the form that an identity provider sends.", _ACS, Who.IDP_ADMIN),
    "method_not_allowed": Entry("The answer came by another way than a form.", _ACS, Who.IDP_ADMIN),
    "too_large": Entry(
        "The message is larger than is accepted.", "Release fewer attributes or groups to this service.", Who.IDP_ADMIN
    ),
    "response_malformed": Entry(
        "The message cannot be read as a SAML response.",
        "Look for a proxy or plug-in that rewrites forms. The receipt says what the parser found.",
        Who.IDP_ADMIN,
    ),
    "xml_forbidden": Entry(
        "The message holds a document type, an entity or a processing instruction.",
        "No identity provider sends these by itself: treat it as an attack until it is explained.",
        Who.IDP_ADMIN,
    ),
    "signature_missing": Entry(
        "What has to be signed is not signed.",
        "Have the identity provider sign the assertion, the response, or both.",
        Who.IDP_ADMIN,
    ),
    "signature_invalid": Entry(
        "A signature does not hold.",
        "If the identity provider has a new certificate, fetch or save its metadata. If not, treat it as an attack.",
        Who.TENANT_ADMIN,
    ),
    "signing_certificate_expired": Entry(
        "The certificate that the identity provider signs with has ended, and the settings refuse such signatures.",
        "Fetch or save metadata with its next certificate; or switch `refuse_expired_certificates` off until there is one.",
        Who.TENANT_ADMIN,
    ),
    "algorithm_not_allowed": Entry(
        "The identity provider signs or encrypts by a method that is not secure enough, SHA-1 most often.",
        "Switch the identity provider to SHA-256.",
        Who.IDP_ADMIN,
    ),
    "decryption_failed": Entry(
        "The assertion, or the name in it, does not open with our keys, or is encrypted in a way that is not accepted.",
        "Give the identity provider our present metadata, and choose AES-GCM there.",
        Who.IDP_ADMIN,
    ),
    "status_not_success": Entry(
        "The identity provider itself refused to sign the person in.",
        "Look up the sign-in in the log of the identity provider: it knows why.",
        Who.IDP_ADMIN,
    ),
    "assertion_invalid": Entry("The message lacks something, or has something twice.", _PLAIN, Who.IDP_ADMIN),
    "condition_not_understood": Entry(
        "The message sets a condition that this service does not know, so it has to be refused.",
        "Take the condition out.",
        Who.IDP_ADMIN,
    ),
    "issuer_mismatch": Entry(
        "The message comes from another identity provider than the one that was asked.",
        "If the identity provider was moved or replaced, connect its metadata.",
        Who.TENANT_ADMIN,
    ),
    "destination_mismatch": Entry("The response was sent to another address than ours.", _ACS, Who.IDP_ADMIN),
    "recipient_mismatch": Entry("The assertion is made out for another address than ours.", _ACS, Who.IDP_ADMIN),
    "audience_mismatch": Entry(
        "The assertion is meant for another service.",
        "Enter our entity ID at the identity provider, letter by letter: Audience, SP entity ID or Identifier by name.",
        Who.IDP_ADMIN,
    ),
    "in_response_to_mismatch": Entry(
        "The answer belongs to no request of ours that is under way.", "Start again, and finish within ten minutes.", Who.PERSON
    ),
    "unsolicited_not_allowed": Entry(
        "The sign-in began at the identity provider, which the settings do not allow.",
        "Start at this service, or allow sign-ins that the identity provider starts.",
        Who.TENANT_ADMIN,
    ),
    "login_state_lost": Entry(
        "The message is right, but the browser that brought it is not the one that began.",
        "Start again, in one browser window that keeps cookies.",
        Who.PERSON,
    ),
    "expired": Entry("A time in the message is over.", _CLOCK, Who.IDP_ADMIN),
    "not_yet_valid": Entry("The message is valid only later.", _CLOCK, Who.IDP_ADMIN),
    "time_invalid": Entry("A time in the message makes no sense.", _CLOCK, Who.IDP_ADMIN),
    "answers_test": Entry(
        "The message answers a test of the settings, which signs nobody in.", "Look at the test.", Who.TENANT_ADMIN
    ),
    "replayed": Entry(
        "This assertion has signed somebody in before.",
        "Start again. It comes from going back or reloading; if it does not, somebody has copied the message.",
        Who.PERSON,
    ),
    "subject_invalid": Entry(
        "The message does not say in a usable way whom it is about.",
        "Have a NameID sent, with a bearer confirmation that has an end; or name an attribute that tells people apart.",
        Who.IDP_ADMIN,
    ),
    "authn_context_mismatch": Entry(
        "The person signed in by another method than was asked for, and the settings insist.",
        "Sign in by the other method. If it concerns everybody, accept the method that came.",
        Who.PERSON,
    ),
    "sign_in_not_fresh": Entry(
        "A new sign-in was demanded, and the identity provider went on with an earlier one.",
        "Have it honour ForceAuthn, and set both clocks by a time server. If it cannot, do not demand it.",
        Who.IDP_ADMIN,
    ),
    "attribute_missing": Entry(
        "The message has no e-mail address, or no subject, under the names that the attribute map knows.",
        "Map one of the names that did come, or release the attribute at the identity provider.",
        Who.TENANT_ADMIN,
    ),
    "email_invalid": Entry(
        "What came as e-mail address cannot be one.", "Map another attribute, or correct the directory.", Who.IDP_ADMIN
    ),
    "email_domain_not_allowed": Entry(
        "The e-mail address is in none of the organisation's proven domains.",
        "Add the domain and prove it, if it is the organisation's own.",
        Who.STAFF,
    ),
    "email_conflict": Entry(
        "The e-mail address belongs to another account.",
        "If it is the same person, link the account anew, or take their local account away; or choose a stable subject. "
        "If it is nobody of yours, ask the provider of this service.",
        Who.TENANT_ADMIN,
    ),
    "user_not_provisioned": Entry(
        "Nobody has made an account for this person, and accounts are not made at sign-in.",
        "Make the account, let sign-in make accounts, or leave the person out.",
        Who.TENANT_ADMIN,
    ),
    "sign_in_way_not_allowed": Entry(
        "The person's organisation has its people sign in another way, or through another identity provider.",
        "Have the person sign in that way, move them, or change what the organisation says about signing in.",
        Who.TENANT_ADMIN,
    ),
    "rate_limited": Entry(
        "Too many tries for this name, or from this network, have failed; nothing was compared.",
        "Wait: fifteen minutes at most. Whoever has forgotten a password here sets one by the link on the sign-in page.",
        Who.PERSON,
    ),
    "second_factor_missing": Entry(
        "The password was right, and the account has no second factor, which it needs.",
        "Have the person follow a link that sets the password: it sets up a second factor, too.",
        Who.PERSON,
    ),
    "sign_in_lost": Entry(
        "No sign-in was under way in this browser any more: ten minutes were over, or five codes were wrong.",
        "Have the person start again.",
        Who.PERSON,
    ),
    "sign_in_failed": Entry(
        "Nobody has this name, or the password or the second factor was another one.",
        "Have the person try again; the last line of the receipt says which it was.",
        Who.PERSON,
    ),
    "directory_unavailable": Entry(
        "The organisation's directory could not be asked.",
        "Test its connection under Directories: the last line of the receipt says where it stopped.",
        Who.TENANT_ADMIN,
    ),
    "user_inactive": Entry("The person's account is switched off.", "Switch it on again.", Who.TENANT_ADMIN),
    "relay_state_invalid": Entry("RelayState is not the one that we sent, or no path of this host.", _AGAIN, Who.PERSON),
    "tenant_suspended": Entry("Sign-in is switched off for the whole organisation.", "Have it switched on.", Who.STAFF),
    "identity_provider_missing": Entry(
        "The organisation has no identity provider that is switched on, or not this one.",
        "Connect one, or switch it on.",
        Who.TENANT_ADMIN,
    ),
    "metadata_expired": Entry(
        "The stored metadata of the identity provider was valid until a day that is over.",
        "Fetch or save fresh metadata.",
        Who.TENANT_ADMIN,
    ),
    "logout_invalid": Entry(
        "A logout message was not what the identity provider signs, for this service and for now.",
        "Look up the cause in the audit log, and compare certificates and addresses with the identity provider's.",
        Who.IDP_ADMIN,
    ),
}  # fmt: skip
BY_LINE: Mapping[str, Entry] = {
    "directory_entry": Entry(
        "The directory has nobody of this name, or more than one; who is off there is nobody.",
        "Try the name on the directory's page, which says what it finds: what people type has to be what the filter compares.",
        Who.TENANT_ADMIN,
    ),
    "directory_password": Entry(
        "The directory does not take the password.",
        "Have the person try again. Passwords are set in the directory.",
        Who.PERSON,
    ),
    "local_name": Entry(
        "Nobody here has a local account of the name that was typed.",
        "Ask what they typed: it is to be their e-mail address or username here. Give them an account if they are to have one.",
        Who.TENANT_ADMIN,
    ),
    "local_password_set": Entry(
        "The person was invited and has set no password yet.",
        "Have them follow the invitation, or send another link.",
        Who.TENANT_ADMIN,
    ),
    "local_password": Entry(
        "The password was another one.",
        "Have the person try again, or choose another password by the link on the sign-in page.",
        Who.PERSON,
    ),
    "local_factor": Entry(
        "The password was right; the second factor was another one, or was used before.",
        "Have the person use the next code. Lost second factors are removed on the page of the person's local account.",
        Who.PERSON,
    ),
}
"""Of `sign_in_failed`, by the line of the receipt that failed."""

UNKNOWN = Entry("The sign-in was refused.", _AGAIN, Who.STAFF)
