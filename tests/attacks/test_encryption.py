"""Encryption: anyone can encrypt for us, so a ciphertext proves nothing; algorithms, forms and keys are ours to choose.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.attacks.answering import accept_message
from tests.attacks.ciphers import (
    CBC,
    OAEP,
    OAEP_MGF1P,
    Sealed,
    assert_uniform,
    assertion_in,
    carrying,
    encrypted,
    sealed,
    wrap,
)
from tests.attacks.listener import Listener
from tests.attacks.support import pending, refuse, settle
from tests.attacks.surgery import (
    ADA,
    tree,
)
from tests.support.keys import certificate_of, rsa_key
from tests.support.saml_xml import DS, XENC
from tests.support.world import World
from tests.support.xml_encryption import CIPHERS, XENC11

FAILED, NOT_ALLOWED, INVALID, MALFORMED = (
    "decryption_failed",
    "algorithm_not_allowed",
    "signature_invalid",
    "response_malformed",
)
GCM_CIPHERS = [name for name in CIPHERS if name.endswith("gcm")]
CBC_CIPHERS = [name for name in CIPHERS if name.endswith("cbc")]
MALLORYS = rsa_key("mallory")

# What is good, so that the rest is bad for its own reason


@pytest.mark.parametrize("cipher", GCM_CIPHERS)
@pytest.mark.parametrize("place", ["inside", "beside", "referred"])
def test_a_good_ciphertext_signs_ada_in(arena: World, cipher: str, place: str) -> None:
    """Every key length of GCM, with the key in each of its places."""
    victim = pending(settle(arena))
    assert accept_message(victim, encrypted(victim, cipher, encryption_options={"key_place": place}))["user"]["email"] == ADA


OAEPS: dict[str, tuple[str, str, str]] = {
    "2001, as it comes": (OAEP_MGF1P, "sha1", "sha1"),
    "2001 with SHA-256": (OAEP_MGF1P, "sha256", "sha1"),
    "2001 with SHA-512": (OAEP_MGF1P, "sha512", "sha1"),
    "2009, as it comes": (OAEP, "sha1", "sha1"),
    "2009 with SHA-256": (OAEP, "sha256", "sha256"),
    "2009 with SHA-384": (OAEP, "sha384", "sha384"),
    "2009 with SHA-512": (OAEP, "sha512", "sha512"),
    "2009 with two": (OAEP, "sha256", "sha1"),
    "2009 with two others": (OAEP, "sha1", "sha512"),
}


@pytest.mark.parametrize("name", OAEPS)
def test_good_variants_of_oaep_sign_ada_in(arena: World, name: str) -> None:
    """Both names of RSA-OAEP with the digests and mask functions of the list."""
    victim = pending(settle(arena))
    uri, digest, mask = OAEPS[name]
    transport = "rsa-oaep" if uri == OAEP else "rsa-oaep-mgf1p"
    options = {"key_transport": transport, "oaep_digest": digest, "mgf_digest": mask}
    assert accept_message(victim, encrypted(victim, encryption_options=options))["user"]["email"] == ADA


def test_the_same_nonce_twice_is_the_senders_own_trouble(arena: World) -> None:
    """One key and nonce for two messages: each is authentic, and each assertion is used once."""
    key, nonce = os.urandom(32), os.urandom(12)
    for _ in range(2):
        victim = pending(settle(arena))
        ciphertext = nonce + AESGCM(key).encrypt(nonce, assertion_in(victim.response()).encode(), None)
        message = carrying(victim, Sealed(ciphertext, wrap(key, victim.encryption_certificate)).xml)
        assert accept_message(victim, message)["user"]["email"] == ADA
        assert "replayed" in victim.send(message).get_data(as_text=True)


# CBC, which anyone can alter


@pytest.mark.parametrize("cipher", CBC_CIPHERS)
def test_cbc_in_an_unsigned_response_is_not_opened(arena: World, cipher: str) -> None:
    """By default nothing is decrypted that an attacker may have altered."""
    victim = pending(settle(arena))
    refused = refuse(victim, encrypted(victim, cipher), FAILED)
    assert "AES-CBC outside of a signed response" in refused.cause


@pytest.mark.parametrize("cipher", CBC_CIPHERS)
def test_cbc_is_opened_in_a_signed_response_or_by_the_switch(world: World, cipher: str) -> None:
    """Inside of a signature nobody has altered it; by the tenant's switch its inner signature decides."""
    victim = pending(settle(world, want_messages_signed=True))
    assert accept_message(victim, encrypted(victim, cipher, sign="both"))["user"]["email"] == ADA
    victim = pending(settle(world, allow_unsigned_cbc=True))
    assert accept_message(victim, encrypted(victim, cipher))["user"]["email"] == ADA


def test_cbc_in_a_response_of_another_signer_is_not_opened(arena: World) -> None:
    """A signature of the attacker's is no signature."""
    victim = pending(settle(arena))
    message = carrying(victim, sealed(victim, "aes256-cbc").xml, MALLORYS)
    assert refuse(victim, message, INVALID).check == "response_signature"


def test_the_switch_asks_for_an_inner_signature(arena: World) -> None:
    """Without one, opened CBC is refused in the same words as a ciphertext that does not open."""
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    assert_uniform(refuse(victim, encrypted(victim, "aes256-cbc", sign="none"), FAILED))


# Algorithms


def _method(digest: str) -> str:
    return f'<ds:DigestMethod xmlns:ds="{DS}" Algorithm="{digest}"/>'


def _mask(name: str) -> str:
    return f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{name}"/>'


ALGORITHMS: dict[str, dict[str, Any]] = {
    "RSA 1.5": {"transport": f"{XENC}rsa-1_5"},
    "no RSA": {"transport": "none"},
    "a wrapped key": {"transport": f"{XENC}kw-aes256"},
    "a wrapped key with 3DES": {"transport": f"{XENC}kw-tripledes"},
    "Diffie-Hellman": {"transport": f"{XENC}dh"},
    "OAEP in capitals": {"transport": OAEP_MGF1P.upper()},
    "OAEP with MD5": {"transport_parts": _method("http://www.w3.org/2001/04/xmldsig-more#md5")},
    "OAEP with SHA-224": {"transport_parts": _method("http://www.w3.org/2001/04/xmldsig-more#sha224")},
    "OAEP with RIPEMD": {"transport_parts": _method(f"{XENC}ripemd160")},
    "OAEP with nothing": {"transport_parts": _method("")},
    "OAEP of 2001 with a mask": {"transport_parts": _mask(f"{XENC11}mgf1sha256")},
    "OAEP with a mask of nothing": {"transport": OAEP, "transport_parts": _mask("")},
    "OAEP with another mask": {"transport": OAEP, "transport_parts": _mask(f"{XENC11}mgf1sha224")},
    "OAEP with a label": {"transport_parts": "<xenc:OAEPparams>QUJD</xenc:OAEPparams>"},
    "3DES": {"algorithm": f"{XENC}tripledes-cbc"},
    "no cipher": {"algorithm": "none"},
    "a cipher without name": {"algorithm": ""},
    "ChaCha20": {"algorithm": "http://www.w3.org/2021/04/xmldsig-more#chacha20poly1305"},
    "GCM under CBC's namespace": {"algorithm": f"{XENC}aes256-gcm"},
    "CBC under GCM's namespace": {"algorithm": f"{XENC11}aes256-cbc"},
    "a wrapped key as content": {"algorithm": f"{XENC}kw-aes256"},
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_on_no_list_is_refused(arena: World, name: str) -> None:
    """Named in the cause, and before any key is tried: whatever it is, it says nothing about a key."""
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    refused = refuse(victim, carrying(victim, replace(sealed(victim), **ALGORITHMS[name]).xml), NOT_ALLOWED)
    assert refused.check == "decryption"


def test_a_real_rsa_1_5_key_is_not_tried(arena: World) -> None:
    """Well made, and inside of a signed response: its padding is never judged at all."""
    for changes in ({"sign": "assertion"}, {"sign": "both"}):
        victim = pending(settle(arena))
        refuse(victim, encrypted(victim, encryption_options={"key_transport": "rsa-1_5"}, **changes), NOT_ALLOWED)


MISLABELLED: dict[str, dict[str, Any]] = {
    "a longer key wanted": {"algorithm": f"{XENC11}aes256-gcm"},
    "a key of 192 bits wanted": {"algorithm": f"{XENC11}aes192-gcm"},
    "another mode": {"algorithm": f"{XENC}aes128-cbc"},
    "another digest": {"transport_parts": _method(f"{XENC}sha256")},
    "another mask": {"transport": OAEP, "transport_parts": _mask(f"{XENC11}mgf1sha256")},
}


@pytest.mark.parametrize("name", MISLABELLED)
def test_a_wrong_label_fails_like_a_wrong_key(arena: World, name: str) -> None:
    """A key of another length, or another mode or digest than was used."""
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    good = sealed(victim, "aes128-gcm")
    assert_uniform(refuse(victim, carrying(victim, replace(good, **MISLABELLED[name]).xml), FAILED))


@pytest.mark.parametrize("claimed", [192, 256])
def test_cbc_with_a_shorter_key_than_it_claims_fails_like_a_wrong_key(arena: World, claimed: int) -> None:
    """The name of the cipher is what was agreed upon, not what comes."""
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    shorter = replace(sealed(victim, "aes128-cbc"), algorithm=f"{XENC}aes{claimed}-cbc")
    assert_uniform(refuse(victim, carrying(victim, shorter.xml), FAILED))


@pytest.mark.parametrize("claimed", ["aes128-gcm", "aes256-gcm"])
def test_gcm_is_not_read_as_cbc_of_the_same_key(arena: World, claimed: str) -> None:
    """The attack that asks a CBC decryptor about a GCM ciphertext (Jager et al. 2013): CBC stays shut."""
    victim = pending(settle(arena))
    good = sealed(victim, claimed)
    refused = refuse(victim, carrying(victim, replace(good, algorithm=CBC.replace("256", claimed[3:6])).xml), FAILED)
    assert "AES-CBC outside of a signed response" in refused.cause


# Forms


def _flood(good: Sealed, count: int) -> Sealed:
    decoys = "".join(replace(good, wrapped=os.urandom(256)).key_xml for _ in range(count))
    return replace(good, before_keys=decoys)


def test_the_right_key_behind_decoys_opens(arena: World) -> None:
    """Four keys are tried, as for four recipients."""
    victim = pending(settle(arena))
    assert accept_message(victim, carrying(victim, _flood(sealed(victim), 3).xml))["user"]["email"] == ADA


@pytest.mark.parametrize("count", [4, 100])
def test_a_flood_of_keys_is_refused(arena: World, count: int) -> None:
    """Each would cost an RSA operation: more than four are not tried at all."""
    victim = pending(settle(arena))
    refused = refuse(victim, carrying(victim, _flood(sealed(victim), count).xml), FAILED)
    assert f"{count + 1} encrypted keys" in refused.cause


def reference(uri: str, inner: str = "") -> str:
    """CipherData that points elsewhere."""
    return f'<xenc:CipherData><xenc:CipherReference URI="{uri}">{inner}</xenc:CipherReference></xenc:CipherData>'


def value(text: str) -> str:
    """CipherData with any text."""
    return f"<xenc:CipherData><xenc:CipherValue>{text}</xenc:CipherValue></xenc:CipherData>"


DECODING = f'<xenc:Transforms><ds:Transform xmlns:ds="{DS}" Algorithm="{DS}base64"/></xenc:Transforms>'
FORMS: dict[str, dict[str, str]] = {
    "no key": {"key_info_xml": ""},
    "the name of a key": {"key_info_xml": "<ds:KeyName>sp</ds:KeyName>"},
    "a key to be fetched": {"key_info_xml": '<ds:RetrievalMethod URI="PLACE/key"/>'},
    "a key in a file": {"key_info_xml": '<ds:RetrievalMethod URI="file:///etc/passwd"/>'},
    "a key agreed upon": {"key_info_xml": f'<xenc:AgreementMethod Algorithm="{XENC}dh"/>'},
    "a reference": {"content_xml": reference("PLACE/x")},
    "a reference to a file": {"content_xml": reference("file:///etc/passwd")},
    "a reference to ourselves": {"content_xml": reference("#x")},
    "a reference with transforms": {"content_xml": reference("PLACE/x", DECODING)},
    "no content": {"content_xml": ""},
    "empty content": {"content_xml": "<xenc:CipherData/>"},
    "content twice": {"content_xml": value("eA==") * 2},
    "content that is no base64": {"content_xml": value("***")},
    "content with the alphabet of URLs": {"content_xml": value("__--")},
    "the type of a content": {"type": f"{XENC}Content"},
    "the type of a key": {"type": f"{XENC}EncryptedKey"},
    "a type that nobody knows": {"type": "urn:x"},
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_is_not_read_is_refused(arena: World, listener: Listener, name: str) -> None:
    """Nothing is fetched, followed or agreed upon."""
    victim = pending(settle(arena))
    changes: dict[str, Any] = {part: text.replace("PLACE", listener.url) for part, text in FORMS[name].items()}
    refuse(victim, carrying(victim, replace(sealed(victim), **changes).xml), {FAILED, MALFORMED})


def test_no_type_is_an_element(arena: World) -> None:
    """Type may be left out; a name of a key beside the key is passed over."""
    victim = pending(settle(arena))
    good = replace(sealed(victim), type=None, before_keys="<ds:KeyName>x</ds:KeyName>")
    assert accept_message(victim, carrying(victim, good.xml))["user"]["email"] == ADA


# Keys of others


def test_a_message_for_another_tenant_does_not_open(world: World) -> None:
    """Each tenant has its own key: what was encrypted for globex is noise to acme."""
    other = pending(world, world.globex)
    victim = pending(world)
    assert_uniform(
        refuse(victim, victim.response(encrypt="aes256-gcm", encryption_certificate=other.encryption_certificate), FAILED)
    )


def test_a_message_for_a_stranger_does_not_open(arena: World) -> None:
    """Nor does one for another key altogether, inside of a signed response."""
    victim = pending(settle(arena, want_messages_signed=True))
    stranger = certificate_of(rsa_key("stranger"))
    assert_uniform(refuse(victim, victim.response(encrypt="aes256-gcm", encryption_certificate=stranger, sign="both"), FAILED))


def test_the_key_for_requests_opens_nothing(arena: World) -> None:
    """The certificate that signs our requests is not one to encrypt with."""
    victim = pending(settle(arena))
    metadata = tree(victim.browser.get("/saml/metadata").get_data())
    signing = metadata.findtext(".//{*}KeyDescriptor[@use='signing']//{*}X509Certificate")
    assert signing
    certificate = f"-----BEGIN CERTIFICATE-----\n{signing}\n-----END CERTIFICATE-----"
    assert_uniform(refuse(victim, victim.response(encrypt="aes256-gcm", encryption_certificate=certificate), FAILED))
