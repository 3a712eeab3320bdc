"""Commands for roles in a tenant's console, on the same flows as the API (I2)."""

from __future__ import annotations

from dataclasses import asdict

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.console_role_records import find_grant_of, grants_of, rules_of
from tenants.console_role_schemas import RuleCreate
from tenants.console_roles import change_grant, drop_rule, grant_role, make_rule, require_grant_of, withdraw_grant
from tenants.email_domains import normalise_email
from tenants.paging import is_row_id
from tenants.roles import Role

grant = ManagementGroup("grant", help="Who of a tenant's people has a role in its console.")
role_rule = ManagementGroup("role-rule", help="Roles in a tenant's console by an attribute of the sign-in.")
TENANT = click.option("--tenant", "slug", required=True, metavar="MYDOMAIN", help="Whose console.")
EMAIL = click.argument("email", metavar="EMAIL")


@grant.command("admin")
@EMAIL
@TENANT
def admin_command(email: str, slug: str) -> None:
    """Make somebody an administrator."""
    _give(slug, email, Role.ADMIN)


@grant.command("viewer")
@EMAIL
@TENANT
def viewer_command(email: str, slug: str) -> None:
    """Make somebody a viewer, who changes nothing."""
    _give(slug, email, Role.VIEWER)


@grant.command("list")
@TENANT
def list_command(slug: str) -> None:
    """List who was named for a role."""
    show([asdict(item) for item in grants_of(the_tenant(slug).id)])


@grant.command("remove")
@EMAIL
@TENANT
def remove_command(email: str, slug: str) -> None:
    """Take a role away; it holds with the person's next request."""
    tenant = the_tenant(slug)
    with transaction():
        withdraw_grant(tenant, require_grant_of(tenant.id, email).id, actor=actor(), now=now())


@role_rule.command("add")
@TENANT
@click.option("--idp", required=True, help="Name of the identity provider.")
@click.option("--attribute", required=True, help="As it comes on the wire.")
@click.option("--value", required=True, help="Compared exactly.")
@click.option("--role", required=True, type=click.Choice([Role.ADMIN.value, Role.VIEWER.value]))
def add_rule_command(slug: str, idp: str, attribute: str, value: str, role: str) -> None:
    """Give a role to everybody whose attribute has this value, from their next sign-in on."""
    tenant = the_tenant(slug)
    wanted = checked(RuleCreate, {"idp": idp, "attribute": attribute, "value": value, "role": role})
    with transaction():
        made = make_rule(tenant, **(wanted | {"role": Role(wanted["role"])}), actor=actor(), now=now())
    show(asdict(made))


@role_rule.command("list")
@TENANT
def list_rules_command(slug: str) -> None:
    """List the rules."""
    show([asdict(item) for item in rules_of(the_tenant(slug).id)])


@role_rule.command("remove")
@click.argument("rule_id", metavar="ID")
@TENANT
def remove_rule_command(rule_id: str, slug: str) -> None:
    """Remove a rule; whoever has a role by it has none with their next request."""
    if not is_row_id(rule_id):
        raise click.UsageError(f"There is no rule of this id. `vestibule role-rule list --tenant {slug}` shows them all.")
    tenant = the_tenant(slug)
    with transaction():
        drop_rule(tenant, rule_id, actor=actor(), now=now())


def _give(slug: str, email: str, role: Role) -> None:
    tenant = the_tenant(slug)
    with transaction():
        known = find_grant_of(tenant.id, normalise_email(email) or "")
        if known is None:
            given = grant_role(tenant, email, role, actor=actor(), now=now())
        else:
            given = change_grant(tenant, known.id, role, actor=actor(), now=now())
    show(asdict(given))
