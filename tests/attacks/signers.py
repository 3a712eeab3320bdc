"""Signers that vouch for anything, and what the service pins: so that a refusal is for the attacked rule and no other."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from tenants.records import find_tenant
from tenants.trust import SAMLTrust
from tests.attacks.surgery import ASSERTION, SIGNATURE, child, tree
from tests.support.keys import PrivateKey
from tests.support.saml_xml import DS
from tests.support.world import Organisation, World
from tests.support.xml_signing import EXCLUSIVE, MORE

Edit = Callable[[str], str]
CURVES = ("secp256r1", "secp384r1", "secp521r1")
HASHES = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
SIGNED_INFO = f"{{{DS}}}SignedInfo"


def connect(world: World, *certificates: x509.Certificate, extra_keys: str = "") -> World:
    """Give acme's identity provider these signing certificates, and other KeyDescriptors as they stand."""
    xml = world.acme.idp.metadata_xml(certificates=certificates)
    xml = xml.replace("<md:KeyDescriptor", extra_keys + "<md:KeyDescriptor", 1)
    body = {"display_name": "Company login", "metadata_xml": xml}
    answer = world.api("PUT", "/tenants/acme/identity-providers/main", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return world


def own_trust(world: World, organisation: Organisation | None = None) -> SAMLTrust:
    """What the service itself holds: its own private keys."""
    with world.app.app_context():
        tenant = find_tenant((organisation or world.acme).slug)
        assert tenant
        trust: SAMLTrust = world.app.extensions["vestibule_trusts"].trust_of(tenant).providers[0]
    return trust


def raw_signature(key: PrivateKey, message: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    """As XML Signature writes it: PKCS #1 v1.5, or r and s side by side; SHA-256 unless told."""
    digest = digest or hashes.SHA256()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), digest)
    half = (key.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def resigned(xml: bytes, key: PrivateKey, edit: Edit, *, make: Callable[[bytes], bytes] | None = None) -> bytes:
    """The first SignedInfo edited as text and signed anew: a signer that vouches for whatever stands there.

    DigestValue is right already unless the edit changes it.

    Args:
        make: makes SignatureValue's octets of SignedInfo's; `raw_signature` of the key unless given.
    """
    text = re.sub(r"<ds:SignedInfo\b.*?</ds:SignedInfo>", lambda found: edit(found[0]), xml.decode(), count=1, flags=re.DOTALL)
    assert text.encode() != xml, "the edit has changed nothing"
    signed = signed_info_octets(text.encode())
    return with_value(text.encode(), make(signed) if make else raw_signature(key, signed))


def signed_info_octets(xml: bytes) -> bytes:
    """The canonical octets of the first SignedInfo, by lxml alone."""
    octets: bytes = etree.tostring(next(tree(xml).iter(SIGNED_INFO)), method="c14n", exclusive=True, with_comments=False)
    return octets


def content_octets(xml: bytes, *, with_comments: bool = False) -> bytes:
    """The canonical octets of the assertion without its signature, by lxml alone."""
    assertion = child(tree(xml), ASSERTION)
    assertion.remove(child(assertion, SIGNATURE))
    octets: bytes = etree.tostring(assertion, method="c14n", exclusive=True, with_comments=with_comments)
    return octets


def with_value(xml: bytes, change: bytes | Callable[[bytes], bytes]) -> bytes:
    """Other octets in the first SignatureValue, or its own changed."""
    found = re.search(rb"<ds:SignatureValue>([^<]*)<", xml)
    assert found
    value = base64.b64encode(change if isinstance(change, bytes) else change(base64.b64decode(found[1])))
    return xml[: found.start(1)] + value + xml[found.end(1) :]


def digest_value(octets: bytes, algorithm: str = "sha256") -> str:
    """DigestValue of canonical octets."""
    return base64.b64encode(hashlib.new(algorithm, octets).digest()).decode()


def by_method(uri: str) -> Edit:
    """SignedInfo with another signature method than RSA with SHA-256."""
    return lambda info: info.replace(f'"{MORE}rsa-sha256"', f'"{uri}"')


def by_digest(value: str) -> Edit:
    """SignedInfo with another DigestValue."""
    return lambda info: re.sub(r"<ds:DigestValue>[^<]*", f"<ds:DigestValue>{value}", info)


def listing(prefixes: str, declarations: str = "") -> Edit:
    """SignedInfo whose own canonicalisation has an InclusiveNamespaces, with declarations on it as they stand."""
    listed = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}"{declarations} PrefixList="{prefixes}"/>'
    return lambda info: re.sub(
        r"(<ds:CanonicalizationMethod [^>]*)/>", rf"\1>{listed}</ds:CanonicalizationMethod>", info, count=1
    )
