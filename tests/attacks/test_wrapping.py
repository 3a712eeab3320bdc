"""Signature wrapping: whatever stands where, only the octets that the pinned key has signed are ever read.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import re

import pytest

from identity.checks import Receipt
from identity.saml.response import UnverifiedResponse, verify_response
from tenants.errors import Refusal
from tenants.signed_xml.signature import verify_enveloped
from tenants.signed_xml.xml import parse
from tests.attacks.answering import accept_message
from tests.attacks.support import MALLORY, pending, refuse, settle
from tests.attacks.surgery import (
    ADA,
    ASSERTION,
    ENCRYPTED_ASSERTION,
    OnTheWire,
    child,
    forged,
    octets,
    put_after,
    swap,
    tree,
)
from tests.attacks.wrappings import WRAPPINGS, Wrapping
from tests.support.saml_trust import NOW, exchange_of, trust_in
from tests.support.saml_xml import ATTRIBUTE_BASIC, DS, SAML, SAMLP, XS, XSI
from tests.support.world import World

CODES = {"signature_invalid", "signature_missing", "assertion_invalid", "response_malformed"}
by_wrapping = pytest.mark.parametrize("wrapping", WRAPPINGS, ids=lambda wrapping: wrapping.name)


def wanting(signed: str) -> dict[str, bool]:
    """Settings under which a message that is signed so would be good."""
    return {"want_assertions_signed": signed != "response", "want_messages_signed": signed != "assertion"}


@by_wrapping
def test_a_wrapped_message_signs_nobody_in(arena: World, wrapping: Wrapping) -> None:
    """The message is refused by the check that is there for it."""
    victim = pending(settle(arena, **wanting(wrapping.signed)))
    message = octets(wrapping.make(tree(victim.response(sign=wrapping.signed))))
    refused = refuse(victim, message, CODES)
    assert refused.check in wrapping.stopped_by, refused.cause
    assert not any(person in refused.masked_xml + refused.cause for person in (ADA, MALLORY)), "a record tells of people"


@by_wrapping
def test_nothing_forged_is_read_even_without_schema_and_ids(wrapping: Wrapping) -> None:
    """The verifier does not lean on the checks before it: without them it refuses, or reads what was signed."""
    wire = OnTheWire()
    message = octets(wrapping.make(tree(wire.response(sign=wrapping.signed))))
    trust = trust_in(wire.idp, **wanting(wrapping.signed))
    unverified = UnverifiedResponse(parse(message.decode()), message, "", "", None, None)
    try:
        assertion = verify_response(unverified, trust, exchange_of(trust), NOW, Receipt())
    except Refusal as refusal:
        assert refusal.code in CODES  # noqa: PT017 - a refusal is one of two right ends
    else:
        assert (assertion.name_id, assertion.attributes["mail"]) == (ADA, (ADA,))


@by_wrapping
def test_what_a_signature_covers_is_what_was_signed(wrapping: Wrapping) -> None:
    """Each signature in the wrapped message, wherever it went, yields the original octets or none."""
    wire = OnTheWire()
    root = parse(octets(wrapping.make(tree(wire.response(sign=wrapping.signed)))).decode())
    for carrier in [node for node in root.iter() if node.find(f"{{{DS}}}Signature") is not None]:
        try:
            signed = verify_enveloped(carrier, (wire.idp.public_key,), allow_sha1=False)
        except Refusal:
            continue
        assert MALLORY.encode() not in signed.octets


CHANGES: dict[str, tuple[str, str]] = {
    "the NameID": (f">{ADA}</saml:NameID>", f">{MALLORY}</saml:NameID>"),
    "the NameID's format": ("nameid-format:emailAddress", "nameid-format:unspecified"),
    "a NameQualifier more": ("<saml:NameID ", '<saml:NameID NameQualifier="x" '),
    "the e-mail address": (f">{ADA}</saml:AttributeValue>", f">{MALLORY}</saml:AttributeValue>"),
    "an attribute value more": (
        f">{ADA}</saml:AttributeValue>",
        f">{ADA}</saml:AttributeValue><saml:AttributeValue>{MALLORY}</saml:AttributeValue>",
    ),
    "the name of an attribute": ('Name="givenName"', 'Name="givenname"'),
    "two attributes for each other": ('Name="sn"', 'Name="mail"'),
    "the type of a value": ('xsi:type="xs:string"', 'xsi:type="xs:anyURI"'),
    "no type of a value": (' xsi:type="xs:string"', ""),
    "a language": ("<saml:Attribute ", '<saml:Attribute xml:lang="en" '),
    "a base": ("<saml:Attribute ", '<saml:Attribute xml:base="http://evil.test/" '),
    "a blank between elements": ("</saml:Subject>", "</saml:Subject> "),
    "a blank before the subject": ("<saml:Subject>", "\n<saml:Subject>"),
    "the issuer": ("</saml:Issuer>", "/x</saml:Issuer>"),
    "the audience": ("</saml:Audience>", "/x</saml:Audience>"),
    "an audience more": ("</saml:Audience>", "</saml:Audience><saml:Audience>urn:x</saml:Audience>"),
    "a condition more": ("</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>"),
    "the recipient": ("/saml/acs", "/saml/acs2"),
    "an address of the confirmation": ("<saml:SubjectConfirmationData ", '<saml:SubjectConfirmationData Address="::1" '),
    "the session index": ('SessionIndex="', 'SessionIndex="x'),
    "the class": ("ac:classes:PasswordProtectedTransport", "ac:classes:Smartcard"),
    "an attribute less": ('<saml:Attribute Name="sn"', '<saml:Attribute Name="xx"'),
}


@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_after_signing_is_refused(arena: World, name: str, signed: str) -> None:
    """Name, values, types, blanks, conditions, names of attributes: each is under the digest."""
    victim = pending(settle(arena, **wanting(signed)))
    text = victim.response(sign=signed).decode()
    start = text.index("<saml:Assertion")
    old, new = CHANGES[name]
    message = text[:start].encode() + swap(text[start:], old, new)
    refused = refuse(victim, message, "signature_invalid")
    assert refused.check == ("assertion_signature" if signed == "assertion" else "response_signature")


@pytest.mark.parametrize("attribute", ["NotOnOrAfter", "NotBefore", "IssueInstant", "AuthnInstant", "InResponseTo", "ID"])
def test_times_and_ids_changed_after_signing_are_refused(arena: World, attribute: str) -> None:
    """Nothing about when, for what or which is the attacker's to say."""
    victim = pending(settle(arena))
    text = victim.response().decode()
    start = text.index("<saml:Assertion")
    new = "_0123456789abcdef" if attribute in {"ID", "InResponseTo"} else "2026-01-01T00:00:00Z"
    changed = re.sub(rf'\b{attribute}="[^"]*"', f'{attribute}="{new}"', text[start:])
    assert changed != text[start:]
    assert refuse(victim, (text[:start] + changed).encode(), "signature_invalid").check == "assertion_signature"


NEUTRAL: dict[str, tuple[str, str]] = {
    "a prefix of the response that nobody uses": ("<samlp:Response ", '<samlp:Response xmlns:evil="urn:evil" '),
    "xs bound to something else around the assertion": ("<samlp:Response ", '<samlp:Response xmlns:xs="urn:evil" '),
    "a default namespace around the assertion": ("<samlp:Response ", '<samlp:Response xmlns="urn:evil" '),
    "a default namespace inside": ("<saml:Subject>", '<saml:Subject xmlns="urn:evil">'),
    "the same prefix declared again": ("<saml:Subject>", f'<saml:Subject xmlns:saml="{SAML}">'),
    "comments": ("<saml:Subject>", "<saml:Subject><!-- mallory@acme.test -->"),
    "a comment in the NameID": (f">{ADA}</saml:NameID>", ">ada@<!-- evil.test -->acme.test</saml:NameID>"),
    "CDATA": (f">{ADA}</saml:NameID>", f"><![CDATA[{ADA}]]></saml:NameID>"),
    "references": (f">{ADA}</saml:NameID>", ">&#97;da&#x40;acme.test</saml:NameID>"),
    "blanks inside tags": ("</saml:Subject>", "</saml:Subject\n\t>"),
    "attributes in another order": (
        f'Name="mail" NameFormat="{ATTRIBUTE_BASIC}"',
        f'NameFormat="{ATTRIBUTE_BASIC}" Name="mail"',
    ),
    "single quotes": ('Version="2.0"', "Version='2.0'"),
}


@pytest.mark.parametrize("name", NEUTRAL)
def test_what_canonicalisation_leaves_out_changes_nothing(arena: World, name: str) -> None:
    """Changes after signing that the digest cannot see are not seen by the reader either: Ada is signed in, as signed."""
    victim = pending(settle(arena))
    told = accept_message(victim, swap(victim.response(), *NEUTRAL[name]))
    assert (told["user"]["name_id"], told["user"]["email"], told["user"]["first_name"]) == (ADA, ADA, "Ada")


REBOUND: dict[str, tuple[str, str]] = {
    "saml inside of the assertion": ("<saml:Subject>", '<saml:Subject xmlns:saml="urn:evil">'),
    "ds of the signature": (f'xmlns:ds="{DS}"', 'xmlns:ds="urn:evil"'),
    "saml of the assertion": (f'<saml:Assertion xmlns:saml="{SAML}"', '<saml:Assertion xmlns:saml="urn:evil"'),
    "saml of the protocol": (f'xmlns:samlp="{SAMLP}"', f'xmlns:samlp="{SAML}"'),
    "xsi": (f'xmlns:xsi="{XSI}"', 'xmlns:xsi="urn:evil"'),
    "xs, and a type that it lacks": (f'xmlns:xs="{XS}"', f'xmlns:xs="{SAML}"'),
    "xsi:nil": ("<saml:NameID ", '<saml:NameID xsi:nil="true" '),
    "xsi:type of a NameID": ("<saml:NameID ", '<saml:NameID xsi:type="saml:NameIDType" '),
    "xsi:schemaLocation": ("<saml:NameID ", '<saml:NameID xsi:schemaLocation="urn:x http://127.0.0.1:9/x.xsd" '),
}


@pytest.mark.parametrize("name", REBOUND)
def test_a_prefix_or_type_rebound_after_signing_is_refused(arena: World, name: str) -> None:
    """Names mean something by their namespace: another one is another message."""
    victim = pending(settle(arena))
    old, new = REBOUND[name]
    refuse(victim, swap(victim.response(), old, new, 1), {"signature_invalid", "response_malformed", "signature_missing"})


FRAMES: dict[str, tuple[str, str, str, str]] = {
    "sent elsewhere": ("Destination", "http://globex.localhost:8000/saml/acs", "destination_mismatch", "destination"),
    "sent nowhere": ("Destination", "", "destination_mismatch", "destination"),
    "an answer to nothing": ("InResponseTo", "_0123456789abcdef0123456789abcdef", "in_response_to_mismatch", "in_response_to"),
    "of yesterday": ("IssueInstant", "2020-01-01T00:00:00Z", "expired", "issue_instant"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_signed_assertion_under_a_changed_response_is_refused(arena: World, name: str) -> None:
    """Where only the assertion is signed, the response around it is the attacker's, and no use to them."""
    victim = pending(settle(arena))
    attribute, value, code, check = FRAMES[name]
    root = tree(victim.response())
    root.set(attribute, value)
    assert refuse(victim, octets(root), code).check == check


def _moved(answer: bytes, into: bytes) -> bytes:
    """The assertion of one response in the frame of another."""
    root, donor = tree(into), tree(answer)
    place = child(root, ASSERTION)
    put_after(place, child(donor, ASSERTION))
    root.remove(place)
    return octets(root)


def test_an_assertion_for_one_request_does_not_answer_another(world: World) -> None:
    """Its confirmation names the request under the signature; the response around it cannot say otherwise."""
    first, second = pending(world), pending(world)
    stolen = _moved(first.response(), into=second.response())
    assert refuse(second, stolen, "in_response_to_mismatch").check == "in_response_to"
    first.finish()


def test_an_answer_does_not_pass_as_unsolicited(world: World) -> None:
    """InResponseTo cut from the response leaves it in the signed confirmation."""
    victim = pending(settle(world, allow_idp_initiated=True))
    message = re.sub(rb' InResponseTo="[^"]*"', b"", victim.response(), count=1)
    assert refuse(victim, message, "in_response_to_mismatch", relay_state="").check == "in_response_to"


def test_an_unsolicited_assertion_does_not_answer_a_request(world: World) -> None:
    """InResponseTo written onto the response is not in the signed confirmation."""
    victim = pending(settle(world, allow_idp_initiated=True))
    unasked = victim.world.response(None)
    message = swap(unasked, "<samlp:Response ", f'<samlp:Response InResponseTo="{victim.request_id}" ')
    assert refuse(victim, message, "in_response_to_mismatch").check == "in_response_to"


@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_a_forged_sibling_is_refused_on_both_databases(world: World, signed: str) -> None:
    """XSW3 once more, on SQLite and on PostgreSQL: nothing is left behind."""
    victim = pending(settle(world, **wanting(signed)))
    root = tree(victim.response(sign=signed))
    original = child(root, ASSERTION)
    original.addprevious(forged(original))
    refuse(victim, octets(root), CODES)


@pytest.mark.parametrize("first", ["encrypted", "plain"])
@pytest.mark.parametrize("forge", [True, False], ids=["plain one forged", "both good"])
def test_an_encrypted_and_a_plain_assertion_are_one_too_many(arena: World, first: str, forge: bool) -> None:
    """A good encrypted assertion beside a plain one, forged or good, in either order."""
    victim = pending(settle(arena))
    root = tree(victim.response(encrypt="aes256-gcm", encryption_certificate=victim.encryption_certificate))
    encrypted, plain = child(root, ENCRYPTED_ASSERTION), child(tree(victim.response()), ASSERTION)
    added = forged(plain) if forge else plain
    (encrypted.addnext if first == "encrypted" else encrypted.addprevious)(added)
    assert refuse(victim, octets(root), "assertion_invalid").check == "one_assertion"
