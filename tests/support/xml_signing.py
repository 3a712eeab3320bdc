"""XML signatures as identity providers make them: by libxmlsec1, so independent of the product's own verifier."""

from __future__ import annotations

import re

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from tests.support.keys import PrivateKey, certificate_text, private_pem
from tests.support.saml_xml import DS

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
ENVELOPED = DS + "enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

DIGESTS = {
    "sha1": DS + "sha1",
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha384": MORE + "sha384",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
}
SIGNATURES = {
    "rsa-sha1": DS + "rsa-sha1",
    "hmac-sha256": MORE + "hmac-sha256",
    **{
        name: MORE + name for name in ("rsa-sha256", "rsa-sha384", "rsa-sha512", "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512")
    },
}


def signature_template(
    id: str,
    *,
    digest: str = "sha256",
    signature: str = "rsa-sha256",
    prefix_list: str | None = None,
    transforms: tuple[str, ...] = (ENVELOPED, EXCLUSIVE),
    canonicalization: str = EXCLUSIVE,
    uri: str | None = None,
    key_info: str = "",
    prefix: str = "ds",
) -> str:
    """A Signature whose DigestValue and SignatureValue are still empty.

    Args:
        digest, signature: a short name of DIGESTS or SIGNATURES, or any URI.
        prefix_list: of InclusiveNamespaces in the canonicalisation transform; None: no such element.
        uri: of the Reference; "#id" unless told.
        prefix: of the XML-Signature namespace; "" makes it the default namespace, as Entra and AD FS write it.
    """
    p, declared = (f"{prefix}:", f'xmlns:{prefix}="{DS}"') if prefix else ("", f'xmlns="{DS}"')
    listed = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{prefix_list}"/>' if prefix_list is not None else ""
    steps = "".join(
        f'<{p}Transform Algorithm="{step}">{listed if step.startswith(EXCLUSIVE) else ""}</{p}Transform>' for step in transforms
    )
    return (
        f"<{p}Signature {declared}><{p}SignedInfo>"
        f'<{p}CanonicalizationMethod Algorithm="{canonicalization}"/>'
        f'<{p}SignatureMethod Algorithm="{SIGNATURES.get(signature, signature)}"/>'
        f'<{p}Reference URI="{f"#{id}" if uri is None else uri}"><{p}Transforms>{steps}</{p}Transforms>'
        f'<{p}DigestMethod Algorithm="{DIGESTS.get(digest, digest)}"/><{p}DigestValue/></{p}Reference>'
        f"</{p}SignedInfo><{p}SignatureValue/>{key_info}</{p}Signature>"
    )


def key_info_xml(certificate: x509.Certificate, prefix: str = "ds") -> str:
    """KeyInfo with the certificate, for inside a Signature of the same prefix."""
    p = f"{prefix}:" if prefix else ""
    text = certificate_text(certificate)
    return f"<{p}KeyInfo><{p}X509Data><{p}X509Certificate>{text}</{p}X509Certificate></{p}X509Data></{p}KeyInfo>"


def default_signature(key: PrivateKey | bytes) -> str:
    """The usual signature method for a kind of key."""
    if isinstance(key, bytes):
        return "hmac-sha256"
    return "rsa-sha256" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa-sha256"


def insert_signature(xml: str, id: str, template: str) -> str:
    """Put the template where the schema wants it: after the Issuer of the element with that ID, or first in it."""
    start = _end_of_opening_tag(xml, id)
    issuer = re.compile(r"\s*<((?:[\w.-]+:)?Issuer)\b[^<>]*(?:/>|>.*?</\1\s*>)", re.DOTALL).match(xml, start)
    at = issuer.end() if issuer else start
    return xml[:at] + template + xml[at:]


def _end_of_opening_tag(xml: str, id: str) -> int:
    opening = re.search(rf"""<[^<>]*\bID\s*=\s*["']{re.escape(id)}["'][^<>]*>""", xml)
    if opening is None:
        raise ValueError(f"no element with ID {id!r}")
    return opening.end()


def sign(
    xml: str | bytes,
    id: str,
    key: PrivateKey | bytes,
    *,
    certificate: x509.Certificate | None = None,
    digest: str = "sha256",
    signature: str | None = None,
    prefix_list: str | None = None,
    template: str | None = None,
) -> bytes:
    """Sign the element with that ID; the text stays octet for octet as it was, apart from the Signature.

    Args:
        key: a private key; bytes sign with HMAC, as an attacker would.
        template: a whole Signature to fill in, for forms that `signature_template` is asked for otherwise. When the text
            holds an unfilled Signature already, give "" to fill in that one where it stands.
    """
    text = xml.decode() if isinstance(xml, bytes) else xml
    if template is None:
        template = signature_template(
            id,
            digest=digest,
            signature=signature or default_signature(key),
            prefix_list=prefix_list,
            key_info=key_info_xml(certificate) if certificate else "",
        )
    if template:
        text = insert_signature(text, id, template)
    return fill_signature(text, id, key)


def fill_signature(text: str, id: str, key: PrivateKey | bytes) -> bytes:
    """Compute the Signature in the element with that ID whose DigestValue and SignatureValue are still empty.

    The values are put into the text: everything else stays as written.
    """
    root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True, encoding="utf-8"))
    signed = next(node for node in root.iter(etree.Element) if node.get("ID") == id)
    signature = next((node for node in signed.iter("{*}Signature") if not node.findtext("{*}SignatureValue")), None)
    if signature is None:
        raise ValueError(f"no unfilled Signature in {id!r}")
    context = xmlsec.SignatureContext()
    if isinstance(key, bytes):
        context.key = xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, key)
    else:
        context.key = xmlsec.Key.from_memory(private_pem(key), xmlsec.constants.KeyDataFormatPem)
    context.register_id(signed, "ID")
    context.sign(signature)
    head, tail = text[: _end_of_opening_tag(text, id)], text[_end_of_opening_tag(text, id) :]
    for name, value in (
        ("DigestValue", signature.findtext(".//{*}DigestValue") or ""),
        ("SignatureValue", "".join((signature.findtext("{*}SignatureValue") or "").split())),
    ):
        tail = re.sub(rf"<((?:[\w.-]+:)?{name})\s*(?:/>|></\1>)", rf"<\g<1>>{value}</\g<1>>", tail, count=1)
    return (head + tail).encode()
