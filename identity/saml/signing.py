"""Signatures that we make, with the key of the trust that is passed in and of no other.

pysaml2 keeps the key of a Redirect signature for the whole process and starts xmlsec1 for an XML one; neither is used.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from tenants.saml_choices import DIGEST_METHODS, SIGNATURE_METHODS
from tenants.trust import SAMLTrust

DS = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ISSUER = "{urn:oasis:names:tc:SAML:2.0:assertion}Issuer"
NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - Q2: for identity providers that know nothing else; shown as weak in the settings
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


PKCS1 = padding.PKCS1v15()
DIGESTS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
MAX_CERTIFICATES = 512
"""At 1.5 KiB each, less than a mebibyte in each worker."""


def sign_octets(octets: bytes, trust: SAMLTrust) -> bytes:
    """The raw signature (RSASSA-PKCS1-v1_5) by the tenant's signing key and the settings' signature method."""
    digest = HASHES[SIGNATURE_METHODS[trust.settings.signature_method]]
    return trust.open_signing_key().sign(octets, PKCS1, digest)


def sign_enveloped(xml: bytes, trust: SAMLTrust) -> bytes:
    """A message of ours with an enveloped signature right after its Issuer, where the schema wants it (SAML Core 3.2.1, 5.4).

    Text is spliced, not a tree: the message goes out in the very octets that were hashed, and SignedInfo, written here in
    canonical form, needs no second canonicalisation.

    Raises:
        ValueError: this is no unsigned SAML message with ID and Issuer.
    """
    root = _read_own_message(xml)
    canonical: bytes = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
    return sign_canonical(canonical, root.get("ID", ""), trust)


def sign_canonical(canonical: bytes, identifier: str, trust: SAMLTrust) -> bytes:
    """`sign_enveloped`, of a message that was written in exclusive canonical form and is known to start with its Issuer.

    Args:
        identifier: the message's ID, an NCName.
    """
    digest = DIGESTS[DIGEST_METHODS[trust.settings.digest_method]](canonical).digest()
    signed_info = _signed_info_content(identifier, digest, trust)
    signature = sign_octets(f'<ds:SignedInfo xmlns:ds="{DS}">{signed_info}</ds:SignedInfo>'.encode(), trust)
    element = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{signed_info}</ds:SignedInfo>'
        f"<ds:SignatureValue>{_base64(signature)}</ds:SignatureValue>"
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{_certificate_text(trust.signing_certificate)}</ds:X509Certificate>"
        "</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    # Canonical XML escapes every "<" of texts and attributes, so the first "</" closes the first child: the Issuer.
    after_issuer = canonical.index(b">", canonical.index(b"</")) + 1
    return canonical[:after_issuer] + element.encode() + canonical[after_issuer:]


def _read_own_message(xml: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError:
        raise ValueError("not XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("a message to sign has no document type")
    if not NCNAME.fullmatch(root.get("ID", "")):
        raise ValueError("a message to sign needs an ID")
    if not len(root) or root[0].tag != ISSUER or len(root[0]) or not root[0].text:
        raise ValueError("a message to sign starts with its Issuer")
    if root.find(f"{{{DS}}}Signature") is not None:
        raise ValueError("this message is signed already")
    return root


def _signed_info_content(identifier: str, digest: bytes, trust: SAMLTrust) -> str:
    """What stands inside SignedInfo, in exclusive canonical form: no empty-element tags, nothing to escape."""
    return (
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{trust.settings.signature_method}"></ds:SignatureMethod>'
        f'<ds:Reference URI="#{identifier}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform>'
        f'<ds:Transform Algorithm="{EXCLUSIVE_C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{trust.settings.digest_method}"></ds:DigestMethod>'
        f"<ds:DigestValue>{_base64(digest)}</ds:DigestValue></ds:Reference>"
    )


@functools.lru_cache(maxsize=MAX_CERTIFICATES)
def _certificate_text(der: bytes) -> str:
    return _base64(der)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
