"""The one list of checks that a sign-in passes: receipts, refusals and explanations all come from it.

A check names what is claimed and where the specification says so. A Receipt goes through the pipeline and notes each
check as it is made; the first that fails raises its refusal.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from identity import errors
from identity.assertion import Exchange
from tenants.errors import IdentityProviderMissing, MetadataExpired, Refusal
from tenants.signed_xml.errors import ResponseMalformed, SignatureInvalid, XMLForbidden

MAX_SHOWN = 300
NUL = "\x00"
"""PostgreSQL's JSON has no place for it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the SAML profile. `id` is stable; `claim` is what must be true, in plain words."""

    id: str
    refusal: type[Refusal]
    claim: str
    section: str


FORM = Check("form", errors.RequestInvalid, "The message came by HTTP POST with each field once", "SAML Bindings 3.5.4")
SIZE = Check("size", errors.TooLarge, "The message is of a reasonable size", "Vestibule V1")
ENCODING = Check("encoding", ResponseMalformed, "The message is strict base64", "SAML Bindings 3.5.4")
XML = Check("xml", ResponseMalformed, "The message is well-formed XML", "XML 1.0 2.1")
XML_CONTENT = Check("xml_content", XMLForbidden, "No DTD, entity or processing instruction", "XML 1.0 2.8")
SCHEMA = Check("schema", ResponseMalformed, "The message is a SAML 2.0 Response by its schema", "SAML Core 3.3.3")
UNIQUE_IDS = Check("unique_ids", errors.AssertionInvalid, "Each ID stands once", "SAML Core 1.3.4")
KIND = Check("kind", errors.AnswersTest, "It answers a sign-in, and not a test of one", "Vestibule A3")
PROVIDER = Check("provider", IdentityProviderMissing, "The organisation has connected this identity provider", "Vestibule M1")
METADATA = Check("metadata", MetadataExpired, "Its metadata has not expired", "SAML Metadata 2.3.2")
KEY_DATES = Check("key_dates", errors.SigningCertificateEnded, "A certificate that it signs by has not ended", "Vestibule K3")
SIGNATURE_PLACES = Check("signature_places", SignatureInvalid, "Signatures stand where they belong", "SAML Core 5.4.1")
RESPONSE_SIGNATURE = Check("response_signature", SignatureInvalid, "The response's signature holds", "SAML Core 5.4")
STATUS = Check("status", errors.StatusNotSuccess, "The identity provider reports success", "SAML Core 3.2.2.2")
ONE_ASSERTION = Check("one_assertion", errors.AssertionInvalid, "There is exactly one assertion", "SAML Profiles 4.1.4.2")
DECRYPTION = Check("decryption", errors.DecryptionFailed, "The assertion decrypts with our key", "XML Encryption 1.1 4.4")
ASSERTION_SIGNATURE = Check("assertion_signature", SignatureInvalid, "The assertion's signature holds", "SAML Core 5.4")
SIGNED = Check("signed", errors.SignatureMissing, "What has to be signed is signed", "SAML Profiles 4.1.4.5")
VERSION = Check("version", errors.AssertionInvalid, "Response and assertion are of version 2.0", "SAML Core 2.3.3, 3.2.2")
ISSUER = Check("issuer", errors.IssuerMismatch, "It comes from the identity provider that was asked", "SAML Profiles 4.1.4.2")
DESTINATION = Check("destination", errors.DestinationMismatch, "It was sent to this address", "SAML Bindings 3.5.5.2")
ISSUE_INSTANT = Check("issue_instant", errors.TimeInvalid, "It was issued at a sensible time", "SAML Core 2.3.3, 3.2.2")
SUBJECT = Check("subject", errors.SubjectInvalid, "It names a person", "SAML Core 2.4.1")
CONFIRMATION = Check("confirmation", errors.SubjectInvalid, "A bearer confirmation can be used", "SAML Profiles 4.1.4.2")
RECIPIENT = Check("recipient", errors.RecipientMismatch, "The confirmation is for this address", "SAML Profiles 4.1.4.2")
CONFIRMATION_TIME = Check("confirmation_time", errors.Expired, "The confirmation is still good", "SAML Profiles 4.1.4.2")
IN_RESPONSE_TO = Check("in_response_to", errors.InResponseToMismatch, "It answers a request of ours", "SAML Profiles 4.1.4.2")
UNSOLICITED = Check("unsolicited", errors.UnsolicitedNotAllowed, "It may come unasked", "SAML Profiles 4.1.5")
BROWSER = Check("browser", errors.LoginStateLost, "It comes from the browser that began", "SAML Profiles 4.1.3.5")
CONDITIONS = Check("conditions", errors.AssertionInvalid, "Conditions are present", "SAML Profiles 4.1.4.2")
CONDITIONS_KNOWN = Check("conditions_known", errors.ConditionNotUnderstood, "Each condition is understood", "SAML Core 2.5.1.1")
NOT_BEFORE = Check("not_before", errors.NotYetValid, "It is valid already", "SAML Core 2.5.1.2")
NOT_ON_OR_AFTER = Check("not_on_or_after", errors.Expired, "It is valid still", "SAML Core 2.5.1.2")
AUDIENCE = Check("audience", errors.AudienceMismatch, "It is meant for this service", "SAML Core 2.5.1.4")
AUTHN_STATEMENT = Check("authn_statement", errors.AssertionInvalid, "It says who signed in, and how", "SAML Profiles 4.1.4.2")
SESSION_TIME = Check("session_time", errors.Expired, "The session at the identity provider lasts", "SAML Core 2.7.2")
AUTHN_CONTEXT = Check("authn_context", errors.AuthnContextMismatch, "The way of signing in is accepted", "SAML Core 3.3.2.2.1")
FRESH = Check("fresh", errors.SignInNotFresh, "The person signed in afresh, where that was asked for", "SAML Core 3.4.1")
SECOND_READING = Check("second_reading", errors.AssertionInvalid, "pysaml2 reads the same in it", "SAML Profiles 4.1.4.3")
UNUSED = Check("unused", errors.Replayed, "It was not used before", "SAML Profiles 4.1.4.5")
RELAY_STATE = Check("relay_state", errors.RelayStateInvalid, "RelayState is the one that we sent", "SAML Bindings 3.5.3")
ATTRIBUTES = Check("attributes", errors.AttributeMissing, "The attributes that are needed are there", "Vestibule P4")
EMAIL = Check("email", errors.EmailInvalid, "The e-mail address can be one", "RFC 5321 4.1.2")
EMAIL_DOMAIN = Check("email_domain", errors.EmailDomainNotAllowed, "The e-mail address is the organisation's", "Vestibule T6")
EMAIL_OWNER = Check("email_owner", errors.EmailConflict, "The e-mail address is this person's", "Vestibule P3")
PROVISIONED = Check("provisioned", errors.UserNotProvisioned, "The person has an account or may get one", "Vestibule P1")
WAY = Check("way", errors.SignInWayNotAllowed, "The person's organisation has its people sign in so", "Vestibule G2")
ACTIVE = Check("active", errors.UserInactive, "The account is active", "Vestibule P8")


class CheckMade(NamedTuple):
    """One line of a receipt. `code` is that of the refusal, which may be finer than the check's own.

    `passed` is None only where a pasted message leaves it open (identity.survey); a sign-in leaves nothing open.
    """

    check: Check
    passed: bool | None
    expected: str
    actual: str
    code: str


_made: Callable[[tuple[Check, bool | None, str, str, str]], CheckMade] = functools.partial(tuple.__new__, CheckMade)
"""A line of its five values; a named tuple's own `__new__` is written in Python, and sixty are made in a sign-in."""
StoredLine = str | list[Any]
"""A line as it is stored: the check's id where it passed and has nothing to say; [id, what was expected and came];
[id, expected, actual]; or whole, as receipts before 2026-11-30 are: [id, passed, expected, actual, code]."""
ADDRESS_OWNER = "address_owner"
"""The fact that tells whose an address is, where that is one of the tenant's own people; nobody else's is told."""
HELD_BY = "held_by"
"""The fact that names the directories that have one name each, where more than one has."""
DECRYPTION_KEY = "decryption_key"
"""The fact that tells which of the tenant's own keys opened the message."""


class Receipt:
    """What was checked, in order. `facts` holds what support asks for: issuer, classes, clock offset, names of attributes.

    `mask` gives the message with personal values masked, once there is a message that could be read. `exchange` is the request
    that it claims to answer, for as long as the request lasts: it is not stored with the rest.
    """

    __slots__ = ("exchange", "facts", "lines", "mask")

    def __init__(self) -> None:
        self.lines: list[CheckMade] = []
        self.facts: dict[str, Any] = {}
        self.mask: Callable[[], str] | None = None
        self.exchange: Exchange | None = None

    def passed(self, check: Check, expected: str = "", actual: str = "") -> None:
        """Note a check that held."""
        self._note(check, True, expected, actual)

    def require(
        self,
        check: Check,
        holds: bool,
        expected: str = "",
        actual: str = "",
        refusal: type[Refusal] | None = None,
        *,
        otherwise: str = "",
        **detail: Any,
    ) -> None:
        """Note the check; raise its refusal (or the finer one given, with its detail) where it does not hold.

        Args:
            otherwise: in place of `actual`, words that are true only where the check fails; where it holds, what was
                expected is what came.
        """
        refusal = refusal or check.refusal
        if holds:
            self.lines.append(_made((check, True, expected, expected if otherwise else actual, refusal.code)))
            return
        actual = otherwise or actual
        self._note(check, False, expected, actual, refusal.code)
        cause = f"{check.claim}: expected {expected or 'so'}, got {actual or 'otherwise'}"
        self._refuse(check, refusal(cause[:MAX_SHOWN], **detail))

    def step(self, check: Check) -> Step:
        """Note a check that a block makes by returning or refusing."""
        return Step(self, check)

    def end_step(self, check: Check, error: BaseException | None) -> bool:
        """Note how a step ended; whether the refusal that ended it is dealt with."""
        if error is None:
            self._note(check, True)
        elif isinstance(error, Refusal):
            self._note(check, False, "", error.cause, error.code)
            self._refuse(check, error)
            return True
        return False

    def start_anew(self, *, keep: str) -> None:
        """Forget what was checked, before the same message is judged from its beginning by other trust; one fact stays."""
        self.lines.clear()
        self.facts = {keep: self.facts[keep]}
        self.mask = None

    def require_whole(self) -> None:
        """A last look before somebody is let in: whatever went wrong with the checks themselves, none of them failed.

        Raises:
            RuntimeError: a mistake of ours, and never a pass.
        """
        if not self.lines or [line for line in self.lines if not line.passed]:
            raise RuntimeError("a sign-in with a check that failed")

    def _refuse(self, check: Check, refusal: Refusal) -> None:  # noqa: ARG002 identity.survey looks at the check
        """The first check that fails ends the sign-in."""
        raise refusal

    def _note(self, check: Check, passed: bool, expected: str = "", actual: str = "", code: str = "") -> None:
        self.lines.append(_made((check, passed, expected, actual, code or check.refusal.code)))

    def masked_xml(self) -> str:
        """The message as it came with personal values masked; empty where it was not readable as XML."""
        return self.mask() if self.mask else ""

    def to_document(self) -> dict[str, Any]:
        """JSON form as stored: what is the same in every receipt stays out, and `shown_receipt` puts it back."""
        return {"checks": [_stored(*line) for line in self.lines], "facts": self.facts}


class Step:
    """The block of `Receipt.step`; a generator in its place would be four calls more, ten times in a sign-in."""

    __slots__ = ("_check", "_receipt")

    def __init__(self, receipt: Receipt, check: Check) -> None:
        self._receipt = receipt
        self._check = check

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool | None:
        """Whether the block's refusal goes no further; that is never so at a sign-in."""
        return self._receipt.end_step(self._check, error)


CHECKS: Mapping[str, Check] = {check.id: check for check in list(globals().values()) if isinstance(check, Check)}
"""Every check of a SAML response by its id."""
_OF_OTHER_WAYS: dict[str, Check] = {}


def of_another_way(check: Check) -> Check:
    """A check of a sign-in that is not by SAML: receipts show it too, and the SAML profile has no line for it."""
    _OF_OTHER_WAYS[check.id] = check
    return check


def _check_of(check_id: str) -> Check | None:
    return CHECKS.get(check_id) or _OF_OTHER_WAYS.get(check_id)


def _stored(check: Check, passed: bool | None, expected: str, actual: str, code: str) -> StoredLine:
    """A line of a receipt, as short as it can be: of sixty nearly all passed, and half say nothing or twice the same."""
    if NUL in expected or NUL in actual:
        expected, actual = expected.replace(NUL, ""), actual.replace(NUL, "")
    expected, actual = expected[:MAX_SHOWN], actual[:MAX_SHOWN]
    if passed is not True or code != check.refusal.code:
        return [check.id, passed, expected, actual, code]
    if expected != actual:
        return [check.id, expected, actual]
    return [check.id, expected] if expected else check.id


def _line_of(stored: StoredLine) -> tuple[str, bool | None, str, str, str | None]:
    """Id, outcome, what was expected, what came, and the code if it is not the check's own; from any form of `_stored`."""
    match stored:
        case [check_id, expected]:
            return check_id, True, expected, expected, None
        case [check_id, expected, actual]:
            return check_id, True, expected, actual, None
        case [check_id, passed, expected, actual, code]:
            return check_id, passed, expected, actual, code
    return str(stored), True, "", "", None


def shown_receipt(document: Mapping[str, Any]) -> dict[str, Any]:
    """A stored receipt as people read it: each line with what it claims and where the specification says so."""
    return {
        "checks": [
            {
                "id": check_id,
                "claim": check.claim,
                "section": check.section,
                "code": code or check.refusal.code,
                "passed": passed,
                "expected": expected,
                "actual": actual,
            }
            for check_id, passed, expected, actual, code in map(_line_of, document["checks"])
            if (check := _check_of(check_id)) is not None
        ],
        "facts": document["facts"],
    }
