"""SAML messages as text: every part has a sane value and can be replaced, left out (None) or written raw (`…_xml`).

Text, not trees: a test decides about quotes, prefixes, white space and order, and what it wrote is what is signed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XS = "http://www.w3.org/2001/XMLSchema"

STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS = STATUS + "Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
EMAIL_ADDRESS = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
ATTRIBUTE_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"

Instant = dt.datetime | str | None
"""A time; or text that goes into the message as it stands; or None: left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a response is made of. `ForgingIdP.parts` fills in the defaults that follow from the service and the time.

    `audiences` is a list of restrictions, each a list of audiences. `status` is (code, code below it, message).
    A field that ends in `_xml` replaces (or, for `extra_…`, is added to) what the plain fields would give; "" leaves it out.
    """

    response_id: str
    response_version: str | None = "2.0"
    response_issue_instant: Instant
    response_issuer: str | None
    destination: str | None
    in_response_to: str | None
    status: tuple[str, str | None, str | None] = (SUCCESS, None, None)
    status_xml: str | None = None
    extra_response_xml: str = ""

    assertion_id: str
    assertion_version: str | None = "2.0"
    assertion_issue_instant: Instant
    assertion_issuer: str | None
    name_id: str | None = "alice@acme.test"
    name_id_format: str | None = EMAIL_ADDRESS
    name_id_xml: str | None = None
    subject_xml: str | None = None

    confirmation_method: str = BEARER
    recipient: str | None
    confirmation_in_response_to: str | None
    confirmation_not_before: Instant = None
    confirmation_not_on_or_after: Instant
    confirmation_xml: str | None = None

    not_before: Instant
    not_on_or_after: Instant
    audiences: Sequence[Sequence[str]]
    conditions_xml: str | None = None
    extra_conditions_xml: str = ""

    authn_instant: Instant
    session_index: str | None
    session_not_on_or_after: Instant = None
    authn_context: str | None = CLASSES + "PasswordProtectedTransport"
    authn_statement_xml: str | None = None

    attributes: Mapping[str, Sequence[str]]
    attribute_name_format: str | None = ATTRIBUTE_BASIC
    attributes_xml: str | None = None
    extra_assertion_xml: str = ""


def instant(value: Instant) -> str | None:
    """The time as SAML writes it: UTC, seconds, Z."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, dt.datetime) else value


def attributes_of(**values: Instant) -> str:
    """XML attributes, those that are None left out, each with a space before it."""
    return "".join(f" {name}={quoteattr(text)}" for name, value in values.items() if (text := instant(value)) is not None)


def element(name: str, text: str | None, **attributes: str | None) -> str:
    """A `saml:` element with escaped text, or nothing for None."""
    return "" if text is None else f"<saml:{name}{attributes_of(**attributes)}>{escape(text)}</saml:{name}>"


def response_xml(parts: Parts, assertions_xml: str) -> str:
    """The Response around what is given: one assertion as a rule; any XML will do."""
    opening = attributes_of(
        ID=parts.response_id,
        Version=parts.response_version,
        IssueInstant=parts.response_issue_instant,
        Destination=parts.destination,
        InResponseTo=parts.in_response_to,
    )
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{opening}>'
        f"{element('Issuer', parts.response_issuer)}{_status_xml(parts)}{assertions_xml}{parts.extra_response_xml}"
        "</samlp:Response>"
    )


def assertion_xml(parts: Parts) -> str:
    """The Assertion, with every namespace that it needs declared on itself."""
    opening = attributes_of(ID=parts.assertion_id, Version=parts.assertion_version, IssueInstant=parts.assertion_issue_instant)
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" xmlns:xs="{XS}" xmlns:xsi="{XSI}"{opening}>'
        f"{element('Issuer', parts.assertion_issuer)}{_subject_xml(parts)}{_conditions_xml(parts)}"
        f"{_authn_statement_xml(parts)}{_attribute_statement_xml(parts)}{parts.extra_assertion_xml}"
        "</saml:Assertion>"
    )


def name_id_xml(parts: Parts) -> str:
    """The NameID, or nothing."""
    if parts.name_id_xml is not None:
        return parts.name_id_xml
    return element("NameID", parts.name_id, Format=parts.name_id_format)


def confirmation_xml(
    method: str = BEARER,
    *,
    recipient: str | None = None,
    in_response_to: str | None = None,
    not_before: Instant = None,
    not_on_or_after: Instant = None,
) -> str:
    """One SubjectConfirmation with its data; several can be joined for `Parts.confirmation_xml`."""
    inner = attributes_of(NotBefore=not_before, NotOnOrAfter=not_on_or_after, Recipient=recipient, InResponseTo=in_response_to)
    return (
        f"<saml:SubjectConfirmation{attributes_of(Method=method)}>"
        f"<saml:SubjectConfirmationData{inner}/></saml:SubjectConfirmation>"
    )


def attribute_xml(name: str, values: Sequence[str], name_format: str | None = ATTRIBUTE_BASIC) -> str:
    """One Attribute with its string values."""
    written = "".join(f'<saml:AttributeValue xsi:type="xs:string">{escape(value)}</saml:AttributeValue>' for value in values)
    return f"<saml:Attribute{attributes_of(Name=name, NameFormat=name_format)}>{written}</saml:Attribute>"


def _status_xml(parts: Parts) -> str:
    if parts.status_xml is not None:
        return parts.status_xml
    code, below, message = parts.status
    inner = f"<samlp:StatusCode{attributes_of(Value=below)}/>" if below else ""
    told = f"<samlp:StatusMessage>{escape(message)}</samlp:StatusMessage>" if message else ""
    return f"<samlp:Status><samlp:StatusCode{attributes_of(Value=code)}>{inner}</samlp:StatusCode>{told}</samlp:Status>"


def _subject_xml(parts: Parts) -> str:
    if parts.subject_xml is not None:
        return parts.subject_xml
    confirmation = parts.confirmation_xml
    if confirmation is None:
        confirmation = confirmation_xml(
            parts.confirmation_method,
            recipient=parts.recipient,
            in_response_to=parts.confirmation_in_response_to,
            not_before=parts.confirmation_not_before,
            not_on_or_after=parts.confirmation_not_on_or_after,
        )
    return f"<saml:Subject>{name_id_xml(parts)}{confirmation}</saml:Subject>"


def _conditions_xml(parts: Parts) -> str:
    if parts.conditions_xml is not None:
        return parts.conditions_xml
    restrictions = "".join(
        f"<saml:AudienceRestriction>{''.join(element('Audience', one) for one in audiences)}</saml:AudienceRestriction>"
        for audiences in parts.audiences
    )
    opening = attributes_of(NotBefore=parts.not_before, NotOnOrAfter=parts.not_on_or_after)
    return f"<saml:Conditions{opening}>{restrictions}{parts.extra_conditions_xml}</saml:Conditions>"


def _authn_statement_xml(parts: Parts) -> str:
    if parts.authn_statement_xml is not None:
        return parts.authn_statement_xml
    opening = attributes_of(
        AuthnInstant=parts.authn_instant,
        SessionIndex=parts.session_index,
        SessionNotOnOrAfter=parts.session_not_on_or_after,
    )
    context = element("AuthnContextClassRef", parts.authn_context)
    return f"<saml:AuthnStatement{opening}><saml:AuthnContext>{context}</saml:AuthnContext></saml:AuthnStatement>"


def _attribute_statement_xml(parts: Parts) -> str:
    if parts.attributes_xml is not None:
        return parts.attributes_xml
    if not parts.attributes:
        return ""
    written = "".join(attribute_xml(name, values, parts.attribute_name_format) for name, values in parts.attributes.items())
    return f"<saml:AttributeStatement>{written}</saml:AttributeStatement>"
