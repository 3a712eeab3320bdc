"""Algorithms and keys: the message chooses neither; both come from short lists and from the pinned metadata.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.attacks.answering import accept, accept_message
from tests.attacks.listener import Listener
from tests.attacks.signers import (
    by_digest,
    by_method,
    connect,
    content_octets,
    digest_value,
    own_trust,
    resigned,
    signed_info_octets,
    with_value,
)
from tests.attacks.support import Pending, assert_refused, pending, refuse, settle
from tests.attacks.surgery import ADA, ASSERTION, child, tree
from tests.support.idp import ForgingIdP
from tests.support.keys import PrivateKey, certificate_of, certificate_text, public_pem, rsa_key
from tests.support.saml_xml import DS
from tests.support.world import World, utc_now
from tests.support.xml_signing import MORE, sign, signature_template

INVALID, NOT_ALLOWED = "signature_invalid", "algorithm_not_allowed"
XMLENC, DSIG11 = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmldsig11#"
MALLORYS = rsa_key("mallory")


# HMAC: the verifier's public key is everybody's secret


def _public_secrets(idp: ForgingIdP) -> dict[str, bytes]:
    numbers = idp.key.public_key().public_numbers()
    assert isinstance(numbers, rsa.RSAPublicNumbers)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return {
        "the key in PEM": public_pem(idp.public_key),
        "the key in PEM without the last line break": public_pem(idp.public_key).rstrip(),
        "the key in DER": idp.public_key.public_bytes(serialization.Encoding.DER, spki),
        "the certificate in PEM": idp.certificate_pem.encode(),
        "the certificate in DER": idp.certificate_der,
        "the certificate as metadata has it": certificate_text(idp.certificate).encode(),
        "the modulus": numbers.n.to_bytes(256, "big"),
        "nothing": b"",
    }


@pytest.mark.parametrize("name", _public_secrets(ForgingIdP()))
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_hmac_with_what_everybody_knows_is_refused(arena: World, digest: str, name: str) -> None:
    """HMAC is on no list: whoever reads the metadata could sign."""
    victim = pending(settle(arena))
    secret = _public_secrets(arena.acme.idp)[name]
    uri = DS + "hmac-sha1" if digest == "sha1" else f"{MORE}hmac-{digest}"
    message = resigned(victim.response(), MALLORYS, by_method(uri), make=lambda signed: hmac.digest(secret, signed, digest))
    refused = refuse(victim, message, NOT_ALLOWED)
    assert refused.check == "assertion_signature"
    assert uri in refused.cause


# Names of methods


def _pss(signed: bytes) -> bytes:
    key = rsa_key(ForgingIdP().entity_id)
    return key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size), hashes.SHA256())


METHODS: dict[str, str] = {
    "none, in words": "none",
    "none, as a URI": DS + "none",
    "nothing": "",
    "a blank": " ",
    "the short name": "rsa-sha256",
    "capitals": f"{MORE}RSA-SHA256",
    "a blank behind": f"{MORE}rsa-sha256 ",
    "https": f"{MORE}rsa-sha256".replace("http:", "https:"),
    "the digest's name": f"{XMLENC}sha256",
    "RSA with MD5": f"{MORE}rsa-md5",
    "RSA with SHA-224": f"{MORE}rsa-sha224",
    "RSA with RIPEMD-160": f"{MORE}rsa-ripemd160",
    "RSA with SHA-256 under the wrong namespace": f"{DS}rsa-sha256",
    "DSA with SHA-1": f"{DS}dsa-sha1",
    "DSA with SHA-256": f"{DSIG11}dsa-sha256",
    "ECDSA with SHA-1": f"{MORE}ecdsa-sha1",
    "Ed25519": "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
    "something of the attacker's": "urn:evil:always-true",
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_on_no_list_is_refused(arena: World, name: str) -> None:
    """Even with a signature that the pinned key has made: the list decides, by the whole name."""
    victim = pending(settle(arena))
    message = resigned(victim.response(), victim.organisation.idp.key, by_method(METHODS[name]))
    assert refuse(victim, message, NOT_ALLOWED).check == "assertion_signature"


def test_pss_by_its_own_name_is_refused(arena: World) -> None:
    """A good signature, by a method that is on no list."""
    victim = pending(settle(arena))
    pss = by_method("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1")
    refuse(victim, resigned(victim.response(), victim.organisation.idp.key, pss, make=_pss), NOT_ALLOWED)


def test_pss_is_not_taken_for_pkcs_1(arena: World) -> None:
    """A PSS value under the name of PKCS #1 does not verify."""
    victim = pending(settle(arena))
    good = victim.response()
    refuse(victim, with_value(good, _pss(signed_info_octets(good))), INVALID)


DIGESTS: dict[str, tuple[str, str]] = {
    "MD5": (f"{MORE}md5", "md5"),
    "SHA-224": (f"{MORE}sha224", "sha224"),
    "SHA3-256": ("http://www.w3.org/2007/05/xmldsig-more#sha3-256", "sha3_256"),
    "SHA-256 in capitals": (f"{XMLENC}SHA256", "sha256"),
    "SHA-256 under the wrong namespace": (f"{DS}sha256", "sha256"),
    "BLAKE2": ("urn:blake2", "blake2s"),
    "nothing": ("", "sha256"),
    "none": ("none", "sha256"),
}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_digest_on_no_list_is_refused(arena: World, name: str) -> None:
    """Even where it is the right digest of the right octets, vouched for by the pinned key."""
    victim = pending(settle(arena))
    uri, algorithm = DIGESTS[name]
    good = victim.response()
    value = digest_value(content_octets(good), algorithm)

    def edit(info: str) -> str:
        return by_digest(value)(info).replace(f'"{XMLENC}sha256"', f'"{uri}"')

    assert refuse(victim, resigned(good, victim.organisation.idp.key, edit), NOT_ALLOWED).check == "assertion_signature"


# SHA-1 by exception

SHA1 = [{"digest": "sha1"}, {"signature": "rsa-sha1"}, {"digest": "sha1", "signature": "rsa-sha1"}]
sha1_forms = pytest.mark.parametrize("form", SHA1, ids=["digest", "signature", "both"])


def exception(days: int) -> dict[str, Any]:
    """A SHA-1 exception that ends in so many days."""
    return {"sha1_exception": {"until": (utc_now() + dt.timedelta(days=days)).isoformat(), "reason": "renewal under way"}}


@sha1_forms
def test_sha1_is_refused_without_an_exception(arena: World, form: dict[str, str]) -> None:
    """As a digest, as a signature, as both."""
    victim = pending(settle(arena))
    assert refuse(victim, victim.response(**form), NOT_ALLOWED).check == "assertion_signature"


@sha1_forms
def test_sha1_is_refused_after_its_exception(arena: World, form: dict[str, str]) -> None:
    """An exception has an end, and it is judged at each sign-in."""
    victim = pending(settle(arena, **exception(-1)))
    refuse(victim, victim.response(**form), NOT_ALLOWED)


@sha1_forms
def test_sha1_is_accepted_by_an_exception(world: World, form: dict[str, str]) -> None:
    """While it lasts, for the identity provider that has it and for no other tenant's."""
    victim = pending(settle(world, **exception(1)))
    assert accept(victim, **form)["user"]["email"] == ADA
    other = pending(world, world.globex)
    refuse(other, other.response(**form), NOT_ALLOWED)


@pytest.mark.parametrize("uri", [f"{DS}hmac-sha1", f"{DS}dsa-sha1", f"{MORE}ecdsa-sha1", f"{MORE}rsa-md5"])
def test_the_exception_is_for_rsa_sha1_alone(arena: World, uri: str) -> None:
    """It opens no other door."""
    victim = pending(settle(arena, **exception(1)))
    message = resigned(victim.response(), victim.organisation.idp.key, by_method(uri))
    refuse(victim, message, NOT_ALLOWED)


def test_under_the_exception_sha1_still_has_to_be_right(arena: World) -> None:
    """A wrong SHA-1 digest or a stranger's key is no better for it."""
    for changes in ({"signing_key": MALLORYS}, {"after_signing": lambda xml: xml.replace(b">Ada<", b">Eve<")}):
        victim = pending(settle(arena, **exception(1)))
        refuse(victim, victim.response(digest="sha1", signature="rsa-sha1", **changes), INVALID)


# Keys of others, and what KeyInfo says of them


def _key_value(key: rsa.RSAPrivateKey) -> str:
    numbers = key.public_key().public_numbers()
    n, e = (base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode() for value in (numbers.n, numbers.e))
    inner = f"<ds:Modulus>{n}</ds:Modulus><ds:Exponent>{e}</ds:Exponent>"
    return f"<ds:KeyValue><ds:RSAKeyValue>{inner}</ds:RSAKeyValue></ds:KeyValue>"


def _issuer_serial(certificate: x509.Certificate) -> str:
    name, serial = certificate.issuer.rfc4514_string(), certificate.serial_number
    return (
        f"<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>{name}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{serial}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>"
    )


def _certificates(*certificates: x509.Certificate) -> str:
    inner = "".join(f"<ds:X509Certificate>{certificate_text(one)}</ds:X509Certificate>" for one in certificates)
    return f"<ds:X509Data>{inner}</ds:X509Data>"


def key_infos(idp: ForgingIdP, place: str) -> dict[str, str]:
    """What an attacker may write into KeyInfo."""
    own, namesake = certificate_of(MALLORYS, "mallory"), certificate_of(MALLORYS, "idp.acme.test")
    written = {
        "the attacker's certificate": _certificates(own),
        "a certificate with the provider's name": _certificates(namesake),
        "the provider's certificate": _certificates(idp.certificate),
        "both, the provider's first": _certificates(idp.certificate, own),
        "both, the attacker's first": _certificates(own, idp.certificate),
        "the attacker's key": _key_value(MALLORYS),
        "the provider's issuer and serial": _issuer_serial(idp.certificate),
        "a name": f"<ds:KeyName>{idp.entity_id}</ds:KeyName>",
        "the provider's certificate and the attacker's key": _certificates(idp.certificate) + _key_value(MALLORYS),
        "a place to fetch it from": f'<ds:RetrievalMethod Type="{DS}rawX509Certificate" URI="{place}/key.der"/>',
        "a file to read it from": f'<ds:RetrievalMethod Type="{DS}rawX509Certificate" URI="file:///etc/hostname"/>',
        "no certificate": "<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data>",
        "a subject": "<ds:X509Data><ds:X509SubjectName>CN=idp.acme.test</ds:X509SubjectName></ds:X509Data>",
        "DER": f'<dsig11:DEREncodedKeyValue xmlns:dsig11="{DSIG11}">{certificate_text(own)}</dsig11:DEREncodedKeyValue>',
    }
    return {"nothing": "", **{name: f"<ds:KeyInfo>{xml}</ds:KeyInfo>" for name, xml in written.items()}}


def signed_with(victim: Pending, key: PrivateKey, key_info: str) -> bytes:
    """The victim's answer with its assertion signed by any key, under any KeyInfo."""
    xml = victim.response(sign="none")
    id = child(tree(xml), ASSERTION).get("ID") or ""
    return sign(xml, id, key, template=signature_template(id, key_info=key_info))


@pytest.mark.parametrize("name", key_infos(ForgingIdP(), ""))
def test_key_info_gives_an_attackers_key_no_trust(arena: World, listener: Listener, name: str) -> None:
    """KeyInfo is a hint that nobody takes: no certificate, key, name or address in it is looked at."""
    victim = pending(settle(arena))
    message = signed_with(victim, MALLORYS, key_infos(arena.acme.idp, listener.url)[name])
    assert refuse(victim, message, INVALID).check == "assertion_signature"


@pytest.mark.parametrize("name", key_infos(ForgingIdP(), ""))
def test_key_info_takes_no_trust_from_the_pinned_key(arena: World, listener: Listener, name: str) -> None:
    """What the pinned key has signed holds, whatever KeyInfo says, and nothing is fetched to find out."""
    victim = pending(settle(arena))
    message = signed_with(victim, arena.acme.idp.key, key_infos(arena.acme.idp, listener.url)[name])
    assert accept_message(victim, message)["user"]["email"] == ADA


def test_another_tenants_identity_provider_signs_nobody_in_here(world: World) -> None:
    """Its key is pinned at its own tenant alone: under its own name, and under the name of ours."""
    for changes, code in (({}, INVALID), ({"issuer": world.globex.idp.entity_id}, {INVALID, "issuer_mismatch"})):
        victim = pending(world)
        refuse(victim, victim.response(signing_key=world.globex.idp.key, **changes), code)


@pytest.mark.parametrize("whose", ["request key", "decryption key", "request key of globex"])
def test_our_own_keys_sign_nobody_in(arena: World, whose: str) -> None:
    """The service's own keys vouch for its requests, never for people."""
    victim = pending(settle(arena))
    trust = own_trust(arena, arena.globex if "globex" in whose else None)
    with arena.app.app_context():
        key = trust.open_decryption_keys()[0] if "decryption" in whose else trust.open_signing_key()
    refuse(victim, victim.response(signing_key=key), INVALID)


def test_a_key_for_encryption_only_signs_nobody_in(keyring: World) -> None:
    """use="encryption" in the metadata is not trust in what that key signs."""
    victim = pending(settle(keyring))
    refuse(victim, victim.response(signing_key=rsa_key("encryption only")), INVALID)


def test_a_key_that_was_taken_out_signs_nobody_in_any_more(world: World) -> None:
    """During a rollover both keys are good; with the next metadata the old one is gone at once."""
    old, new = world.acme.idp.key, rsa_key("acme, next")
    connect(world, world.acme.idp.certificate, certificate_of(new))
    for key in (old, new):
        accept(pending(world), signing_key=key)
    connect(world, certificate_of(new))
    victim = pending(world)
    before = world.rows()
    answer = victim.send(victim.response(signing_key=old))
    assert_refused(world, answer, INVALID, before)
    accept(victim, signing_key=new)
