"""Values that are no signatures, digests of nothing, and keys of the wrong kind: all of them verify nothing.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tenants.errors import Refusal
from tests.attacks.answering import accept, accept_message
from tests.attacks.signers import (
    CURVES,
    HASHES,
    by_digest,
    connect,
    content_octets,
    digest_value,
    listing,
    raw_signature,
    resigned,
    signed_info_octets,
    with_value,
)
from tests.attacks.support import pending, refuse, settle
from tests.attacks.surgery import ADA, OnTheWire, swap
from tests.support import saml_trust
from tests.support.browser import code_of
from tests.support.idp import ForgingIdP
from tests.support.keys import PrivateKey, certificate_of, ec_key, rsa_key
from tests.support.world import World
from tests.support.xml_signing import MORE

INVALID, MALFORMED = "signature_invalid", "response_malformed"
P256 = ec_key("acme", CURVES[0])
"""One of those that `keyring` pins."""


# Kinds of keys, and values that are no signature


@pytest.mark.parametrize("curve", CURVES)
def test_pinned_curves_sign_people_in(keyring: World, curve: str) -> None:
    """What the attacks below change is good as it comes."""
    assert accept(pending(settle(keyring)), signing_key=ec_key("acme", curve))["user"]["email"] == ADA


@pytest.mark.parametrize("digest", [256, 384, 512])
def test_a_kind_of_key_does_not_sign_by_the_other_kinds_method(keyring: World, digest: int) -> None:
    """An RSA value under ECDSA's name and an ECDSA value under RSA's name verify by no pinned key."""
    for key, kind in ((keyring.acme.idp.key, "ecdsa"), (P256, "rsa")):
        victim = pending(settle(keyring))
        good = victim.response(signing_key=key)
        was = "ecdsa-sha256" if kind == "rsa" else "rsa-sha256"
        edited = swap(good, MORE + was, f"{MORE}{kind}-sha{digest}")
        value = raw_signature(key, signed_info_octets(edited), HASHES[digest])
        message = with_value(edited, value)
        assert refuse(victim, message, INVALID).check == "assertion_signature"


N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _pair(r: int, s: int, half: int = 32) -> bytes:
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def _parts(value: bytes) -> tuple[int, int]:
    return int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")


EC_VALUES: dict[str, Callable[[bytes], bytes]] = {
    "r and s 0": lambda value: _pair(0, 0),
    "r 0": lambda value: _pair(0, _parts(value)[1]),
    "s 0": lambda value: _pair(_parts(value)[0], 0),
    "r and s 1": lambda value: _pair(1, 1),
    "r and s the order": lambda value: _pair(N256, N256),
    "s the order": lambda value: _pair(_parts(value)[0], N256),
    "r and s all ones": lambda value: b"\xff" * 64,
    "r and s exchanged": lambda value: value[32:] + value[:32],
    "r alone": lambda value: value[:32],
    "r twice": lambda value: value[:32] * 2,
    "an octet less": lambda value: value[:-1],
    "an octet more": lambda value: value + b"\0",
    "a zero before": lambda value: b"\0" + value,
    "a zero before each": lambda value: b"\0" + value[:32] + b"\0" + value[32:],
    "a zero between": lambda value: value[:32] + b"\0" + value[32:],
    "DER": lambda value: encode_dss_signature(*_parts(value)),
    "widths of a larger curve": lambda value: _pair(*_parts(value), 48),
    "nothing": lambda value: b"",
    "one octet": lambda value: b"\0",
}


@pytest.mark.parametrize("name", EC_VALUES)
def test_an_ecdsa_value_that_is_none_is_refused(keyring: World, name: str) -> None:
    """Zeros (CVE-2022-21449), numbers out of range, wrong lengths and DER: one form, judged by OpenSSL."""
    victim = pending(settle(keyring))
    good = victim.response(signing_key=P256)
    assert refuse(victim, with_value(good, EC_VALUES[name]), INVALID).check == "assertion_signature"


def test_the_other_ecdsa_value_of_a_message_is_no_other_message(world: World) -> None:
    """(r, n-s) verifies as well, as the mathematics wants: the assertion is remembered by its ID, so it is a replay."""
    connect(world, certificate_of(P256), world.acme.idp.certificate)
    victim = pending(world)
    good = victim.response(signing_key=P256)
    other = with_value(good, lambda value: _pair(_parts(value)[0], N256 - _parts(value)[1]))
    accept_message(victim, good)
    sessions = world.count("session")
    answer = victim.send(other)
    assert code_of(answer) == "replayed"
    assert world.count("session") == sessions


def _modulus() -> int:
    numbers = rsa_key(ForgingIdP().entity_id).public_key().public_numbers()
    return numbers.n


def _block(digest: bytes) -> int:
    """The padded block that an RSA signature would decrypt to."""
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    return int.from_bytes(b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info, "big")


RSA_VALUES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda value: b"",
    "0": lambda value: b"\0" * 256,
    "1": lambda value: b"\0" * 255 + b"\1",
    "all ones": lambda value: b"\xff" * 256,
    "the modulus": lambda value: _modulus().to_bytes(256, "big"),
    "the modulus less 1": lambda value: (_modulus() - 1).to_bytes(256, "big"),
    "the value and the modulus": lambda value: (int.from_bytes(value, "big") + _modulus()).to_bytes(257, "big"),
    "the modulus less the value": lambda value: (_modulus() - int.from_bytes(value, "big")).to_bytes(256, "big"),
    "the padded block itself": lambda value: _block(hashlib.sha256(b"").digest()).to_bytes(256, "big"),
    "the digest itself": lambda value: hashlib.sha256(b"").digest(),
    "the first half": lambda value: value[:128],
    "an octet less": lambda value: value[:-1],
    "an octet more": lambda value: value + b"\0",
    "a zero before": lambda value: b"\0" + value,
    "one bit another": lambda value: value[:-1] + bytes([value[-1] ^ 1]),
    "backwards": lambda value: value[::-1],
}


@pytest.mark.parametrize("name", RSA_VALUES)
def test_an_rsa_value_that_is_none_is_refused(arena: World, name: str) -> None:
    """Trivial roots, truncated, lengthened and turned values."""
    victim = pending(settle(arena))
    message = with_value(victim.response(), RSA_VALUES[name])
    assert refuse(victim, message, INVALID).check == "assertion_signature"


def _cube_root(value: int) -> int:
    """The smallest number whose cube is not below the value."""
    low, high = 0, 1 << (value.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < value else (low, middle)
    return low


@pytest.mark.parametrize("ones", [1, 8, 100])
@pytest.mark.parametrize("digest_info", [True, False], ids=["with algorithm", "digest only"])
def test_a_forged_cube_is_refused(ones: int, digest_info: bool) -> None:
    """With exponent 3, a block whose end is ignored can be forged without the key (Bleichenbacher 2006; BERserk)."""
    key = rsa.generate_private_key(public_exponent=3, key_size=2048)
    wire = OnTheWire(ForgingIdP(key=key))
    trust = saml_trust.trust_in(wire.idp)
    good = wire.response()
    assert saml_trust.accept(good, trust).name_id == ADA
    changed = good.replace(b">Ada<", b">Eve<")
    edit = by_digest(digest_value(content_octets(changed)))

    def forge(signed: bytes) -> bytes:
        digest = hashlib.sha256(signed).digest()
        info = (bytes.fromhex("3031300d060960864801650304020105000420") if digest_info else b"") + digest
        head = b"\0\1" + b"\xff" * ones + b"\0" + info
        return _cube_root(int.from_bytes(head + b"\0" * (256 - len(head)), "big")).to_bytes(256, "big")

    with pytest.raises(Refusal) as refusal:
        saml_trust.accept(resigned(changed, key, edit, make=forge), trust)
    assert refusal.value.code == INVALID


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda: rsa_key("short", 1024), id="RSA-1024"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP192R1()), id="P-192"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256K1()), id="secp256k1"),
        pytest.param(lambda: ec.generate_private_key(ec.BrainpoolP256R1()), id="Brainpool"),
    ],
)
def test_a_weak_or_odd_key_verifies_nothing_even_if_it_were_pinned(key: Callable[[], PrivateKey]) -> None:
    """Metadata with such a key is refused; should one get in, it is refused here once more."""
    made = key()
    wire = OnTheWire(ForgingIdP(key=made))
    method = "rsa-sha256" if isinstance(made, rsa.RSAPrivateKey) else "ecdsa-sha256"
    xml = OnTheWire().response().replace(f"{MORE}rsa-sha256".encode(), f"{MORE}{method}".encode())
    message = with_value(xml, raw_signature(made, signed_info_octets(xml)))
    with pytest.raises(Refusal) as refusal:
        saml_trust.accept(message, saml_trust.trust_in(wire.idp))
    assert refusal.value.code == INVALID


# DigestValue, and canonical forms of nothing

DIGEST_VALUES: dict[str, Callable[[str], str]] = {
    "nothing": lambda value: "",
    "the first half": lambda value: base64.b64encode(base64.b64decode(value)[:16]).decode(),
    "an octet more": lambda value: base64.b64encode(base64.b64decode(value) + b"\0").decode(),
    "zeros": lambda value: base64.b64encode(b"\0" * 32).decode(),
    "the digest of nothing": lambda value: digest_value(b""),
    "hexadecimal": lambda value: base64.b64decode(value).hex(),
    "the alphabet of URLs": lambda value: base64.urlsafe_b64encode(base64.b64decode(value)).decode() + "_",
    "no padding": lambda value: value.rstrip("="),
    "bits behind the end": lambda value: value[:-2] + chr(ord(value[-2]) + 1) + "=",
    "SHA-1 of it": lambda value: base64.b64encode(hashlib.sha1(base64.b64decode(value)).digest()).decode(),
}


@pytest.mark.parametrize("name", DIGEST_VALUES)
def test_a_digest_value_that_is_none_is_refused(arena: World, name: str) -> None:
    """Empty, truncated, lengthened or spelled otherwise, vouched for by the pinned key all the same."""
    victim = pending(settle(arena))

    def edit(info: str) -> str:
        return re.sub(r"<ds:DigestValue>([^<]*)", lambda found: f"<ds:DigestValue>{DIGEST_VALUES[name](found[1])}", info)

    message = resigned(victim.response(), victim.organisation.idp.key, edit)
    refuse(victim, message, {INVALID, MALFORMED})


RELATIVE = ' xmlns:void="relative/uri" void:a="1"'


def test_a_digest_of_nothing_covers_nothing(arena: World) -> None:
    """Void canonicalisation: libxml2 gives no octets for a relative namespace, and their digest is everybody's."""
    victim = pending(settle(arena))
    message = victim.response(sign="both").replace(b"<saml:Attribute ", f"<saml:Attribute{RELATIVE} ".encode())
    edit = by_digest(digest_value(b""))
    assert refuse(victim, resigned(message, arena.acme.idp.key, edit), INVALID).check == "response_signature"
    victim = pending(arena)
    alone = victim.response().replace(b"<saml:Attribute ", f"<saml:Attribute{RELATIVE} ".encode())
    assert refuse(victim, resigned(alone, arena.acme.idp.key, edit), INVALID).check == "assertion_signature"


def test_a_signature_of_nothing_signs_nothing(arena: World) -> None:
    """A SignedInfo without canonical form is not the empty text, which the key may have signed somewhere."""
    victim = pending(settle(arena))
    void = listing("void", ' xmlns:void="relative/uri"')(victim.response().decode()).encode()
    refused = refuse(victim, with_value(void, raw_signature(arena.acme.idp.key, b"")), INVALID)
    assert (refused.check, refused.cause) == ("assertion_signature", "the element has no canonical form")
