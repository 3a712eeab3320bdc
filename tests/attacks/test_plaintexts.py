"""What stands inside of a ciphertext is no better than what stands outside: one assertion, itself signed where it has to be.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.attacks.answering import accept_message
from tests.attacks.ciphers import (
    assert_uniform,
    assertion_in,
    carrying,
    encrypted,
    seal,
    sealed,
)
from tests.attacks.support import MALLORY, Pending, pending, refuse, settle
from tests.attacks.surgery import (
    ADA,
    ASSERTION,
    ENCRYPTED_ASSERTION,
    SIGNATURE,
    child,
    forged,
    octets,
    put_after,
    replace_in,
    swap,
    tree,
)
from tests.support.keys import rsa_key
from tests.support.saml_xml import SAML, SAMLP
from tests.support.world import World

FAILED, INVALID, MISSING, MALFORMED = "decryption_failed", "signature_invalid", "signature_missing", "response_malformed"
SIGNED_AS_A_WHOLE = {"want_assertions_signed": False, "want_messages_signed": True}
MALLORYS = rsa_key("mallory")
DECLARED = f' xmlns:saml="{SAML}"'


def test_encryption_is_no_signature(arena: World) -> None:
    """The attacker's own assertion, encrypted with our public key: unsigned, signed by a stranger, or forged."""
    victim = pending(settle(arena))
    bare = assertion_in(victim.response(sign="none", name_id=MALLORY))
    own = assertion_in(victim.response(signing_key=MALLORYS, name_id=MALLORY))
    changed = assertion_in(victim.response()).replace(ADA, MALLORY)
    for plaintext, code in ((bare, MISSING), (own, INVALID), (changed, INVALID)):
        victim = pending(arena)
        refuse(victim, carrying(victim, seal(plaintext, victim.encryption_certificate).xml), code)


def test_an_unsigned_assertion_inside_is_refused_where_it_has_to_be_signed(world: World) -> None:
    """The response's signature covers the ciphertext, and that is enough only where the settings say so."""
    victim = pending(settle(world, want_messages_signed=True))
    refuse(victim, encrypted(victim, sign="response"), MISSING)
    victim = pending(settle(world, **SIGNED_AS_A_WHOLE))
    assert accept_message(victim, encrypted(victim, sign="response"))["user"]["email"] == ADA


@pytest.mark.parametrize("signed", ["response", "both"])
def test_a_ciphertext_exchanged_in_a_signed_response_is_refused(arena: World, signed: str) -> None:
    """The signature covers the ciphertext, so another one, even a better one, breaks it."""
    victim = pending(settle(arena, want_assertions_signed=signed == "both", want_messages_signed=True))
    root, replacement = tree(encrypted(victim, sign=signed)), tree(carrying(victim, sealed(victim).xml))
    replace_in(child(root, ENCRYPTED_ASSERTION), child(replacement, ENCRYPTED_ASSERTION))
    assert refuse(victim, octets(root), INVALID).check == "response_signature"


def test_a_stolen_ciphertext_answers_no_other_request(world: World) -> None:
    """The signed confirmation inside names the request; a frame of the attacker's cannot change it."""
    first, second = pending(world), pending(world)
    root, stolen = tree(second.response()), tree(encrypted(first))
    replace_in(child(root, ASSERTION), child(stolen, ENCRYPTED_ASSERTION))
    refuse(second, octets(root), "in_response_to_mismatch")
    first.finish()


def good_one(victim: Pending) -> str:
    """Ada's signed assertion."""
    return assertion_in(victim.response())


def evil_one(victim: Pending) -> str:
    """Mallory's, without a signature."""
    return octets(forged(tree(good_one(victim).encode()))).decode()


def evil_with(addition: str, before: str) -> Callable[[Pending], str]:
    """Mallory's with the signed original, where {} stands, put before a place."""
    return lambda victim: evil_one(victim).replace(before, addition.format(good_one(victim)) + before, 1)


def good_with(old: str, new: str) -> Callable[[Pending], str]:
    """Ada's with a text put in the place of another."""
    return lambda victim: swap(good_one(victim), old, new).decode()


def evil_with_the_signature(victim: Pending) -> str:
    """Mallory's with the signature of Ada's."""
    original = tree(good_one(victim).encode())
    evil = forged(original)
    put_after(evil[0], child(original, SIGNATURE))
    return octets(evil).decode()


IN_STATEMENT = '<saml:Attribute Name="x"><saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>'
WRAPPED: dict[str, Callable[[Pending], str]] = {
    "the original in the forged one's advice": evil_with("<saml:Advice>{}</saml:Advice>", "<saml:AuthnStatement"),
    "the original in the forged one's attribute": evil_with(IN_STATEMENT, "</saml:AttributeStatement>"),
    "the forged with the signature": evil_with_the_signature,
    "the forged with the signature and the ID": good_with(ADA, MALLORY),
    "a forged assertion in the signed one": lambda victim: good_one(victim).replace(
        "<saml:AuthnStatement", f"<saml:Advice>{evil_one(victim)}</saml:Advice><saml:AuthnStatement"
    ),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_wrapping_inside_of_a_ciphertext_is_refused(arena: World, name: str) -> None:
    """The same rules hold inside: one signature, on the assertion that is read."""
    victim = pending(settle(arena))
    plaintext = WRAPPED[name](victim)
    refuse(victim, carrying(victim, seal(plaintext, victim.encryption_certificate).xml), {INVALID, MISSING})


EXTERNAL = "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
PLAINTEXTS: dict[str, Callable[[Pending], str | bytes]] = {
    "two assertions": lambda victim: good_one(victim) + evil_one(victim),
    "two assertions, the forged one first": lambda victim: evil_one(victim) + good_one(victim),
    "twice the same": lambda victim: good_one(victim) * 2,
    "the original inside of the forged": evil_with("{}", "</saml:Assertion>"),
    "a response": lambda victim: victim.response(),
    "an encrypted assertion": lambda victim: seal(good_one(victim), victim.encryption_certificate).xml,
    "a NameID": lambda _: f"<saml:NameID{DECLARED}>{MALLORY}</saml:NameID>",
    "an attribute": lambda _: f"<saml:Attribute{DECLARED} Name='mail'/>",
    "a status": lambda _: f"<samlp:Status xmlns:samlp='{SAMLP}'><samlp:StatusCode Value='x'/></samlp:Status>",
    "the assertion under another name": good_with("saml:Assertion", "saml:Evidence"),
    "the assertion of another namespace": good_with(SAML, "urn:oasis:names:tc:SAML:1.0:assertion"),
    "text before": lambda victim: "x" + good_one(victim),
    "text behind": lambda victim: good_one(victim) + "x",
    "a processing instruction before": lambda victim: "<?evil?>" + good_one(victim),
    "a processing instruction inside": good_with("<saml:Subject>", "<?evil?><saml:Subject>"),
    "a document type": lambda victim: EXTERNAL + good_one(victim),
    "an entity": good_with(f">{ADA}</saml:NameID>", ">&e;</saml:NameID>"),
    "an end of its place": lambda victim: f"</context>{good_one(victim)}<context>",
    "an end of the response": lambda victim: f"</saml:EncryptedAssertion></samlp:Response>{good_one(victim)}",
    "an open comment": lambda victim: "<!--" + good_one(victim),
    "in UTF-16": lambda victim: good_one(victim).encode("utf-16"),
    "in UTF-16 without a mark": lambda victim: good_one(victim).encode("utf-16-le"),
    "in Latin 1 without saying so": lambda victim: good_one(victim).replace(">Ada<", ">Ad\xe9<").encode("latin-1"),
    "with two marks": lambda victim: "\ufeff\ufeff" + good_one(victim),
    "hexadecimal": lambda victim: good_one(victim).encode().hex(),
    "deflated": lambda victim: zlib.compress(good_one(victim).encode()),
    "nothing": lambda _: b"",
    "a NUL": lambda _: b"\0",
    "blanks": lambda _: " \n",
    "a thousand levels": lambda _: "<a>" * 1000 + "</a>" * 1000,
}


@pytest.mark.parametrize("name", PLAINTEXTS)
def test_a_plaintext_is_one_assertion(arena: World, name: str) -> None:
    """Other elements, several, other documents: all fail in the words of a wrong key."""
    victim = pending(settle(arena))
    plaintext = PLAINTEXTS[name](victim)
    assert_uniform(refuse(victim, carrying(victim, seal(plaintext, victim.encryption_certificate).xml), FAILED))


def test_an_id_of_the_frame_inside_is_refused(arena: World) -> None:
    """The ID of the response, of the EncryptedData or of another part does not come again in the plaintext."""
    victim = pending(settle(arena))
    good = assertion_in(victim.response(assertion_id="_the0ne"))
    message = carrying(victim, seal(good, victim.encryption_certificate).xml, response_id="_the0ne")
    assert_uniform(refuse(victim, message, FAILED))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(str, id="of the response"),
        pytest.param(lambda xml: xml.replace("EncryptedData ", 'EncryptedData xmlns:saml="urn:evil" '), id="replaced"),
    ],
)
def test_namespaces_of_the_frame_serve_the_plaintext(arena: World, change: Callable[[str], str]) -> None:
    """What stands around the EncryptedData is in force inside (XML Encryption 4.5); what stands on it goes with it."""
    victim = pending(settle(arena))
    bare = good_one(victim).replace(DECLARED, "", 1)
    message = carrying(victim, change(seal(bare, victim.encryption_certificate).xml))
    assert accept_message(victim, message)["user"]["email"] == ADA


def test_a_prefix_rebound_around_a_plaintext_makes_it_something_else(arena: World) -> None:
    """An element of another namespace is no assertion, whatever its name."""
    victim = pending(settle(arena))
    bare = good_one(victim).replace(DECLARED, "", 1)
    wrapper = seal(bare, victim.encryption_certificate).xml.replace("saml:EncryptedAssertion", "a:EncryptedAssertion")
    message = carrying(victim, wrapper.replace(DECLARED, f' xmlns:a="{SAML}" xmlns:saml="urn:evil"', 1))
    assert_uniform(refuse(victim, message, FAILED))


@pytest.mark.parametrize("encrypt", [None, "aes256-gcm"], ids=["plain", "encrypted"])
def test_an_assertion_inside_of_a_signed_one_is_refused(arena: World, encrypt: str | None) -> None:
    """Even where the identity provider has signed both as one: who reads the inner one elsewhere would read another person."""
    victim = pending(settle(arena))
    inner = IN_STATEMENT.format(evil_one(victim)) + "</saml:AttributeStatement>"
    message = victim.response(
        before_signing=lambda xml: xml.replace("</saml:AttributeStatement>", inner),
        encrypt=encrypt,
        encryption_certificate=victim.encryption_certificate,
    )
    assert refuse(victim, message, "assertion_invalid").check == "one_assertion"


def test_two_encrypted_assertions_are_one_too_many(arena: World) -> None:
    """Both good, both the same, or one forged."""
    for second in ("same", "good", "forged"):
        victim = pending(settle(arena))
        one = sealed(victim)
        other = {"same": one, "good": sealed(victim), "forged": seal("<a/>", victim.encryption_certificate)}[second]
        assert refuse(victim, carrying(victim, one.xml + other.xml), "assertion_invalid").check == "one_assertion"


def test_an_assertion_in_the_open_inside_of_an_encrypted_one_is_refused(arena: World) -> None:
    """EncryptedAssertion holds ciphertext; an assertion in its KeyInfo or beside it has no business there."""
    victim = pending(settle(arena))
    hidden = octets(forged(tree(assertion_in(victim.response()).encode()))).decode()
    good = replace(sealed(victim), before_keys=hidden)
    refuse(victim, carrying(victim, good.xml), {"assertion_invalid", MALFORMED})
