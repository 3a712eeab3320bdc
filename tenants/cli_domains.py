"""Commands for e-mail domains and their proof, on the same flows as the API (I2)."""

from __future__ import annotations

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.domain_proof import add_email_domain, attest_email_domain, remove_email_domain, verify_email_domain
from tenants.domain_records import claimed_domains
from tenants.domain_schemas import DomainAdd, DomainAttest
from tenants.tenant_records import Attestation
from tenants.views import domain_document
from tenants.wiring import settings

domain_commands = ManagementGroup("domain", help="E-mail domains of a tenant, and their proof.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
DOMAIN = click.argument("domain", metavar="DOMAIN")


@domain_commands.command("list")
@SLUG
def list_command(slug: str) -> None:
    """List e-mail domains; those that wait with the TXT record that proves them."""
    show([domain_document(claimed) for claimed in claimed_domains(the_tenant(slug).id)])


@domain_commands.command("add")
@SLUG
@DOMAIN
def add_command(slug: str, domain: str) -> None:
    """Add a domain that waits for its proof, and show the TXT record for it."""
    tenant, wanted = the_tenant(slug), checked(DomainAdd, {"domain": domain})
    with transaction():
        show(domain_document(add_email_domain(tenant, wanted["domain"], actor=actor(), now=now())))


@domain_commands.command("verify")
@SLUG
@DOMAIN
def verify_command(slug: str, domain: str) -> None:
    """Look for the TXT record now."""
    show(domain_document(verify_email_domain(the_tenant(slug), domain, settings(), actor=actor(), now=now())))


@domain_commands.command("attest")
@SLUG
@DOMAIN
@click.option("--reason", required=True, help="Why the domain is known to be theirs.")
def attest_command(slug: str, domain: str, reason: str) -> None:
    """Give the service's word that a domain is the tenant's."""
    tenant, attestation = the_tenant(slug), Attestation(checked(DomainAttest, {"reason": reason})["reason"])
    with transaction():
        show(domain_document(attest_email_domain(tenant, domain, attestation, actor=actor(), now=now())))


@domain_commands.command("remove")
@SLUG
@DOMAIN
def remove_command(slug: str, domain: str) -> None:
    """Give a domain up: nobody with an address there gets in any more."""
    tenant = the_tenant(slug)
    with transaction():
        remove_email_domain(tenant, domain, actor=actor(), now=now())
