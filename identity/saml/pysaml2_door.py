"""The door to pysaml2: a second opinion on an assertion that has passed every check of ours.

pysaml2 gets a fresh, minimal Response: the attributes of the one that came, Success, and the verified assertion with the one
confirmation and the one statement that were chosen. It can verify no signature, open no ciphertext, start no process and
fetch nothing: its crypto backend refuses every operation. Times stay outside: it would compare them with a clock that cannot
be told `now`. So do attributes, which it renames, and formats for log lines that nobody reads; and AuthnContext, of which it
judges nothing. Where its reading of what it gets differs from ours, nobody is signed in.

Private methods are used (`_loads`), which is why setup.cfg pins the version and a contract test guards them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from lxml import etree
from saml2 import create_class_from_element_tree, samlp
from saml2.response import AuthnResponse
from saml2.sigver import CryptoBackend, SecurityContext

from identity.checks import SECOND_READING, Receipt
from identity.saml.names import CONFIRMATION_DATA, ISSUER, SAML, SAMLP, SUCCESS
from tenants.trust import ServiceProvider

HANDED_OVER = frozenset(
    {"ID", "Version", "Destination", "InResponseTo"}  # of Response and Assertion
    | {"Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"}  # of Issuer and NameID
    | {"Method", "Recipient", "SessionIndex", "Count"}  # of confirmation, statement and ProxyRestriction
)
"""Attributes, none of which is a time. Address is not among them: whoever has one is behind a proxy."""


class _NoCrypto(CryptoBackend):  # type: ignore[misc]  # pysaml2 has no types
    """Every operation of the base class raises NotImplementedError; there is no program to ask for its version."""

    version = "none"


_SECURITY = SecurityContext(_NoCrypto(), enc_key_files=[])


class _Reading(AuthnResponse):  # type: ignore[misc]  # pysaml2 has no types
    """AuthnResponse of an element that we built, instead of text that would be parsed and verified."""

    def _loads(self, xmldata: ElementTree.Element, decode: bool = True, origxml: Any = None) -> _Reading:  # noqa: ARG002
        self.response = create_class_from_element_tree(samlp.Response, xmldata)
        self.in_response_to = self.response.in_response_to
        return self

    def issue_instant_ok(self) -> bool:
        """Judged before, by `now`; the original reads the clock of the process."""
        return True


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a verified assertion is handed over: it was found good by our own checks."""

    response: etree._Element
    assertion: etree._Element
    name_id: etree._Element | None
    confirmation: etree._Element
    statement: etree._Element


def require_same_reading(chosen: Chosen, service_provider: ServiceProvider, request_id: str | None, receipt: Receipt) -> None:
    """Let pysaml2 judge status, version, destination, conditions, audience, recipient and confirmation, and compare.

    Raises:
        AssertionInvalid: pysaml2 refuses the message, or reads another person or statement out of it.
    """
    expected = (
        (chosen.name_id.text or "") if chosen.name_id is not None else "",
        chosen.statement.get("SessionIndex"),
        chosen.assertion.get("ID"),
    )
    try:
        reading = _Reading(
            _SECURITY,
            attribute_converters=[],
            entity_id=service_provider.entity_id,
            return_addrs=[service_provider.acs_url],
            outstanding_queries={} if request_id is None else {request_id: service_provider.acs_url},
            allow_unsolicited=request_id is None,
            conv_info={"remote_addr": "0.0.0.0"},  # noqa: S104 - its word for "do not look at addresses"
        )
        reading.do_not_verify = True
        reading.loads(_minimal_response(chosen), False)
        accepted = reading.verify() is reading and reading.assertion is not None
        actual = _read(reading) if accepted else ("refused", None, None)
    except Exception as error:  # it raises Exception itself, and AttributeError and ValueError of its own accidents
        actual = (type(error).__name__, None, None)
    receipt.require(SECOND_READING, actual == expected, "the same reading", "the same" if actual == expected else "another")


def _read(reading: AuthnResponse) -> tuple[str, str | None, str | None]:
    name_id = (reading.name_id.text or "") if reading.name_id is not None else ""
    return name_id, reading.assertion.authn_statement[0].session_index, reading.assertion.id


def _minimal_response(chosen: Chosen) -> ElementTree.Element:
    response = _copy(chosen.response)
    status = ElementTree.SubElement(response, SAMLP + "Status")
    ElementTree.SubElement(status, SAMLP + "StatusCode", {"Value": SUCCESS})
    assertion = _copy(chosen.assertion)
    response.append(assertion)
    assertion.extend(map(_copy_whole, chosen.assertion.iterchildren(ISSUER)))
    subject = ElementTree.SubElement(assertion, SAML + "Subject")
    if chosen.name_id is not None:
        subject.append(_copy(chosen.name_id))
    confirmation = _copy(chosen.confirmation)
    subject.append(confirmation)
    confirmation.extend(map(_copy, chosen.confirmation.iterchildren(CONFIRMATION_DATA)))
    assertion.extend(map(_copy_whole, chosen.assertion.iterchildren(SAML + "Conditions")))
    assertion.append(_copy(chosen.statement))
    return response


def _copy(element: etree._Element) -> ElementTree.Element:
    """The element alone, with the attributes that are handed over."""
    kept = {str(name): str(value) for name, value in element.items() if name in HANDED_OVER}
    copy = ElementTree.Element(str(element.tag), kept)
    copy.text = element.text
    return copy


def _copy_whole(element: etree._Element) -> ElementTree.Element:
    copy = _copy(element)
    copy.extend(map(_copy_whole, element))
    return copy
