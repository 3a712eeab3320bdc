"""Logout messages that we write (SAML Core 3.7.1, 3.7.2): in canonical form, and always signed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from identity.saml.canonical_text import SAML, SAMLP, canonical_attribute, canonical_instant, canonical_text, message_octets
from tenants.trust import Endpoint, SAMLTrust

REQUEST_LIFETIME = dt.timedelta(minutes=5)
USER = "urn:oasis:names:tc:SAML:2.0:logout:user"
"""SAML Core 3.7.3: the person wished it."""
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"


@dataclass(frozen=True, slots=True)
class SubjectOfSession:
    """Who a session is about, as its assertion said it: the identity provider has to recognise it (SAML Core 3.7.3.1)."""

    name_id: str = field(repr=False)
    format: str
    name_qualifier: str | None
    sp_name_qualifier: str | None
    session_index: str | None


def build_logout_request(
    trust: SAMLTrust, request_id: str, endpoint: Endpoint, subject: SubjectOfSession, now: dt.datetime
) -> bytes:
    """A LogoutRequest for one session of ours, not yet signed."""
    index = (
        ""
        if subject.session_index is None
        else (f"<samlp:SessionIndex>{canonical_text(subject.session_index)}</samlp:SessionIndex>")
    )
    return message_octets(
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" Destination="{canonical_attribute(endpoint.location)}"'
        f' ID="{request_id}" IssueInstant="{canonical_instant(now)}"'
        f' NotOnOrAfter="{canonical_instant(now + REQUEST_LIFETIME)}" Reason="{USER}" Version="2.0">'
        f"{_issuer(trust)}{_name_id(subject)}{index}</samlp:LogoutRequest>"
    )


def build_logout_response(trust: SAMLTrust, response_id: str, location: str, in_response_to: str, now: dt.datetime) -> bytes:
    """A LogoutResponse that reports success, not yet signed: what we were asked to end has ended when we answer."""
    return message_octets(
        f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" Destination="{canonical_attribute(location)}" ID="{response_id}"'
        f' InResponseTo="{canonical_attribute(in_response_to)}" IssueInstant="{canonical_instant(now)}" Version="2.0">'
        f'{_issuer(trust)}<samlp:Status><samlp:StatusCode Value="{SUCCESS}"></samlp:StatusCode></samlp:Status>'
        "</samlp:LogoutResponse>"
    )


def _issuer(trust: SAMLTrust) -> str:
    return f'<saml:Issuer xmlns:saml="{SAML}">{canonical_text(trust.service_provider.entity_id)}</saml:Issuer>'


def _name_id(subject: SubjectOfSession) -> str:
    """Attributes in canonical order, which is that of their names."""
    named = {
        "Format": subject.format or None,
        "NameQualifier": subject.name_qualifier,
        "SPNameQualifier": subject.sp_name_qualifier,
    }
    attributes = "".join(f' {name}="{canonical_attribute(value)}"' for name, value in named.items() if value is not None)
    return f'<saml:NameID xmlns:saml="{SAML}"{attributes}>{canonical_text(subject.name_id)}</saml:NameID>'
