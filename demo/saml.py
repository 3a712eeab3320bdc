"""The SAML of the demo's identity provider, by pysaml2's own IdP side."""

from __future__ import annotations

import functools
import http.client
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from lxml import etree
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_TRANSIENT, NAMEID_FORMAT_UNSPECIFIED, NameID
from saml2.server import Server
from saml2.sigver import RSACrypto, import_rsa_key_from_file

from demo.people import Person
from demo.signatures import InProcess

BINDINGS = {"POST": BINDING_HTTP_POST, "GET": BINDING_HTTP_REDIRECT}
PASSWORD_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ISSUER = "{urn:oasis:names:tc:SAML:2.0:assertion}Issuer"
MAX_METADATA = 256 * 1024
SECONDS = 10


class RequestRefused(Exception):
    """A request that this identity provider does not answer; the sentence says why."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """The identity provider and the one service that it works for.

    Args:
        base: its own origin.
        tenant_url: the service's template of tenant origins, with `{slug}`.
        connect_to: host and port where the service really listens.
    """

    base: str
    tenant_url: str
    connect_to: tuple[str, int]
    key_file: Path
    certificate_file: Path

    @property
    def entity_id(self) -> str:
        """Its own name."""
        return f"{self.base}/metadata"

    def fingerprint(self) -> str:
        """SHA-256 of its certificate, in hexadecimal digits."""
        return x509.load_pem_x509_certificate(self.certificate_file.read_bytes()).fingerprint(hashes.SHA256()).hex()

    def metadata(self) -> str:
        """Its own metadata."""
        return str(entity_descriptor(IdPConfig().load(self._settings(None))))

    def sp_entity_id(self, slug: str) -> str:
        """The service provider of a tenant."""
        return f"{self.tenant_url.replace('{slug}', slug)}/saml/metadata"

    def slug_of(self, sp_entity_id: str) -> str:
        """The tenant of a service provider.

        Raises:
            RequestRefused: it is none of the service's tenants.
        """
        before, after = (re.escape(part) for part in self.sp_entity_id("\0").split("\0"))
        found = re.fullmatch(f"{before}([a-z0-9-]+){after}", sp_entity_id)
        if not found:
            raise RequestRefused(f"{sp_entity_id[:200]} is not a service of this demo.")
        return found[1]

    def server_for(self, slug: str) -> Server:
        """pysaml2's IdP that knows a tenant's service provider, by the metadata that it serves just now."""
        return _server(self, self._fetch_metadata(slug))

    def read_request(self, method: str, fields: dict[str, str]) -> AuthnRequest:
        """An authentication request, with its signature checked.

        Raises:
            RequestRefused: it is not from a tenant of the service, or not signed by it.
        """
        xml, binding = fields.get("SAMLRequest", ""), BINDINGS[method]
        try:
            issuer = _unverified_issuer(Server.unravel(xml, binding, "SAMLRequest"))
        except Exception:
            raise RequestRefused("That is no authentication request.") from None
        slug = self.slug_of(issuer)
        server = self.server_for(slug)
        try:
            request = server.parse_authn_request(
                xml, binding, fields.get("RelayState"), sigalg=fields.get("SigAlg"), signature=fields.get("Signature")
            )
            arguments = server.response_args(request.message, [BINDING_HTTP_POST])
        except Exception as error:
            raise RequestRefused(f"The request was refused: {type(error).__name__}.") from error
        policy = request.message.name_id_policy
        context = request.message.requested_authn_context
        classes = [reference.text for reference in context.authn_context_class_ref] if context else []
        return AuthnRequest(
            slug=slug,
            id=arguments["in_response_to"],
            destination=arguments["destination"],
            name_id_format=policy.format if policy and policy.format else NAMEID_FORMAT_UNSPECIFIED,
            class_ref=classes[0] if classes else PASSWORD_CLASS,
        )

    def unsolicited(self, slug: str) -> AuthnRequest:
        """What is answered where nobody asked (IdP-initiated)."""
        server = self.server_for(slug)
        _, destination = server.pick_binding(
            "assertion_consumer_service", [BINDING_HTTP_POST], entity_id=self.sp_entity_id(slug)
        )
        return AuthnRequest(slug, None, destination, NAMEID_FORMAT_UNSPECIFIED, PASSWORD_CLASS)

    def answer(self, request: AuthnRequest, person: Person) -> str:
        """A response with a signed assertion about a person, itself signed."""
        response = self.server_for(request.slug).create_authn_response(
            identity=person.attributes,
            in_response_to=request.id,
            destination=request.destination,
            sp_entity_id=self.sp_entity_id(request.slug),
            name_id=_name_id(request.name_id_format, person),
            authn={"class_ref": request.class_ref, "authn_auth": self.entity_id},
            sign_response=True,
            sign_assertion=True,
            sign_alg=RSA_SHA256,
            digest_alg=SHA256,
        )
        return str(response)

    def _fetch_metadata(self, slug: str) -> str:
        """Python does not resolve *.localhost: connect to where the service listens, and name the host."""
        connection = http.client.HTTPConnection(*self.connect_to, timeout=SECONDS)
        try:
            host = urlsplit(self.sp_entity_id(slug)).netloc
            connection.request("GET", "/saml/metadata", headers={"Host": host})
            answer = connection.getresponse()
            if answer.status != 200:
                raise RequestRefused(f"The service knows no tenant {slug} ({answer.status}).")
            return answer.read(MAX_METADATA).decode()
        except OSError as error:
            raise RequestRefused(f"The service does not answer: {error}.") from error
        finally:
            connection.close()

    def _settings(self, sp_metadata: str | None) -> dict[str, Any]:
        idp = {
            "endpoints": {
                "single_sign_on_service": [(f"{self.base}/sso", binding) for binding in BINDINGS.values()],
            },
            "name_id_format": [NAMEID_FORMAT_UNSPECIFIED, NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_TRANSIENT],
            "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI, "attribute_restrictions": None}},
            "want_authn_requests_signed": True,
        }
        return {
            "entityid": self.entity_id,
            "name": "Demo identity provider",
            "service": {"idp": idp},
            "key_file": str(self.key_file),
            "cert_file": str(self.certificate_file),
            # Not the program xmlsec1; what stands in its place is set in _server.
            "crypto_backend": "XMLSecurity",
            "metadata": {"inline": [sp_metadata]} if sp_metadata else {},
            "organization": {"name": "Demo", "display_name": "Demo identity provider", "url": self.base},
        }


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What is to be answered; `id` None: nobody asked."""

    slug: str
    id: str | None
    destination: str
    name_id_format: str
    class_ref: str


@functools.lru_cache(maxsize=16)
def _server(provider: IdentityProvider, sp_metadata: str) -> Server:
    server = Server(config=IdPConfig().load(provider._settings(sp_metadata)))
    server.sec.crypto = InProcess()
    server.sec.sec_backend = RSACrypto(import_rsa_key_from_file(str(provider.key_file)))
    return server


def _unverified_issuer(xml: str | bytes) -> str:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(xml.encode() if isinstance(xml, str) else xml, parser)
    return (root.findtext(ISSUER) or "").strip()


def _name_id(name_format: str, person: Person) -> NameID:
    text = {NAMEID_FORMAT_EMAILADDRESS: person.email, NAMEID_FORMAT_TRANSIENT: f"_{secrets.token_hex(16)}"}
    return NameID(format=name_format, text=text.get(name_format) or person.uid)
