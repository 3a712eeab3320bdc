"""How real identity providers write their responses, and what has to be read from each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tenants.trust import SAMLTrust
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, certificate_text, rsa_key
from tests.support.saml_trust import NOW, REQUEST_ID, SERVICE_PROVIDER, trust_in
from tests.support.xml_encryption import encrypt_assertion
from tests.support.xml_signing import fill_signature

CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
FOLDER = Path(__file__).parent / "styles"


@dataclass(frozen=True, slots=True)
class Style:
    """One product's way of writing: `styles/<name>.xml`, with its Signatures still to be filled in.

    `signed`: IDs in the order of signing. `encryption`: cipher of the assertion, done before the last signature.
    `response_only`: the product signs the response and not the assertion.
    """

    name: str
    idp_entity_id: str
    signed: tuple[str, ...]
    name_id: str
    attributes: Mapping[str, tuple[str, ...]]
    encryption: str | None = None
    encryption_options: Mapping[str, str] = field(default_factory=dict)
    response_only: bool = False

    @property
    def idp(self) -> ForgingIdP:
        """The identity provider that writes so."""
        return ForgingIdP(self.idp_entity_id)

    @property
    def trust(self) -> SAMLTrust:
        """Trust in it, with the signatures wanted that it makes."""
        signed = {"want_assertions_signed": not self.response_only, "want_messages_signed": self.response_only}
        return trust_in(self.idp, **signed)

    def response(self) -> bytes:
        """A good response of this style, signed and encrypted as the product does."""
        text = Template((FOLDER / f"{self.name}.xml").read_text()).substitute(
            acs=SERVICE_PROVIDER.acs_url,
            sp=SERVICE_PROVIDER.entity_id,
            idp=self.idp_entity_id,
            request=REQUEST_ID,
            certificate=certificate_text(self.idp.certificate),
            **{name: _moment(offset) for name, offset in MOMENTS.items()},
        )
        *inner, last = self.signed
        xml = text.encode()
        for id in inner:
            xml = fill_signature(xml.decode(), id, self.idp.key)
        if self.encryption:
            xml = encrypt_assertion(xml, certificate_of(rsa_key("sp")), self.encryption, **self.encryption_options)
        return fill_signature(xml.decode(), last, self.idp.key)


MOMENTS = {
    "now": dt.timedelta(),
    "earlier": dt.timedelta(minutes=-1),
    "later": dt.timedelta(minutes=5),
    "evening": dt.timedelta(hours=8),
}


def _moment(offset: dt.timedelta) -> str:
    return (NOW + offset).strftime("%Y-%m-%dT%H:%M:%S")


STYLES: Mapping[str, Style] = {
    style.name: style
    for style in (
        Style(
            name="entra",
            idp_entity_id="https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
            signed=("_assertion",),
            name_id="ada@acme.test",
            attributes={
                "http://schemas.microsoft.com/identity/claims/tenantid": ("72f988bf-86f1-41af-91ab-2d7cd011db47",),
                "http://schemas.microsoft.com/claims/authnmethodsreferences": (
                    "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
                    "http://schemas.microsoft.com/claims/multipleauthn",
                ),
                CLAIMS + "emailaddress": ("ada@acme.test",),
            },
        ),
        Style(
            name="okta",
            idp_entity_id="http://www.okta.com/exk1fcia6d6EMsf331d8",
            signed=("id3701158728411867640513456", "id37011587283427611484178"),
            name_id="ada@acme.test",
            attributes={"email": ("ada@acme.test",)},
        ),
        Style(
            name="adfs",
            idp_entity_id="http://fs.acme.test/adfs/services/trust",
            signed=("_0d0e6d2b-9b42-4d3b-9a7c-4f7cc9c2a2c1",),
            name_id="ACME\\ada",
            attributes={
                CLAIMS + "emailaddress": ("ada@acme.test",),
                "http://schemas.xmlsoap.org/claims/Group": ("Domain Users", "Développement"),
            },
        ),
        Style(
            name="ping",
            idp_entity_id="https://auth.pingone.eu/0ba8d4d7-1f1c-4b0c-8b29-0a1b2c3d4e5f",
            signed=("Bfj5Zl5oQCAcVLRZXyTXcL2fUnh",),
            name_id="ada",
            attributes={"email": ("ada@acme.test",)},
            response_only=True,
        ),
        Style(
            name="google",
            idp_entity_id="https://accounts.google.com/o/saml2?idpid=C01abc23d",
            signed=("_2b2c0d5a4e1f4c6d8b7a",),
            name_id="ada@acme.test",
            attributes={"email": ("ada@acme.test",), "phone": ()},
            response_only=True,
        ),
        Style(
            name="shibboleth",
            idp_entity_id="https://idp.acme.test/idp/shibboleth",
            signed=("_91b8e2c4d6f74c6a8e0d", "_3e94f0c5a7b14d2b9c6e"),
            name_id="AAdzZWNyZXQx7c+HtuOC9bqS0u3BN/s9",
            attributes={"urn:oid:0.9.2342.19200300.100.1.3": ("ada@acme.test",)},
            encryption="aes128-cbc",
        ),
        Style(
            name="simplesamlphp",
            idp_entity_id="https://sso.acme.test/saml2/idp/metadata.php",
            signed=("_b2f0d9e85c714a3f9e60", "_1a7df6c6fd5a40d1bcd2"),
            name_id="_6d2e1c4b9f",
            attributes={"mail": ("ada@acme.test",)},
        ),
        Style(
            name="keycloak",
            idp_entity_id="https://login.acme.test/realms/acme",
            signed=("ID_7d1b3c0e-2f7a-4b61-9a52-1c3de2d1f001",),
            name_id="ada",
            attributes={"urn:oid:1.2.840.113549.1.9.1": ("ada@acme.test",), "Role": ("view-profile", "offline_access")},
            response_only=True,
        ),
    )
}
