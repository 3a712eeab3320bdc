"""EncryptedID and EncryptedAttribute: opened after the signature that covers them, and only for what belongs there."""

from __future__ import annotations

import pytest

from tests.attacks.answering import accept
from tests.attacks.ciphers import (
    assert_uniform,
    carrying,
    seal,
)
from tests.attacks.support import MALLORY, pending, refuse, settle
from tests.attacks.surgery import ADA, octets, replace_in, swap, tree
from tests.support.keys import certificate_of, rsa_key
from tests.support.saml_xml import SAML
from tests.support.world import World
from tests.support.xml_encryption import encrypted_xml

FAILED, INVALID, MALFORMED = "decryption_failed", "signature_invalid", "response_malformed"


@pytest.mark.parametrize("cipher", ["aes256-gcm", "aes128-cbc"])
def test_an_encrypted_name_id_is_read(world: World, cipher: str) -> None:
    """The assertion's signature covers its ciphertext, so CBC is good here."""
    victim = pending(world)
    certificate = victim.encryption_certificate
    told = accept(victim, encrypt_name_id=cipher, encryption_certificate=certificate)
    assert told["user"]["name_id"] == ADA
    victim = pending(world)
    told = accept(victim, encrypt_name_id=cipher, encrypt="aes256-gcm", encryption_certificate=certificate)
    assert told["user"]["name_id"] == ADA


ISSUED = f'<saml:Assertion xmlns:saml="{SAML}" ID="_x" Version="2.0" IssueInstant="2026-01-01T00:00:00Z">'
NAME_IDS: dict[str, str] = {
    "an assertion": ISSUED + "<saml:Issuer>x</saml:Issuer></saml:Assertion>",
    "another identifier": f'<saml:BaseID xmlns:saml="{SAML}"/>',
    "two": f'<saml:NameID xmlns:saml="{SAML}">a</saml:NameID>' * 2,
    "text": ADA,
    "elements inside": f'<saml:NameID xmlns:saml="{SAML}">ada<b/>@acme.test</saml:NameID>',
    "a document type": f'<!DOCTYPE x><saml:NameID xmlns:saml="{SAML}">{ADA}</saml:NameID>',
    "an entity": f'<saml:NameID xmlns:saml="{SAML}">&e;</saml:NameID>',
    "an instruction": f'<saml:NameID xmlns:saml="{SAML}">ada<?x?></saml:NameID>',
    "nothing": "",
}


@pytest.mark.parametrize("name", NAME_IDS)
def test_an_encrypted_id_that_holds_no_name_id_is_refused(arena: World, name: str) -> None:
    """One NameID; anything else fails in the words of a wrong key."""
    victim = pending(settle(arena))
    hidden = encrypted_xml(NAME_IDS[name].encode(), victim.encryption_certificate, wrapper="EncryptedID")
    assert_uniform(refuse(victim, victim.response(name_id_xml=hidden), FAILED))


def test_an_empty_encrypted_name_id_is_nobody(arena: World) -> None:
    """It opens, and names nobody."""
    for text in ("", " ", "<!-- ada -->"):
        victim = pending(settle(arena))
        plaintext = f'<saml:NameID xmlns:saml="{SAML}">{text}</saml:NameID>'
        hidden = encrypted_xml(plaintext.encode(), victim.encryption_certificate, wrapper="EncryptedID")
        assert refuse(victim, victim.response(name_id_xml=hidden), "subject_invalid").check == "subject"


def test_a_name_id_for_another_key_does_not_open(arena: World) -> None:
    """A stranger's key, or another tenant's."""
    for certificate in (certificate_of(rsa_key("stranger")), pending(arena, arena.globex).encryption_certificate):
        victim = pending(settle(arena))
        message = victim.response(encrypt_name_id="aes256-gcm", encryption_certificate=certificate)
        assert_uniform(refuse(victim, message, FAILED))


@pytest.mark.parametrize("original", ["NameID", "EncryptedID"])
def test_an_encrypted_name_id_of_the_attackers_breaks_the_signature(arena: World, original: str) -> None:
    """Put in the place of the NameID, or of another EncryptedID, after signing."""
    victim = pending(settle(arena))
    certificate = victim.encryption_certificate
    plaintext = f'<saml:NameID xmlns:saml="{SAML}">{MALLORY}</saml:NameID>'.encode()
    cipher = "aes256-gcm" if original == "EncryptedID" else None
    root = tree(victim.response(encrypt_name_id=cipher, encryption_certificate=certificate))
    mine = encrypted_xml(plaintext, certificate, wrapper="EncryptedID")
    replace_in(next(root.iter(f"{{{SAML}}}{original}")), tree(mine.encode()))
    refuse(victim, octets(root), INVALID)


def test_a_name_id_beside_an_encrypted_one_is_refused(arena: World) -> None:
    """The two together are no subject."""
    victim = pending(settle(arena))
    plaintext = f'<saml:NameID xmlns:saml="{SAML}">{MALLORY}</saml:NameID>'.encode()
    both = f"<saml:NameID>{ADA}</saml:NameID>" + encrypted_xml(plaintext, victim.encryption_certificate, wrapper="EncryptedID")
    refuse(victim, victim.response(name_id_xml=both), MALFORMED)


def test_encrypted_attributes_are_refused_and_not_lost(arena: World) -> None:
    """To pass over one would be to lose an attribute without a word."""
    victim = pending(settle(arena))
    plaintext = f'<saml:Attribute xmlns:saml="{SAML}" Name="mail"/>'.encode()
    hidden = encrypted_xml(plaintext, victim.encryption_certificate, wrapper="EncryptedAttribute")
    place = "<saml:AttributeStatement>"
    message = victim.response(before_signing=lambda xml: swap(xml, place, place + hidden).decode())
    refuse(victim, message, FAILED)


def test_what_fails_to_open_leaves_no_text_behind(arena: World) -> None:
    """Neither the record nor the page holds a word of a plaintext or a ciphertext."""
    victim = pending(settle(arena))
    sealed_in = seal(f"<secret>{MALLORY}</secret>", victim.encryption_certificate)
    refused = refuse(victim, carrying(victim, sealed_in.xml), FAILED)
    kept = refused.cause + refused.masked_xml + refused.page + str(refused.lines)
    assert MALLORY not in kept
    assert "secret" not in kept
    assert sealed_in.xml[sealed_in.xml.index("CipherValue>") + 12 :][:40] not in kept
