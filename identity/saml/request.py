"""Authentication requests (SAML Core 3.4.1): what a tenant asks its identity provider for.

They are written as text, in exclusive canonical form from the start, so that what is hashed and signed is what was written:
pysaml2's typed objects, a parser and a canonicalisation took 0.16 ms together in their place, of a start that takes 1 ms.
Tests hold the text against the schema, against libxml2's canonical form and against what pysaml2 reads in it, for any values.
"""

from __future__ import annotations

import datetime as dt
import functools
import re

from identity.saml.canonical_text import SAML, SAMLP, canonical_attribute, canonical_instant, canonical_text, message_octets
from tenants.errors import IdentityProviderMissing
from tenants.trust import BINDING_POST, BINDING_REDIRECT, Endpoint, SAMLTrust

REQUEST_ID = re.compile(r"_[A-Za-z0-9_.-]{22,63}", re.ASCII)
"""An NCName, as xs:ID must be; from the underscore, since Entra ID refuses a digit in front; 22 base64 digits hold 128 bits."""
NAME_ID_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
MAX_FORMS = 512
"""At 1 KiB each, half a mebibyte in each worker."""
PREFERENCES = {"post": (BINDING_POST, BINDING_REDIRECT), "redirect": (BINDING_REDIRECT, BINDING_POST)}


def choose_endpoint(trust: SAMLTrust) -> Endpoint:
    """Where requests go: the chosen binding's first endpoint, or the other binding's where that one is missing (Q1).

    Raises:
        IdentityProviderMissing: the metadata names no endpoint for either binding.
    """
    for binding in PREFERENCES[trust.settings.request_binding]:
        for endpoint in trust.sso:
            if endpoint.binding == binding:
                return endpoint
    raise IdentityProviderMissing(f"{trust.idp_name}: its metadata names no sign-in endpoint for POST or Redirect")


def build_authn_request(
    trust: SAMLTrust,
    request_id: str,
    endpoint: Endpoint,
    now: dt.datetime,
    *,
    force_authn: bool = False,
    is_passive: bool = False,
) -> bytes:
    """The request as XML, not yet signed.

    It has no Subject, which Entra ID refuses, and no SPNameQualifier: that one would ask for identifiers made for someone else.

    Args:
        request_id: unguessable; the response names it in InResponseTo.
        now: aware.
    """
    if not REQUEST_ID.fullmatch(request_id):
        raise ValueError("a request ID is an underscore and 22 to 63 letters, digits, hyphens, dots or underscores")
    settings = trust.settings
    before, between, after = _form_of(
        trust.service_provider.acs_url,
        trust.service_provider.entity_id,
        endpoint.location,
        settings.name_id_format,
        settings.authn_context_class_ref,
        settings.authn_context_comparison,
        force_authn or settings.force_authn,
        is_passive,
    )
    return f"{before}{request_id}{between}{canonical_instant(now)}{after}".encode()


@functools.lru_cache(maxsize=MAX_FORMS)
def _form_of(
    acs_url: str,
    entity_id: str,
    location: str,
    name_id_format: str,
    classes: tuple[str, ...],
    comparison: str,
    force_authn: bool,
    is_passive: bool,
) -> tuple[str, str, str]:
    """What a request says before its ID, from there to its time, and after that: all requests of a trust have it in common."""
    force = ' ForceAuthn="true"' if force_authn else ""
    passive = ' IsPassive="true"' if is_passive else ""
    before = (
        f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}"'
        f' AssertionConsumerServiceURL="{canonical_attribute(acs_url)}"'
        f' Destination="{canonical_attribute(location)}"{force} ID="'
    )
    between = f'"{passive} IssueInstant="'
    after = (
        f'" ProtocolBinding="{BINDING_POST}" Version="2.0">'
        f'<saml:Issuer xmlns:saml="{SAML}">{canonical_text(entity_id)}</saml:Issuer>'
        f"{_name_id_policy(name_id_format)}{_requested_authn_context(classes, comparison)}</samlp:AuthnRequest>"
    )
    message_octets(before + after)  # refuses what XML has no place for; ID and time have nothing of the kind
    return before, between, after


def _name_id_policy(name_id_format: str) -> str:
    """AllowCreate lets persistent identifiers come into being; with transient ones it must not be used (SAML errata E14)."""
    if not name_id_format:
        return ""
    allow_create = "" if name_id_format == NAME_ID_TRANSIENT else ' AllowCreate="true"'
    return f'<samlp:NameIDPolicy{allow_create} Format="{canonical_attribute(name_id_format)}"></samlp:NameIDPolicy>'


def _requested_authn_context(classes: tuple[str, ...], comparison: str) -> str:
    """Classes in the order of the settings: for all comparisons but `exact` the first one counts most (SAML Core 3.3.2.2.1)."""
    if not classes:
        return ""
    listed = "".join(
        f'<saml:AuthnContextClassRef xmlns:saml="{SAML}">{canonical_text(name)}</saml:AuthnContextClassRef>' for name in classes
    )
    how = canonical_attribute(comparison.lower())
    return f'<samlp:RequestedAuthnContext Comparison="{how}">{listed}</samlp:RequestedAuthnContext>'
