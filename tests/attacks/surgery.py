"""Cutting and sewing of signed messages: what an attacker does with a tree, and what a careless signer puts into SignedInfo."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography import x509
from lxml import etree

from tests.attacks.support import MALLORY
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, rsa_key
from tests.support.saml_trust import ADDRESSED
from tests.support.saml_xml import DS, SAML, SAMLP

ASSERTION, ENCRYPTED_ASSERTION = f"{{{SAML}}}Assertion", f"{{{SAML}}}EncryptedAssertion"
RESPONSE, SIGNATURE, ISSUER = f"{{{SAMLP}}}Response", f"{{{DS}}}Signature", f"{{{SAML}}}Issuer"
ADA = "ada@acme.test"
FORGED_ID = "_f00dbabef00dbabef00dbabef00dbabe"


class Victim(Protocol):
    """Whoever can have a good answer made: a pending sign-in, or the wire alone."""

    def response(self, **parts: Any) -> bytes:
        """The identity provider's answer."""

    @property
    def encryption_certificate(self) -> x509.Certificate:
        """What to encrypt for us with."""


@dataclass(frozen=True)
class OnTheWire:
    """The wire alone, without service and database: what `accept` of saml_trust judges."""

    idp: ForgingIdP = field(default_factory=ForgingIdP)

    def response(self, **parts: Any) -> bytes:
        """The identity provider's answer."""
        person = {"name_id": ADA, "attributes": {"mail": [ADA], "givenName": ["Ada"]}}
        return self.idp.response(**(ADDRESSED | person | parts))

    @property
    def encryption_certificate(self) -> x509.Certificate:
        """For `response(encrypt=…)`."""
        return certificate_of(rsa_key("sp"))


def tree(xml: bytes) -> etree._Element:
    """The message as a tree, comments and white space kept."""
    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))


def octets(root: etree._Element) -> bytes:
    """The tree as text."""
    written: bytes = etree.tostring(root)
    return written


def child(element: etree._Element, tag: str) -> etree._Element:
    """The first child with that tag, which must be there."""
    found = element.find(tag)
    assert found is not None, f"no {tag}"
    return found


def element(name: str, *children: etree._Element, **attributes: str) -> etree._Element:
    """A new element; `name` with the usual prefix: "samlp:Extensions"."""
    prefix, _, local = name.partition(":")
    namespace = {"samlp": SAMLP, "saml": SAML, "ds": DS, "x": "urn:x-attack"}[prefix]
    made = etree.Element(f"{{{namespace}}}{local}", attributes, nsmap={prefix: namespace})
    made.extend(children)
    return made


def forged(original: etree._Element, id: str | None = FORGED_ID) -> etree._Element:
    """A copy without its signature, with other IDs and with Mallory in place of Ada; id None leaves the element's own ID."""
    made = copy.deepcopy(original)
    for signature in made.findall(SIGNATURE):
        made.remove(signature)
    if id is not None:
        made.set("ID", id)
    for number, inner in enumerate(made.iterdescendants(ASSERTION)):
        inner.set("ID", f"{FORGED_ID}{number}")
    for node in made.iter():
        if node.text and ADA in node.text:
            node.text = node.text.replace(ADA, MALLORY)
    assert MALLORY in octets(made).decode()
    return made


def replace_in(old: etree._Element, new: etree._Element) -> None:
    """Put one element where another stands; the other is then free."""
    parent = old.getparent()
    assert parent is not None
    parent.replace(old, new)


def put_after(place: etree._Element, new: etree._Element) -> None:
    """Put an element behind another."""
    place.addnext(new)


def put_first(parent: etree._Element, new: etree._Element) -> None:
    """Put an element in front of all children."""
    parent.insert(0, new)


def after_issuer(parent: etree._Element, new: etree._Element) -> None:
    """Put an element where the schema wants a Signature."""
    issuer = parent.find(ISSUER)
    if issuer is None:
        put_first(parent, new)
    else:
        put_after(issuer, new)


def swap(xml: bytes | str, old: str, new: str, count: int = -1) -> bytes:
    """The text with a replacement that must have something to replace."""
    text = xml.decode() if isinstance(xml, bytes) else xml
    assert old in text, f"{old!r} is not there"
    return text.replace(old, new, count).encode()
