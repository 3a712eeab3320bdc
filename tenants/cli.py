"""Commands for tenants and tokens, on the same flows as the API (I2)."""

from __future__ import annotations

import sys
from typing import Any

import click
from flask import Flask

from config.database import transaction
from tenants.administration import change_tenant, create_tenant, delete_tenant, draft_tenant, require_name
from tenants.audit import EventType, record
from tenants.cli_console_roles import grant, role_rule
from tenants.cli_directories import directory_commands
from tenants.cli_domains import domain_commands
from tenants.cli_events import events
from tenants.cli_keys import keys_commands
from tenants.cli_logo import logo
from tenants.cli_metadata import metadata
from tenants.cli_notices import notices
from tenants.cli_providers import idp
from tenants.cli_settings import settings_commands
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.models import ACTIVE, SUSPENDED
from tenants.paging import MAX_LIMIT
from tenants.roles import Role
from tenants.schemas import TenantPatch
from tenants.tenant_records import Attestation, ManagedTenant, domains_of, page_of_tenants
from tenants.tokens import add_token, list_tokens, read_duration, revoke_token
from tenants.views import tenant_document
from tenants.wiring import end_sessions, keys, passkey_holders, settings

tenant = ManagementGroup("tenant", help="Customer organisations.")
token = ManagementGroup("token", help="Bearer tokens of the management API.")
FROM_STANDARD_INPUT = "-"
SLUG = click.argument("slug", metavar="MYDOMAIN")


def install_commands(app: Flask) -> None:
    """Give the application these commands."""
    groups = (
        *(tenant, logo, domain_commands, directory_commands, idp, keys_commands, metadata, settings_commands),
        *(grant, role_rule, notices, token),
    )
    for group in (*groups, events):
        app.cli.add_command(group)


@tenant.command("create")
@SLUG
@click.option("--name", required=True, help="What people see.")
@click.option("--domain", "domains", multiple=True, help="E-mail domain of its people; several are possible.")
@click.option("--reason", default="Added by an operator", show_default=True, help="Why the domains are known to be theirs.")
def create_command(slug: str, name: str, domains: tuple[str, ...], reason: str) -> None:
    """Create a tenant and its keys, and show what its identity provider has to know."""
    draft = draft_tenant(slug, name, domains, settings(), now())
    attestation = Attestation(checked(TenantPatch, {"reason": reason})["reason"])
    with transaction():
        made = create_tenant(draft, settings(), keys(), attestation=attestation, actor=actor(), now=now())
    _show_tenant(made)


@tenant.command("list")
def list_command() -> None:
    """List all tenants."""
    found: list[ManagedTenant] = []
    while page := page_of_tenants(found[-1].slug if found else "", MAX_LIMIT):
        found += page
    for item in found:
        click.echo(f"{item.slug}\t{item.state}\t{item.name}")


@tenant.command("show")
@SLUG
def show_command(slug: str) -> None:
    """Show a tenant."""
    _show_tenant(the_tenant(slug))


@tenant.command("suspend")
@SLUG
def suspend_command(slug: str) -> None:
    """Refuse sign-in and end every session at once."""
    _change(slug, {"state": SUSPENDED})


@tenant.command("activate")
@SLUG
def activate_command(slug: str) -> None:
    """Allow sign-in again."""
    _change(slug, {"state": ACTIVE})


@tenant.command("rename")
@SLUG
@click.option("--name", help="What people see.")
@click.option("--mydomain", "slug_after", help="The new MyDomain; the former one goes on working.")
@click.option("--anyway", is_flag=True, help="Although people have passkeys, which a new MyDomain makes useless.")
def rename_command(slug: str, name: str | None, slug_after: str | None, anyway: bool) -> None:
    """Change name or MyDomain. Entity ID and ACS URL stay those that the identity provider knows."""
    changes: dict[str, Any] = {field: value for field, value in (("name", name), ("slug", slug_after)) if value is not None}
    if not changes:
        raise click.UsageError("Say what to change: --name, --mydomain, or both.")
    _change(slug, changes | ({"anyway": True} if anyway else {}))


@tenant.command("domains")
@SLUG
@click.argument("domains", nargs=-1)
@click.option("--reason", default="Added by an operator", show_default=True, help="Why the domains are known to be theirs.")
def domains_command(slug: str, domains: tuple[str, ...], reason: str) -> None:
    """Replace the list of e-mail domains; none at all lets nobody sign in."""
    _change(slug, {"email_domains": list(domains), "reason": reason})


@tenant.command("delete")
@SLUG
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_command(slug: str, yes: bool) -> None:
    """Delete a tenant: sessions and tokens end, its hosts are unknown from now on."""
    found = the_tenant(slug)
    if not yes and click.prompt(f"Type the name of {found.name!r} to delete it") != found.name:
        raise click.UsageError("That is not its name; nothing was deleted.")
    with transaction():
        delete_tenant(found, actor=actor(), now=now(), end_sessions=end_sessions())


@token.command("create")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--tenant", "slug", help="MyDomain; for admin and viewer.")
@click.option("--expires-in", default="30d", show_default=True, help="45s, 90m, 12h, 30d.")
@click.option("--label", default="", help="What it is for.")
def create_token_command(role: str, slug: str | None, expires_in: str, label: str) -> None:
    """Make a token and print it, and nothing else. It is shown this once."""
    lifetime = read_duration(expires_in)
    tenant_id = the_tenant(slug).id if slug is not None else None
    label = require_name(label, "label") if label else ""
    with transaction():
        secret, public_id = add_token(Role(role), tenant_id, lifetime=lifetime, label=label, now=now())
        if tenant_id is not None:
            record(tenant_id, EventType.TOKEN_CREATED, at=now(), actor=actor(), token=public_id, role=role)
    click.echo(secret)


@token.command("list")
@click.option("--tenant", "slug", help="MyDomain; without it all tokens.")
def list_tokens_command(slug: str | None) -> None:
    """List tokens, newest first; never the tokens themselves."""
    for item in list_tokens(the_tenant(slug).id if slug is not None else None):
        state = "revoked" if item.revoked_at else "expired" if item.expires_at <= now() else "valid"
        click.echo(f"{item.public_id}\t{item.role}\t{state}\t{item.expires_at.isoformat(timespec='seconds')}\t{item.label}")


@token.command("revoke")
@click.argument("token_or_id", metavar="TOKEN-OR-ID")
def revoke_token_command(token_or_id: str) -> None:
    """End a token at once, named by its id or by itself (`-` reads it from standard input)."""
    if token_or_id == FROM_STANDARD_INPUT:
        token_or_id = sys.stdin.readline().strip()
    with transaction():
        revoked = revoke_token(token_or_id, now())
        if revoked is not None and revoked.tenant_id is not None:
            record(revoked.tenant_id, EventType.TOKEN_REVOKED, at=now(), actor=actor(), token=revoked.public_id)
    if revoked is None:
        raise click.UsageError("There is no such token, or it was revoked before. `vestibule token list` shows their ids.")
    click.echo(f"{revoked.public_id} is revoked.", err=True)


def _change(slug: str, changes: dict[str, Any]) -> None:
    found, wanted = the_tenant(slug), checked(TenantPatch, changes)
    with transaction():
        changed = change_tenant(
            found,
            wanted,
            settings(),
            attestation=Attestation(wanted.get("reason", "Added by an operator")),
            actor=actor(),
            now=now(),
            end_sessions=end_sessions(),
            passkey_holders=passkey_holders(),
        )
    _show_tenant(changed)


def _show_tenant(shown: ManagedTenant) -> None:
    show(tenant_document(shown, domains_of([shown.id])[shown.id]))
