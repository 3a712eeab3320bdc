"""What a tenant and its identity provider agreed: the values that a sign-in is judged by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tenants.email_domains import domain_of
from tenants.placement_rules import NO_RULES, PlacementRules
from tenants.saml_settings import SAMLSettings

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

BINDING_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BINDING_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place at an identity provider, and how a message gets there."""

    binding: str
    location: str
    response_location: str | None = None


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A pinned certificate of an identity provider. Its key counts; its dates are shown (SAML metadata: trust is the pin)."""

    der: bytes
    sha256: str
    not_before: dt.datetime
    not_after: dt.datetime


@dataclass(frozen=True, slots=True)
class IdPMetadata:
    """What an identity provider's metadata said, once accepted.

    `metadata_to_document`/`metadata_from_document` in tenants.idp_metadata give the stored JSON form.
    """

    entity_id: str
    sso: tuple[Endpoint, ...]
    slo: tuple[Endpoint, ...]
    signing_certificates: tuple[SigningCertificate, ...]
    want_authn_requests_signed: bool = False
    valid_until: dt.datetime | None = None
    cache_duration_seconds: int | None = None
    name_id_formats: tuple[str, ...] = ()
    warnings: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """Our side of one tenant's trust: stored canonical values, never built from a request."""

    entity_id: str
    acs_url: str
    slo_url: str
    metadata_url: str


@dataclass(frozen=True, slots=True)
class ConsoleRule:
    """Whoever signs in with this value of this attribute has a role in the tenant's console (A1)."""

    id: str
    attribute: str
    value: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class SAMLTrust:
    """Everything that one sign-in is asked with and judged by; cached by (tenant, version).

    `key_ends` is empty, or says for each of `signing_keys` when it stops to count: with the last of its certificates, where the
    settings refuse ended ones. `open_signing_key` and `open_decryption_keys` fetch our own private keys when they are needed:
    an opened RSA key takes 9 KiB once it was used, more than all the rest of a trust. `signing_keys` are the IdP's pinned ones.
    `signing_certificate` is our own, as DER: two thirds of what its PEM takes.
    """

    tenant_id: int
    idp_id: str
    idp_name: str
    idp_display_name: str
    service_provider: ServiceProvider
    idp_entity_id: str
    sso: tuple[Endpoint, ...]
    signing_keys: tuple[PublicKey, ...]
    valid_until: dt.datetime | None
    settings: SAMLSettings
    email_domains: frozenset[str]
    signing_certificate: bytes
    open_signing_key: Callable[[], rsa.RSAPrivateKey]
    open_decryption_keys: Callable[[], tuple[rsa.RSAPrivateKey, ...]]
    console_rules: tuple[ConsoleRule, ...] = ()
    key_ends: tuple[dt.datetime, ...] = ()
    organisation_id: str | None = None
    """Where its people belong unless a rule says otherwise; None: to the tenant as a whole."""
    placement: PlacementRules = NO_RULES
    own_domains: tuple[str, ...] = ()
    """E-mail domains that this one is named for: whoever types an address at one of them is led here."""
    fingerprint_key: tuple[str, bytes] = ("", b"")
    """Name and key of what is kept of the values that came; see identity.placement.fingerprints."""
    decryption_key_ids: tuple[str, ...] = ()
    """Of what `open_decryption_keys` gives, in the same order."""

    def console_rule_of(self, attributes: Mapping[str, tuple[str, ...]]) -> str | None:
        """Id of the rule that these verified attributes meet, exactly; the strongest one where there are several."""
        met = [rule for rule in self.console_rules if rule.value in attributes.get(rule.attribute, ())]
        return max(met, key=lambda rule: rule.is_admin).id if met else None

    def speaks_for(self, email: str) -> bool:
        """Whether it may say who has this address: it is named for the domain, or for none and so for all of the tenant's."""
        return not self.own_domains or domain_of(email) in self.email_domains

    def __repr__(self) -> str:
        return f"SAMLTrust(tenant_id={self.tenant_id}, idp={self.idp_name!r})"
