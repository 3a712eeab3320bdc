"""Commands for drafts and versions of SAML settings, on the same flows as the API (I2)."""

from __future__ import annotations

import json
from typing import Any

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.drafts import discard_draft, go_back, promote_draft, rebase_draft, require_draft, save_draft
from tenants.providers import change_saml_settings, require_provider
from tenants.saml_settings_schemas import SettingsPatch
from tenants.settings_documents import settings_from_document
from tenants.settings_versions import version_of, versions_of
from tenants.settings_views import draft_document, version_document
from tenants.views import settings_document

VERSIONS_SHOWN = 50
settings_commands = ManagementGroup("settings", help="SAML settings of an identity provider.")
draft = ManagementGroup("draft", help="Settings that are not in force yet.")
settings_commands.add_command(draft)
SLUG = click.argument("slug", metavar="MYDOMAIN")
NAME = click.argument("name", metavar="IDP")
NUMBER = click.argument("number", type=click.IntRange(min=1))
ASSIGNMENTS = click.argument("assignments", nargs=-1, required=True, metavar="SETTING=VALUE...")


@settings_commands.command("show")
@SLUG
@NAME
def show_settings_command(slug: str, name: str) -> None:
    """Show all SAML settings in force."""
    show(settings_document(settings_from_document(require_provider(the_tenant(slug).id, name).settings)))


@settings_commands.command("set")
@SLUG
@NAME
@ASSIGNMENTS
def set_command(slug: str, name: str, assignments: tuple[str, ...]) -> None:
    """Change settings at once, as `request_binding=redirect`, `attribute_map={"email":["mail"]}` (JSON or text)."""
    tenant, patch = the_tenant(slug), _patch_of(assignments)
    with transaction():
        changed = change_saml_settings(tenant, name, patch, actor=actor(), now=now())
    show(settings_document(changed))


@settings_commands.command("versions")
@SLUG
@NAME
def versions_command(slug: str, name: str) -> None:
    """List what is and was in force: number, since when, by whom, how, what it changed, why."""
    for version in versions_of(require_provider(the_tenant(slug).id, name), None, VERSIONS_SHOWN):
        row = version.row
        since = row.in_force_at.isoformat(timespec="seconds") if row.in_force_at else ""
        changed = ",".join(version.changes) or "-"
        click.echo(f"{row.number}\t{since}\t{row.in_force_by}\t{row.origin}\t{changed}\t{row.reason or ''}")


@settings_commands.command("version")
@SLUG
@NAME
@NUMBER
def version_command(slug: str, name: str, number: int) -> None:
    """Show one version with its settings and changes."""
    show(version_document(version_of(require_provider(the_tenant(slug).id, name), number)))


@settings_commands.command("restore")
@SLUG
@NAME
@NUMBER
@click.option("--reason", help="Kept on record.")
def restore_command(slug: str, name: str, number: int, reason: str | None) -> None:
    """Go back to a version: its settings hold at once."""
    tenant = the_tenant(slug)
    with transaction():
        settings = go_back(tenant, name, number, reason=reason, actor=actor(), now=now())
    show(settings_document(settings))


@draft.command("show")
@SLUG
@NAME
def show_draft_command(slug: str, name: str) -> None:
    """Show the draft, and what it would change."""
    show(draft_document(require_draft(the_tenant(slug).id, name)))


@draft.command("set")
@SLUG
@NAME
@ASSIGNMENTS
def set_draft_command(slug: str, name: str, assignments: tuple[str, ...]) -> None:
    """Change settings in the draft; nothing of it holds until it is promoted."""
    tenant, patch = the_tenant(slug), _patch_of(assignments)
    with transaction():
        saved = save_draft(tenant, name, patch, actor=actor(), now=now())
    show(draft_document(saved))


@draft.command("rebase")
@SLUG
@NAME
def rebase_draft_command(slug: str, name: str) -> None:
    """Bring the draft up to date with what is in force; what it changed stays."""
    tenant = the_tenant(slug)
    with transaction():
        draft_now = rebase_draft(tenant, name, actor=actor(), now=now())
    show(draft_document(draft_now))


@draft.command("promote")
@SLUG
@NAME
@click.option("--reason", help="Why it goes without a passing test; kept on record.")
def promote_draft_command(slug: str, name: str, reason: str | None) -> None:
    """Put the draft in force, after its test has passed."""
    tenant = the_tenant(slug)
    with transaction():
        settings = promote_draft(tenant, name, reason=reason, actor=actor(), now=now())
    show(settings_document(settings))


@draft.command("discard")
@SLUG
@NAME
def discard_draft_command(slug: str, name: str) -> None:
    """Throw the draft away."""
    tenant = the_tenant(slug)
    with transaction():
        discard_draft(tenant, name, actor=actor(), now=now())


def _patch_of(assignments: tuple[str, ...]) -> dict[str, Any]:
    return checked(SettingsPatch, dict(_assignment(text) for text in assignments))


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not of the form SETTING=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
