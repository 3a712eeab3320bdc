"""What the tests of outgoing messages share: trusts with keys of their own, the schemas, and readers that are not ours."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import zlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any
from urllib.parse import unquote_plus

import saml2.data.schemas
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from tenants.saml_settings import SAMLSettings
from tenants.service_provider import KeyUse, NewKeyPair, certificate_der, load_private_key, new_key_pair, service_provider_of
from tenants.trust import BINDING_POST, BINDING_REDIRECT, Endpoint, SAMLTrust

NOW = dt.datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=dt.UTC)
REQUEST_ID = "_" + "0123456789abcdef" * 2
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
MDUI = "{urn:oasis:names:tc:SAML:metadata:ui}"
POST = Endpoint(BINDING_POST, "https://idp.acme.test/sso/post")
REDIRECT = Endpoint(BINDING_REDIRECT, "https://idp.acme.test/sso/redirect?tenant=a%20b&x=1")
SIGNATURE_HASHES: dict[str, hashes.HashAlgorithm] = {
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1": hashes.SHA1(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512(),
}


@functools.cache
def key_pair(tenant: str, use: KeyUse = "signing") -> NewKeyPair:
    """The same key pair for a name within a test run."""
    return new_key_pair(f"{tenant}.test", NOW, use)


def trust_of(tenant: str = "acme", sso: tuple[Endpoint, ...] = (POST, REDIRECT), **settings: Any) -> SAMLTrust:
    """The trust of a tenant that signs with its own key."""
    pair = key_pair(tenant)
    key = load_private_key(pair.private_der)
    return SAMLTrust(
        tenant_id=len(tenant),
        idp_id=f"idp-of-{tenant}",
        idp_name="main",
        idp_display_name="Main",
        service_provider=service_provider_of(f"https://{tenant}.vestibule.test"),
        idp_entity_id="https://idp.acme.test/metadata",
        sso=sso,
        signing_keys=(),
        valid_until=None,
        settings=SAMLSettings(**settings),
        email_domains=frozenset(),
        open_signing_key=lambda: key,
        signing_certificate=certificate_der(pair.certificate_pem),
        open_decryption_keys=tuple,
    )


def public_key_of(tenant: str) -> rsa.RSAPublicKey:
    """The key that a tenant's identity provider would verify with, from the certificate."""
    key = x509.load_pem_x509_certificate(key_pair(tenant).certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def query_is_signed_by(url: str, tenant: str) -> bool:
    """Verify a Redirect URL as an identity provider does: over the raw octets of its query, in the order of the binding.

    Values are read as forms are, where a bare plus sign is a space.
    """
    raw = dict(part.split("=", 1) for part in url.split("?", 1)[1].split("#", 1)[0].split("&"))
    names = [name for name in ("SAMLRequest", "RelayState", "SigAlg") if name in raw]
    octets = "&".join(f"{name}={raw[name]}" for name in names).encode()
    signature = base64.b64decode(unquote_plus(raw["Signature"]), validate=True)
    try:
        public_key_of(tenant).verify(signature, octets, padding.PKCS1v15(), SIGNATURE_HASHES[unquote_plus(raw["SigAlg"])])
    except InvalidSignature:
        return False
    return True


def inflated(saml_request: str) -> bytes:
    """The message of a Redirect's SAMLRequest value, still percent-encoded as it stands in the URL."""
    return zlib.decompress(base64.b64decode(unquote_plus(saml_request), validate=True), wbits=-15)


@functools.cache
def schema() -> etree.XMLSchema:
    """The OASIS and W3C schemas of protocol, assertion, metadata and metadata UI, as pysaml2 ships them; no network."""
    by_namespace = {
        "http://www.w3.org/XML/1998/namespace": "xml.xsd",
        "http://www.w3.org/2000/09/xmldsig#": "xmldsig-core-schema.xsd",
        "http://www.w3.org/2001/04/xmlenc#": "xenc-schema.xsd",
        "urn:oasis:names:tc:SAML:2.0:assertion": "saml-schema-assertion-2.0.xsd",
        "urn:oasis:names:tc:SAML:2.0:protocol": "saml-schema-protocol-2.0.xsd",
        "urn:oasis:names:tc:SAML:2.0:metadata": "saml-schema-metadata-2.0.xsd",
        "urn:oasis:names:tc:SAML:metadata:ui": "sstc-saml-metadata-ui-v1.0.xsd",
    }
    xs = "http://www.w3.org/2001/XMLSchema"

    class Shipped(etree.Resolver):
        def resolve(self, url: str, public_id: str, context: Any) -> Any:
            name = url.rsplit("/", 1)[-1]
            parser = etree.XMLParser(load_dtd=False, no_network=True, resolve_entities=False)
            tree = etree.fromstring(files(saml2.data.schemas).joinpath(name).read_bytes(), parser)
            for imported in tree.iter(f"{{{xs}}}import"):
                imported.set("schemaLocation", "mem:///" + by_namespace[imported.get("namespace", "")])
            return self.resolve_string(etree.tostring(tree), context, base_url=f"mem:///{name}")

    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(Shipped())
    imports = "".join(
        f'<xs:import namespace="{namespace}" schemaLocation="mem:///{name}"/>'
        for namespace, name in by_namespace.items()
        if namespace.startswith("urn:")
    )
    return etree.XMLSchema(etree.fromstring(f'<xs:schema xmlns:xs="{xs}">{imports}</xs:schema>', parser))


def schema_errors(xml: bytes) -> str:
    """What the schemas have to say against a document; empty when nothing."""
    validator = schema()
    validator.validate(etree.fromstring(xml))
    return str(validator.error_log)


def outcome(call: Callable[[], object]) -> str:
    """The name of the exception that a call raises, or "accepted"."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "accepted"
