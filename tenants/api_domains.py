"""Edges of the management API for e-mail domains and their proof (T6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.database import transaction
from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.domain_proof import (
    add_email_domain,
    attest_email_domain,
    remove_email_domain,
    require_email_domain,
    verify_email_domain,
)
from tenants.domain_records import claimed_domains
from tenants.domain_schemas import DomainAdd, DomainAttest, DomainPage, DomainView
from tenants.roles import CONFIGURE, ONBOARD, READ
from tenants.tenant_records import Attestation, ManagedTenant
from tenants.views import domain_document

LIST = "/tenants/<slug>/email-domains"
ONE = f"{LIST}/<domain>"

domains_api = ManagementBlueprint("api_domains", __name__, description="E-mail domains and their proof")


@domains_api.operation("GET", LIST, READ, answers={200: DomainPage})
def get_domains(tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's e-mail domains: which count, and the TXT record that proves those that wait."""
    return {"items": [domain_document(claimed) for claimed in claimed_domains(tenant.id)], "next": None}


@domains_api.operation("POST", LIST, CONFIGURE, body=DomainAdd, answers={201: DomainView}, refuses=(409,))
def post_domain(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Add a domain. It counts once its TXT record is found, or staff attest it."""
    with transaction():
        return domain_document(add_email_domain(tenant, body["domain"], actor=caller().actor, now=now()))


@domains_api.operation("POST", f"{ONE}/verify", CONFIGURE, answers={200: DomainView}, refuses=(409, 422, 429))
def post_verify(tenant: ManagedTenant, domain: str) -> dict[str, Any]:
    """Look for the TXT record now, at most once in five seconds; 422 with the code that says what was found instead."""
    return domain_document(verify_email_domain(tenant, domain, web.settings(), actor=caller().actor, now=now()))


def _require_domain(tenant: ManagedTenant, domain: str) -> None:
    require_email_domain(tenant.id, domain)


@domains_api.operation(
    "POST", f"{ONE}/attest", ONBOARD, body=DomainAttest, answers={200: DomainView}, refuses=(409,), exists=_require_domain
)
def post_attest(body: Mapping[str, Any], tenant: ManagedTenant, domain: str) -> dict[str, Any]:
    """Give staff's word that the domain is the tenant's."""
    with transaction():
        attestation = Attestation(body["reason"])
        return domain_document(attest_email_domain(tenant, domain, attestation, actor=caller().actor, now=now()))


@domains_api.operation("DELETE", ONE, CONFIGURE, answers={204: None})
def remove_domain(tenant: ManagedTenant, domain: str) -> None:
    """Give a domain up: nobody with an address there gets in any more, and another tenant may have it."""
    with transaction():
        remove_email_domain(tenant, domain, actor=caller().actor, now=now())
