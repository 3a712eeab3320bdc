"""Signatures that are not there: what the settings want has to be signed, and what is signed has to hold.

All of it is judged before a database is asked, so it runs on SQLite alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from lxml import etree

from tests.attacks.answering import accept
from tests.attacks.signers import with_value
from tests.attacks.support import MALLORY, pending, refuse, settle
from tests.attacks.surgery import ADA, ASSERTION, SIGNATURE, child, octets, swap, tree
from tests.support.keys import rsa_key
from tests.support.saml_xml import DS
from tests.support.world import World
from tests.support.xml_signing import sign

INVALID, MISSING, MALFORMED = "signature_invalid", "signature_missing", "response_malformed"
MALLORYS = rsa_key("mallory")


COMBINATIONS = [
    pytest.param({"want_assertions_signed": True, "want_messages_signed": False}, id="assertion wanted"),
    pytest.param({"want_assertions_signed": False, "want_messages_signed": True}, id="response wanted"),
    pytest.param({"want_assertions_signed": True, "want_messages_signed": True}, id="both wanted"),
]


@pytest.mark.parametrize("wanted", COMBINATIONS)
@pytest.mark.parametrize("there", ["none", "assertion", "response", "both"])
def test_what_is_wanted_has_to_be_signed(arena: World, there: str, wanted: dict[str, bool]) -> None:
    """Each of the four forms under each of the three settings: accepted where it has what is wanted, else missing."""
    victim = pending(settle(arena, **wanted))
    good = (there in {"assertion", "both"} or not wanted["want_assertions_signed"]) and (
        there in {"response", "both"} or not wanted["want_messages_signed"]
    )
    if good:
        accept(victim, sign=there)
    else:
        assert refuse(victim, victim.response(sign=there), MISSING).check == "signed"


def test_neither_signature_cannot_be_chosen(arena: World) -> None:
    """Settings with both off are refused with the reason, for either field."""
    path = "/tenants/acme/identity-providers/main/saml-settings"
    answer = arena.api("PATCH", path, json={"want_assertions_signed": False, "want_messages_signed": False})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "settings_invalid")


def _stripped(xml: bytes) -> bytes:
    root = tree(xml)
    for signature in list(root.iter(SIGNATURE)):
        parent = signature.getparent()
        assert parent is not None
        parent.remove(signature)
    return octets(root)


def _emptied(xml: bytes, *, keep: tuple[str, ...] = ()) -> bytes:
    root = tree(xml)
    for signature in root.iter(SIGNATURE):
        for part in list(signature):
            if etree.QName(part).localname not in keep:
                signature.remove(part)
    return octets(root)


STRIPPED: dict[str, tuple[Callable[[bytes], bytes], set[str]]] = {
    "taken out": (_stripped, {MISSING}),
    "emptied": (_emptied, {MALFORMED}),
    "KeyInfo left": (lambda xml: _emptied(xml, keep=("KeyInfo",)), {MALFORMED}),
    "SignedInfo left": (lambda xml: _emptied(xml, keep=("SignedInfo", "KeyInfo")), {MALFORMED}),
    "SignatureValue left": (lambda xml: _emptied(xml, keep=("SignatureValue", "KeyInfo")), {MALFORMED}),
    "no value": (lambda xml: with_value(xml, b""), {INVALID}),
    "a value of blanks": (lambda xml: re.sub(rb"<ds:SignatureValue>[^<]*", b"<ds:SignatureValue> \n", xml), {INVALID}),
    "a value that is no base64": (
        lambda xml: re.sub(rb"<ds:SignatureValue>", b"<ds:SignatureValue>=", xml),
        {INVALID, MALFORMED},
    ),
    "a value twice": (lambda xml: re.sub(rb"(<ds:SignatureValue>[^<]*</ds:SignatureValue>)", rb"\1\1", xml), {MALFORMED}),
    "another namespace": (
        lambda xml: swap(xml, f'xmlns:ds="{DS}"', 'xmlns:ds="http://www.w3.org/2000/09/xmldsig"'),
        {MALFORMED, MISSING},
    ),
    "small letters": (
        lambda xml: swap(xml, "ds:Signature>", "ds:signature>").replace(b"<ds:Signature xmlns", b"<ds:signature xmlns"),
        {MALFORMED},
    ),
    "commented out": (lambda xml: re.sub(rb"(<ds:Signature .*</ds:Signature>)", rb"<!--\1-->", xml), {MISSING}),
}


@pytest.mark.parametrize("name", STRIPPED)
@pytest.mark.parametrize("forged", [True, False], ids=["forged", "as signed"])
def test_a_signature_taken_away_is_missed(arena: World, name: str, forged: bool) -> None:
    """Stripped, emptied, renamed or commented out: no message is good without its signature, forged or not."""
    victim = pending(settle(arena))
    change, codes = STRIPPED[name]
    message = victim.response()
    if forged:
        message = message.replace(ADA.encode(), MALLORY.encode())
    refuse(victim, change(message), codes)


def test_stripping_one_of_two_signatures_leaves_what_the_settings_want(arena: World) -> None:
    """With both wanted, the response's signature cannot be taken off so that its frame can be changed."""
    victim = pending(settle(arena, want_messages_signed=True))
    root = tree(victim.response(sign="both"))
    root.remove(child(root, SIGNATURE))
    assert refuse(victim, octets(root), MISSING).check == "signed"


def test_a_good_signature_beside_a_bad_one_is_not_enough(arena: World) -> None:
    """A signature that is there has to hold, wanted or not."""
    for wanted in ({"want_messages_signed": False}, {"want_assertions_signed": False, "want_messages_signed": True}):
        victim = pending(settle(arena, **wanted))
        good = victim.response(sign="response")
        id = child(tree(good), ASSERTION).get("ID") or ""
        unsigned = victim.response(sign="none", assertion_id=id + "0")
        inner = sign(unsigned, id + "0", MALLORYS)
        outer = sign(inner, tree(inner).get("ID") or "", arena.acme.idp.key)
        assert refuse(victim, outer, INVALID).check == "assertion_signature"
