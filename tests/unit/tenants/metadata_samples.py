"""IdP metadata in the manner of real products, written here, with keys that are made for the run."""

from __future__ import annotations

import base64
import datetime as dt
import functools
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
ENTITY_ID = "https://idp.example.com/metadata"
SSO = "https://idp.example.com/sso"
SLO = "https://idp.example.com/slo"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
NAMESPACES = 'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'

CURVES: dict[str, ec.EllipticCurve] = {
    "p192": ec.SECP192R1(),
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}


@functools.cache
def key_of(kind: str) -> Any:
    """A private key of a kind such as rsa2048, p256, dsa; made once a run, since making one takes time."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:].partition("_")[0]))
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    assert kind == "dsa"
    return dsa.generate_private_key(2048)


def certificate_of(
    kind: str = "rsa2048",
    subject: str = "idp.example.com",
    not_before: dt.datetime = NOW - dt.timedelta(days=100),
    not_after: dt.datetime = NOW + dt.timedelta(days=1000),
    issuer: str | None = None,
) -> x509.Certificate:
    """A certificate for the key of a kind, signed by itself or in the name of an issuer."""
    key = key_of(kind)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer or subject)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .sign(key_of("rsa2048") if issuer else key, None if kind == "ed25519" and not issuer else hashes.SHA256())
    )


@functools.cache
def good_certificate() -> x509.Certificate:
    """The one that most samples carry."""
    return certificate_of()


def base64_of(certificate: x509.Certificate) -> str:
    """The text of an X509Certificate element."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def key_descriptor(*certificates: x509.Certificate | str, use: str | None = "signing") -> str:
    """A KeyDescriptor with one X509Data."""
    texts = [text if isinstance(text, str) else base64_of(text) for text in certificates]
    elements = "".join(f"<ds:X509Certificate>{text}</ds:X509Certificate>" for text in texts)
    attribute = f' use="{use}"' if use is not None else ""
    return f"<md:KeyDescriptor{attribute}><ds:KeyInfo><ds:X509Data>{elements}</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"


def service(element: str, binding: str, location: str, response_location: str | None = None) -> str:
    """An endpoint's element."""
    extra = f' ResponseLocation="{response_location}"' if response_location is not None else ""
    return f'<md:{element} Binding="{binding}" Location="{location}"{extra}/>'


def role(keys: str | None = None, services: str | None = None, attributes: str = "", protocols: str | None = SAML2) -> str:
    """An IDPSSODescriptor."""
    keys = key_descriptor(good_certificate()) if keys is None else keys
    services = service("SingleSignOnService", REDIRECT, SSO) if services is None else services
    enumeration = f' protocolSupportEnumeration="{protocols}"' if protocols is not None else ""
    return f"<md:IDPSSODescriptor{enumeration} {attributes}>{keys}{services}</md:IDPSSODescriptor>"


def entity(*roles: str, entity_id: str | None = ENTITY_ID, attributes: str = "") -> str:
    """An EntityDescriptor; with an identity provider's role unless told otherwise."""
    name = f' entityID="{entity_id}"' if entity_id is not None else ""
    return f"<md:EntityDescriptor {NAMESPACES}{name} {attributes}>{''.join(roles or (role(),))}</md:EntityDescriptor>"


def entities(*members: str, attributes: str = "") -> str:
    """An EntitiesDescriptor."""
    return f"<md:EntitiesDescriptor {NAMESPACES} {attributes}>{''.join(members)}</md:EntitiesDescriptor>"


SP_ROLE = (
    f'<md:SPSSODescriptor protocolSupportEnumeration="{SAML2}"><md:AssertionConsumerService index="0" '
    f'Binding="{POST}" Location="https://sp.example.com/acs"/></md:SPSSODescriptor>'
)


def entra() -> str:
    """In the manner of Entra ID and AD FS: signed, with WS-Federation's role types, claims and two uses of one key."""
    text = base64_of(good_certificate())
    key = (
        '<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>'
        f"{text}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
    )
    federation_role = (
        '<RoleDescriptor xsi:type="fed:{type}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706" ServiceDisplayName="idp.example.com" '
        f'protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">{key}'
        '<fed:ClaimTypesOffered><auth:ClaimType xmlns:auth="http://docs.oasis-open.org/wsfed/authorization/200706" '
        'Uri="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"><auth:DisplayName>Name</auth:DisplayName>'
        "</auth:ClaimType></fed:ClaimTypesOffered><fed:PassiveRequestorEndpoint><EndpointReference "
        'xmlns="http://www.w3.org/2005/08/addressing"><Address>https://idp.example.com/wsfed</Address></EndpointReference>'
        "</fed:PassiveRequestorEndpoint></RoleDescriptor>"
    )
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><EntityDescriptor ID="_0b1c" entityID="https://sts.windows.net/0b1c/" '
        'xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/>'
        f"<SignatureValue>AA==</SignatureValue></Signature>{federation_role.replace('{type}', 'SecurityTokenServiceType')}"
        f"{federation_role.replace('{type}', 'ApplicationServiceType')}"
        f'<IDPSSODescriptor protocolSupportEnumeration="{SAML2}">{key}'
        f'<SingleLogoutService Binding="{REDIRECT}" Location="https://login.microsoftonline.com/0b1c/saml2"/>'
        f'<SingleSignOnService Binding="{REDIRECT}" Location="https://login.microsoftonline.com/0b1c/saml2"/>'
        f'<SingleSignOnService Binding="{POST}" Location="https://login.microsoftonline.com/0b1c/saml2"/>'
        "</IDPSSODescriptor></EntityDescriptor>"
    )


def adfs() -> str:
    """In the manner of AD FS: both roles, signing and encryption keys, endpoints in an order of its own, claims offered."""
    claim = (
        '<saml:Attribute xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Name="http://schemas.xmlsoap.org/claims/Group" '
        'NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri" FriendlyName="Group"/>'
    )
    services = (
        service("SingleLogoutService", REDIRECT, "https://fs.example.com/adfs/ls/")
        + service("SingleLogoutService", POST, "https://fs.example.com/adfs/ls/")
        + "<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>"
        + "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"
        + service("SingleSignOnService", REDIRECT, "https://fs.example.com/adfs/ls/")
        + service("SingleSignOnService", POST, "https://fs.example.com/adfs/ls/")
        + claim
    )
    keys = key_descriptor(certificate_of("rsa1024_enc"), use="encryption") + key_descriptor(good_certificate())
    keys += key_descriptor(certificate_of("rsa2048_next", "next.example.com"))
    contact = '<md:ContactPerson contactType="support"><md:Company>Example</md:Company></md:ContactPerson>'
    return entity(SP_ROLE, role(keys, services), contact, entity_id="http://fs.example.com/adfs/services/trust")


def okta() -> str:
    """In the manner of Okta: wrapped base64, an entity ID over http, WantAuthnRequestsSigned said as false."""
    text = base64_of(good_certificate())
    wrapped = "\n" + "\n".join(text[start : start + 64] for start in range(0, len(text), 64)) + "\n"
    services = (
        "<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat>"
        + service("SingleSignOnService", POST, "https://example.okta.example/app/x/exk1/sso/saml")
        + service("SingleSignOnService", REDIRECT, "https://example.okta.example/app/x/exk1/sso/saml")
    )
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    described = role(key_descriptor(wrapped), services, 'WantAuthnRequestsSigned="false"')
    return declaration + entity(described, entity_id="http://www.okta.com/exk1")


def google() -> str:
    """In the manner of Google Workspace: a validUntil years ahead, a query in every address."""
    location = "https://accounts.google.com/o/saml2/idp?idpid=C01abc&amp;x=1"
    services = service("SingleSignOnService", REDIRECT, location) + service("SingleSignOnService", POST, location)
    described = role(None, services, 'WantAuthnRequestsSigned="false"')
    name = "https://accounts.google.com/o/saml2?idpid=C01abc"
    return entity(described, entity_id=name, attributes='validUntil="2031-10-02T08:05:31.000Z"')


def keycloak() -> str:
    """In the manner of Keycloak: KeyName beside the certificate, artifact and SOAP endpoints, requests wanted signed."""
    keys = (
        '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:KeyName>kid-1</ds:KeyName><ds:X509Data><ds:X509Certificate>'
        f"{base64_of(good_certificate())}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
    base = "https://sso.example.com/realms/main/protocol/saml"
    services = f'<md:ArtifactResolutionService Binding="{SOAP}" Location="{base}/resolve" index="0"/>'
    for binding in (POST, REDIRECT, SOAP):
        services += service("SingleLogoutService", binding, base)
    services += "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"
    for binding in (POST, REDIRECT, SOAP, "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"):
        services += service("SingleSignOnService", binding, base)
    described = role(keys, services, 'WantAuthnRequestsSigned="true"')
    return entities(entity(described, entity_id="https://sso.example.com/realms/main"), attributes='Name="urn:keycloak"')


def shibboleth() -> str:
    """In the manner of Shibboleth: comments, extensions, three keys, SAML 1 beside SAML 2, an attribute authority."""
    extensions = (
        '<md:Extensions><shibmd:Scope xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" regexp="false">example.org</shibmd:Scope>'
        '<mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui"><mdui:DisplayName xml:lang="en">Example'
        "</mdui:DisplayName></mdui:UIInfo></md:Extensions>"
    )
    keys = "<!-- back-channel --> " + key_descriptor(certificate_of("rsa3072", "back.example.org"))
    keys += "<!-- front-channel -->" + key_descriptor(good_certificate()) + key_descriptor(good_certificate(), use="encryption")
    services = (
        service("SingleLogoutService", REDIRECT, "https://idp.example.org/idp/profile/SAML2/Redirect/SLO")
        + service("SingleSignOnService", "urn:mace:shibboleth:1.0:profiles:AuthnRequest", "https://idp.example.org/idp/shib")
        + service("SingleSignOnService", POST, "https://idp.example.org/idp/profile/SAML2/POST/SSO")
        + service("SingleSignOnService", POST + "-SimpleSign", "https://idp.example.org/idp/profile/SAML2/Simple/SSO")
        + service("SingleSignOnService", REDIRECT, "https://idp.example.org/idp/profile/SAML2/Redirect/SSO")
    )
    described = role(
        extensions + keys, services, protocols=f"{SAML2} urn:oasis:names:tc:SAML:1.1:protocol urn:mace:shibboleth:1.0"
    )
    authority = f'<md:AttributeAuthorityDescriptor protocolSupportEnumeration="{SAML2}">{key_descriptor(good_certificate())}'
    authority += service("AttributeService", SOAP, "https://idp.example.org:8443/aa") + "</md:AttributeAuthorityDescriptor>"
    return "<!-- generated -->\n" + entity(described, authority, entity_id="https://idp.example.org/idp/shibboleth")


def simplesamlphp() -> str:
    """In the manner of SimpleSAMLphp: pretty-printed, a contact, one key for both uses without saying so twice."""
    keys = key_descriptor(good_certificate()) + key_descriptor(good_certificate(), use="encryption")
    services = (
        service("SingleLogoutService", REDIRECT, "https://ssp.example.com/saml2/idp/SingleLogoutService.php")
        + "\n  <md:NameIDFormat>\n urn:oasis:names:tc:SAML:2.0:nameid-format:transient </md:NameIDFormat>\n"
        + service("SingleSignOnService", REDIRECT, "https://ssp.example.com/saml2/idp/SSOService.php")
    )
    contact = (
        '<md:ContactPerson contactType="technical"><md:GivenName>Ada</md:GivenName>'
        "<md:EmailAddress>mailto:ada@example.com</md:EmailAddress></md:ContactPerson>"
    )
    text = entity(role(keys, services), contact, entity_id="https://ssp.example.com/saml2/idp/metadata.php")
    return '<?xml version="1.0"?>\n' + text.replace("><", ">\n  <") + "\n"
