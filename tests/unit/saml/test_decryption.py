"""Encrypted assertions and identifiers."""

from __future__ import annotations

import base64
import re

import pytest

from identity.checks import Receipt
from tenants.errors import Refusal
from tests.support.keys import rsa_key
from tests.support.saml_xml import SAML
from tests.support.xml_encryption import CIPHERS, encrypted_xml
from tests.support.xml_signing import sign
from tests.unit.saml.judging import IDP, SP_CERTIFICATE, SP_KEY, accept, encrypted, response, swap, verdict

GCM = [name for name in CIPHERS if name.endswith("gcm")]
CBC = [name for name in CIPHERS if name.endswith("cbc")]
SIGNED_BY_RESPONSE = {"want_assertions_signed": False, "want_messages_signed": True}


def with_plaintext(plaintext: str, *, cipher: str = "aes256-gcm", sign_response: bool = False) -> bytes:
    """A good response whose encrypted assertion is replaced by any plaintext, encrypted for us."""
    inner = encrypted_xml(plaintext.encode(), SP_CERTIFICATE, cipher)
    xml = re.sub(rb"<saml:Assertion.*</saml:Assertion>", lambda _: inner.encode(), response(sign="none"), flags=re.DOTALL)
    found = re.search(rb'ID="([^"]+)"', xml)
    assert found is not None
    return sign(xml, found[1].decode(), IDP.key) if sign_response else xml


def assertion_in(xml: bytes) -> str:
    """The text of the assertion."""
    found = re.search(r"<saml:Assertion.*</saml:Assertion>", xml.decode(), re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("cipher", GCM)
@pytest.mark.parametrize("key_place", ["inside", "beside", "referred"])
def test_gcm_opens(cipher: str, key_place: str) -> None:
    """Every key length, and the key wherever identity providers put it."""
    assert accept(encrypted(cipher, encryption_options={"key_place": key_place})).name_id == "alice@acme.test"


@pytest.mark.parametrize("cipher", CBC)
def test_cbc_opens_inside_a_signed_response_or_by_exception(cipher: str) -> None:
    """Otherwise anyone could alter the ciphertext and learn from our answers."""
    assert verdict(encrypted(cipher, sign="both")) == "accepted"
    assert verdict(encrypted(cipher, sign="response"), **SIGNED_BY_RESPONSE) == "accepted"
    assert verdict(encrypted(cipher)) == "decryption_failed"
    assert verdict(encrypted(cipher), allow_unsigned_cbc=True) == "accepted"


@pytest.mark.parametrize(
    "options",
    [
        {"key_transport": "rsa-oaep-mgf1p"},
        {"key_transport": "rsa-oaep-mgf1p", "oaep_digest": "sha256"},
        {"key_transport": "rsa-oaep"},
        {"key_transport": "rsa-oaep", "oaep_digest": "sha256", "mgf_digest": "sha256"},
        {"key_transport": "rsa-oaep", "oaep_digest": "sha512", "mgf_digest": "sha1"},
        {"key_transport": "rsa-oaep", "oaep_digest": "sha384", "mgf_digest": "sha384"},
    ],
)
def test_oaep_opens(options: dict[str, str]) -> None:
    """Both names of RSA-OAEP with the digests of the list."""
    assert verdict(encrypted(encryption_options=options)) == "accepted"


def test_rsa_1_5_and_other_algorithms_are_never_tried() -> None:
    """The refusal names the algorithm and comes before any key is used, so it says nothing about a key."""
    forbidden = [
        encrypted(encryption_options={"key_transport": "rsa-1_5"}),
        encrypted(encryption_options={"key_transport": "rsa-1_5"}, sign="both"),
        encrypted(encryption_options={"key_transport": "rsa-oaep-mgf1p", "mgf_digest": "sha256"}),
        swap(encrypted(), "xmlenc11#aes256-gcm", "xmlenc11#aes256-foo"),
        swap(encrypted("aes256-cbc"), "#aes256-cbc", "#tripledes-cbc"),
        swap(encrypted(), '#rsa-oaep-mgf1p">', '#rsa-oaep-mgf1p"><xenc:OAEPparams>QQ==</xenc:OAEPparams>'),
        swap(
            encrypted(),
            '#rsa-oaep-mgf1p">',
            '#rsa-oaep-mgf1p"><ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="urn:md5"/>',
        ),
    ]
    for xml in forbidden:
        assert verdict(xml, decryption_keys=()) == "algorithm_not_allowed"


def test_every_current_key_is_tried() -> None:
    """During a rollover the older key still opens; without it nothing does."""
    assert verdict(encrypted(), decryption_keys=(rsa_key("next"), SP_KEY)) == "accepted"
    assert verdict(encrypted(), decryption_keys=(rsa_key("next"),)) == "decryption_failed"
    assert verdict(encrypted(), decryption_keys=()) == "decryption_failed"


def test_a_cipher_reference_is_not_followed() -> None:
    """There is no way from a message to a file or another host."""
    xml = re.sub(
        rb"<xenc:CipherValue>[^<]*</xenc:CipherValue>(</xenc:CipherData></xenc:EncryptedData>)",
        rb'<xenc:CipherReference URI="file:///etc/passwd"/>\1',
        encrypted(),
    )
    assert b"CipherReference" in xml
    assert verdict(xml) == "decryption_failed"


def test_too_many_keys_are_not_tried() -> None:
    """Each would cost RSA operations."""
    xml = encrypted().decode()
    key = re.search(r"<xenc:EncryptedKey.*?</xenc:EncryptedKey>", xml)
    assert key is not None
    bare = re.sub(r' Id="[^"]*"', "", key[0])
    assert verdict(xml.replace(key[0], bare * 4)) == "accepted"
    assert verdict(xml.replace(key[0], bare * 5)) == "decryption_failed"


def faults(cipher: str) -> dict[str, bytes]:
    """Ciphertexts that fail in every way that depends on a secret result."""
    good = encrypted(cipher)
    values = re.findall(rb"<xenc:CipherValue>([^<]+)<", good)
    wrapped, content = (base64.b64decode(value) for value in values)

    def with_values(new_wrapped: bytes, new_content: bytes) -> bytes:
        return good.replace(values[0], base64.b64encode(new_wrapped)).replace(values[1], base64.b64encode(new_content))

    plain = assertion_in(response())
    return {
        "wrapped key altered": with_values(bytes([wrapped[0]]) + bytes(len(wrapped) - 1), content),
        "wrapped key larger than the modulus": with_values(b"\xff" * len(wrapped), content),
        "wrapped key short": with_values(wrapped[:-1], content),
        "wrapped key empty": with_values(b"", content),
        "content altered": with_values(wrapped, content[:40] + bytes([content[40] ^ 1]) + content[41:]),
        "last octet altered": with_values(wrapped, content[:-1] + bytes([content[-1] ^ 1])),
        "content short": with_values(wrapped, content[:20]),
        "content empty": with_values(wrapped, b""),
        "content not of whole blocks": with_values(wrapped, content[:-3]),
        "key of another length": good.replace(b"aes256", b"aes128"),
        "not XML": with_plaintext("no XML", cipher=cipher),
        "nothing": with_plaintext("", cipher=cipher),
        "two assertions": with_plaintext(plain + plain, cipher=cipher),
        "text beside": with_plaintext(plain + "x", cipher=cipher),
        "another element": with_plaintext(f'<saml:Issuer xmlns:saml="{SAML}">x</saml:Issuer>', cipher=cipher),
        "not by the schema": with_plaintext(plain.replace("<saml:Subject>", "<saml:Evil/><saml:Subject>"), cipher=cipher),
        "a DTD": with_plaintext("<!DOCTYPE a>" + plain, cipher=cipher),
        "leaves its place": with_plaintext(plain + "</context><context>", cipher=cipher),
        "encrypted once more": with_plaintext(encrypted_xml(plain.encode(), SP_CERTIFICATE), cipher=cipher),
    }


@pytest.mark.parametrize("name", faults("aes256-gcm"))
def test_one_refusal_for_every_secret_result(name: str) -> None:
    """Same code, same cause and same place in the receipt, with GCM and with CBC by exception: no oracle."""
    seen = set()
    for cipher in ("aes256-gcm", "aes256-cbc"):
        receipt = Receipt()
        with pytest.raises(Refusal) as caught:
            accept(faults(cipher)[name], receipt=receipt, allow_unsigned_cbc=True)
        seen.add((caught.value.code, caught.value.cause, receipt.lines[-1].check.id))
    assert seen == {("decryption_failed", "not one element that our current keys open", "decryption")}


def test_unsigned_cbc_tells_nothing_about_the_inner_signature() -> None:
    """A plaintext that parses but is unsigned, badly signed or signed by another key is refused in the same words."""
    stranger = response(signing_key=rsa_key("stranger"))
    for xml in (response(sign="none"), stranger, swap(response(), "Alice", "Mallory"), response(digest="sha1")):
        receipt = Receipt()
        with pytest.raises(Refusal) as caught:
            accept(with_plaintext(assertion_in(xml), cipher="aes128-cbc"), receipt=receipt, allow_unsigned_cbc=True)
        assert (caught.value.code, caught.value.cause) == ("decryption_failed", "not one element that our current keys open")
        assert receipt.lines[-1].check.id == "decryption"


def test_gcm_is_not_opened_as_cbc() -> None:
    """Calling a GCM ciphertext CBC does not make it one: same words as for every other fault."""
    xml = swap(encrypted(), "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#aes256-cbc")
    assert verdict(xml, allow_unsigned_cbc=True) == "decryption_failed"


def test_whoever_encrypts_does_not_sign() -> None:
    """Our public key is public: an unsigned assertion in good GCM is no more than an unsigned assertion."""
    assert verdict(with_plaintext(assertion_in(response(sign="none")))) == "signature_missing"
    assert verdict(with_plaintext(assertion_in(response(signing_key=rsa_key("stranger"))))) == "signature_invalid"
    assert verdict(with_plaintext(assertion_in(response()))) == "accepted"


def test_the_plaintext_stands_in_the_namespaces_of_its_place() -> None:
    """Identity providers leave out declarations that the outer message has (XML Encryption 4.4, decryption step 6)."""
    declared = f' xmlns:saml="{SAML}"'
    xs, xsi = ' xmlns:xs="http://www.w3.org/2001/XMLSchema"', ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    plain = assertion_in(response())
    for removed in (declared, xs, xsi):
        assert plain.count(removed) == 1
    bare = plain.replace(declared, "").replace(xs, "").replace(xsi, "")
    xml = with_plaintext(bare)
    assert verdict(xml) == "decryption_failed"  # xs and xsi are declared nowhere now
    assert verdict(swap(xml, "<samlp:Response ", f"<samlp:Response{xs}{xsi} ", 1)) == "accepted"


def test_ids_of_the_plaintext_are_new() -> None:
    """An inner ID that the outer message uses as well is refused."""
    plain = assertion_in(response())
    inner = re.search(r'ID="([^"]+)"', plain)
    assert inner is not None
    clash = re.sub(rb'(<samlp:Response [^>]*)ID="[^"]+"', rb'\1ID="%s"' % inner[1].encode(), with_plaintext(plain))
    assert verdict(clash) == "decryption_failed"


@pytest.mark.parametrize("cipher", ["aes128-gcm", "aes256-cbc"])
def test_an_encrypted_name_id_is_opened_after_verification(cipher: str) -> None:
    """The assertion's signature covers the ciphertext, so CBC is fine here."""
    xml = response(encrypt_name_id=cipher, encryption_certificate=SP_CERTIFICATE)
    assert accept(xml).name_id == "alice@acme.test"
    assert verdict(xml, decryption_keys=(rsa_key("next"),)) == "decryption_failed"


def test_an_encrypted_id_holds_a_name_id_only() -> None:
    """Anything else in it is refused in the same words."""
    hidden = encrypted_xml(assertion_in(response()).encode(), SP_CERTIFICATE, wrapper="EncryptedID")
    assert verdict(response(name_id_xml=hidden)) == "decryption_failed"


def test_encrypted_attributes_are_refused_clearly() -> None:
    """They would be lost silently otherwise."""
    hidden = encrypted_xml(b"<saml:Attribute Name='mail'/>", SP_CERTIFICATE, wrapper="EncryptedAttribute")
    receipt = Receipt()
    with pytest.raises(Refusal, match="whole assertion encrypted") as caught:
        accept(response(attributes_xml=f"<saml:AttributeStatement>{hidden}</saml:AttributeStatement>"), receipt=receipt)
    assert caught.value.code == "decryption_failed"
