"""Commands for what waits at an identity provider and for its metadata's versions, on the same flows as the API (I2)."""

from __future__ import annotations

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, now, show, the_tenant
from tenants.metadata_history.decisions import approve, go_back, refuse
from tenants.metadata_history.errors import NothingPending
from tenants.metadata_history.versions import version_of, version_xml, versions_of
from tenants.metadata_views import metadata_version_document
from tenants.providers import require_provider
from tenants.views import provider_document

VERSIONS_SHOWN = 50
metadata = ManagementGroup("metadata", help="What waits at an identity provider, and its metadata's versions.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
NAME = click.argument("name", metavar="IDP")
NUMBER = click.argument("number", type=click.IntRange(min=1))
VERSION = click.option("--version", "version_id", help="The version that was looked at; another one is not decided about.")
REASON = click.option("--reason", help="Kept on record.")


@metadata.command("pending")
@SLUG
@NAME
def pending_command(slug: str, name: str) -> None:
    """Show what waits for a decision, and what it would change."""
    pending = require_provider(the_tenant(slug).id, name).pending
    if pending is None:
        raise NothingPending(name)
    show(dict(pending))


@metadata.command("approve")
@SLUG
@NAME
@VERSION
@REASON
def approve_command(slug: str, name: str, version_id: str | None, reason: str | None) -> None:
    """Put what waits into force, exactly as it is shown."""
    tenant = the_tenant(slug)
    with transaction():
        provider = approve(tenant, name, version_id=version_id, reason=reason, actor=actor(), now=now())
    show(provider_document(provider))


@metadata.command("refuse")
@SLUG
@NAME
@VERSION
@REASON
def refuse_command(slug: str, name: str, version_id: str | None, reason: str | None) -> None:
    """Turn down what waits; it is not asked again until the source says something else."""
    tenant = the_tenant(slug)
    with transaction():
        provider = refuse(tenant, name, version_id=version_id, reason=reason, actor=actor(), now=now())
    show(provider_document(provider))


@metadata.command("versions")
@SLUG
@NAME
def versions_command(slug: str, name: str) -> None:
    """List the metadata that is and was in force: number, since when, by whom, from where, what it changed."""
    for version in versions_of(require_provider(the_tenant(slug).id, name), None, VERSIONS_SHOWN):
        row, changes = version.row, version.changes
        unknown = "first" if row.base is None else "?"
        words = unknown if changes is None else ",".join(dict.fromkeys(change.kind for change in changes)) or "-"
        since = row.created_at.isoformat(timespec="seconds")
        by = f"{row.created_by}, approved by {row.decided_by}" if row.decided_by else row.created_by
        state = "in force" if version.in_force else ""
        click.echo(f"{row.number}\t{since}\t{by}\t{row.source}\t{words}\t{row.reason or ''}\t{state}")


@metadata.command("version")
@SLUG
@NAME
@NUMBER
@click.option("--xml", is_flag=True, help="The document itself, as it came.")
def version_command(slug: str, name: str, number: int, xml: bool) -> None:
    """Show one version of the metadata, and what it changed."""
    provider = require_provider(the_tenant(slug).id, name)
    version = version_of(provider, number)
    if xml:
        click.echo(version_xml(provider, version.row))
    else:
        show(metadata_version_document(version))


@metadata.command("restore")
@SLUG
@NAME
@NUMBER
@REASON
def restore_command(slug: str, name: str, number: int, reason: str | None) -> None:
    """Go back to a version: it holds at once, and what is left returns only if it is approved."""
    tenant = the_tenant(slug)
    with transaction():
        provider = go_back(tenant, name, number, reason=reason, actor=actor(), now=now())
    show(provider_document(provider))
