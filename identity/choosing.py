"""Flows: which identity provider somebody is led to without having to choose, by rules that know of no person (H1, H2)."""

from __future__ import annotations

from tenants.email_domains import domain_of
from tenants.trust import SAMLTrust
from tenants.trusts import TenantTrust


def required_provider(trust: TenantTrust) -> SAMLTrust | None:
    """The one identity provider that everybody here has to use, where the tenant has said so; None where there is a choice."""
    listed = (trust.organisations.root, *(node.settings for node in trust.organisations.nodes.values()))
    if listed[0].sso_required is not True:
        return None
    if any(settings.sso_required is False or settings.sso_enabled is False for settings in listed):
        return None
    root, named = listed[0].idp_id, {settings.idp_id for settings in listed} - {None}
    if len(trust.providers) == 1:
        return trust.providers[0] if named <= {trust.providers[0].idp_id} else None
    return trust.by_id(root) if root is not None and named == {root} else None


def provider_of_address(trust: TenantTrust, email: str | None) -> SAMLTrust | None:
    """The one identity provider that is named for an address's domain; None where none is, or several are."""
    if email is None:
        return None
    named = [provider for provider in trust.providers if domain_of(email) in provider.own_domains]
    return named[0] if len(named) == 1 else None


def leads_by_address(trust: TenantTrust) -> bool:
    """Whether an address can make a difference: there is a choice, and domains are named for some of it."""
    return len(trust.providers) > 1 and any(provider.own_domains for provider in trust.providers)
