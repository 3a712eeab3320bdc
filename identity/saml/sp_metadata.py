"""Our metadata (SAML Metadata 2.4): what a tenant's identity provider has to know about us.

The document has no times and no random IDs, so it is the same bytes from one fetch to the next until something changes.

Choices, and why:

- EncryptionMethods name AES-GCM and RSA-OAEP, no CBC. Whoever reads the list (Shibboleth takes the first method that it knows)
  knows GCM; whoever ignores it sends what it likes anyway. CBC in the list would only invite the weaker mode.
- NameIDFormats start with persistent: SimpleSAMLphp takes the first one where the request asks for a format that it has no
  rule for, and a person's identity hangs on a NameID that stays (P2). Transient comes last.
- No AttributeConsumingService. SimpleSAMLphp's default filter (core:AttributeLimit) drops every attribute whose name is not in
  that list, letter by letter: a list of OIDs would cost `mail` and `uid`, and every attribute that a tenant maps by itself.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from lxml import etree
from saml2 import element_to_extension_element, md, samlp, xmldsig
from saml2.extension import mdui

from tenants.saml_choices import NAME_ID_UNSPECIFIED
from tenants.service_provider import certificate_der
from tenants.trust import BINDING_POST, BINDING_REDIRECT, ServiceProvider

METADATA_MEDIA_TYPE = "application/samlmetadata+xml"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
PREFIXES = {"md": md.NAMESPACE, "ds": xmldsig.NAMESPACE, "mdui": mdui.NAMESPACE}
BLOCK_CIPHERS = (XENC11 + "aes256-gcm", XENC11 + "aes128-gcm", XENC11 + "aes192-gcm")
OAEP_MGF1P = XENC + "rsa-oaep-mgf1p"
"""Before xenc11#rsa-oaep: every identity provider has it. SHA-1 inside OAEP is not what SHA-1 is refused for."""
OAEP = XENC11 + "rsa-oaep"
PUBLISHED_NAME_ID_FORMATS = (
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    NAME_ID_UNSPECIFIED,
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
)
LANGUAGE = "en"
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, production 2: what no escaping can carry."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom the identity provider's people may write to."""

    kind: Literal["technical", "support"]
    name: str
    email: str


def sp_metadata(
    service_provider: ServiceProvider,
    *,
    organisation_name: str,
    signing_certificates: Sequence[str],
    encryption_certificates: Sequence[str],
    support_url: str | None = None,
    contacts: Sequence[Contact] = (),
    authn_requests_signed: bool = True,
    want_assertions_signed: bool = True,
    single_logout: bool = False,
) -> bytes:
    """The metadata document, indented, in UTF-8.

    Args:
        signing_certificates: PEM, at least one; several while keys change, the active one first.
        encryption_certificates: PEM; the identity provider may take any of them.
        support_url: an http(s) page for people in need; without it the tenant's own front page stands in its place.
        single_logout: announce the logout endpoint.
    """
    if not signing_certificates:
        raise ValueError("metadata without a signing key")
    if support_url and not support_url.startswith(("https://", "http://")):
        raise ValueError("support_url is an http or https address: identity providers show it as a link")
    name = _text(organisation_name) or urlsplit(service_provider.entity_id).netloc
    page = support_url or service_provider.acs_url.removesuffix("/saml/acs") + "/"
    descriptor = md.SPSSODescriptor(
        protocol_support_enumeration=samlp.NAMESPACE,
        authn_requests_signed=_boolean(authn_requests_signed),
        want_assertions_signed=_boolean(want_assertions_signed),
        extensions=_ui(name, page),
        key_descriptor=_key_descriptors(signing_certificates, encryption_certificates),
        single_logout_service=_logout_services(service_provider) if single_logout else [],
        name_id_format=[md.NameIDFormat(text=text) for text in PUBLISHED_NAME_ID_FORMATS],
        assertion_consumer_service=[
            md.AssertionConsumerService(binding=BINDING_POST, location=service_provider.acs_url, index="0", is_default="true")
        ],
    )
    entity = md.EntityDescriptor(
        entity_id=service_provider.entity_id,
        spsso_descriptor=[descriptor],
        organization=_organisation(name, page),
        contact_person=[_contact_person(contact) for contact in contacts],
    )
    return _document(entity)


def _document(entity: md.EntityDescriptor) -> bytes:
    root = etree.fromstring(entity.to_string_force_namespace(PREFIXES))
    xml: bytes = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
    return xml


def _key_descriptors(signing: Sequence[str], encryption: Sequence[str]) -> list[md.KeyDescriptor]:
    return [md.KeyDescriptor(use="signing", key_info=_key_info(pem)) for pem in signing] + [
        md.KeyDescriptor(use="encryption", key_info=_key_info(pem), encryption_method=_encryption_methods())
        for pem in encryption
    ]


def _key_info(pem: str) -> xmldsig.KeyInfo:
    certificate = xmldsig.X509Certificate(text=base64.b64encode(certificate_der(pem)).decode("ascii"))
    return xmldsig.KeyInfo(x509_data=[xmldsig.X509Data(x509_certificate=[certificate])])


def _encryption_methods() -> list[md.EncryptionMethod]:
    # No xenc11:MGF beside the digest: the wildcard there is strict, and a reader with the schemas of SAML alone would refuse.
    oaep_digest = element_to_extension_element(xmldsig.DigestMethod(algorithm=XENC + "sha256"))
    return [
        *(md.EncryptionMethod(algorithm=name) for name in (*BLOCK_CIPHERS, OAEP_MGF1P)),
        md.EncryptionMethod(algorithm=OAEP, extension_elements=[oaep_digest]),
    ]


def _logout_services(service_provider: ServiceProvider) -> list[md.SingleLogoutService]:
    return [
        md.SingleLogoutService(binding=binding, location=service_provider.slo_url)
        for binding in (BINDING_REDIRECT, BINDING_POST)
    ]


def _ui(name: str, page: str) -> md.Extensions:
    """What an identity provider's pages call us while people sign in (SAML Metadata UI 2.1)."""
    information = mdui.UIInfo(
        display_name=[mdui.DisplayName(lang=LANGUAGE, text=name)],
        information_url=[mdui.InformationURL(lang=LANGUAGE, text=page)],
    )
    return md.Extensions(extension_elements=[element_to_extension_element(information)])


def _organisation(name: str, page: str) -> md.Organization:
    return md.Organization(
        organization_name=[md.OrganizationName(lang=LANGUAGE, text=name)],
        organization_display_name=[md.OrganizationDisplayName(lang=LANGUAGE, text=name)],
        organization_url=[md.OrganizationURL(lang=LANGUAGE, text=page)],
    )


def _contact_person(contact: Contact) -> md.ContactPerson:
    return md.ContactPerson(
        contact_type=contact.kind,
        given_name=md.GivenName(text=_text(contact.name)) if _text(contact.name) else None,
        email_address=[md.EmailAddress(text="mailto:" + quote(contact.email.strip(), safe="@+"))],
    )


def _text(text: str) -> str:
    return " ".join(NOT_IN_XML.sub("", text).split())


def _boolean(value: bool) -> str:
    return "true" if value else "false"
