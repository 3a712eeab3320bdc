"""Commands for test sign-ins and for what will be sent, among those for SAML settings (I2)."""

from __future__ import annotations

from dataclasses import asdict

import click
from flask import Flask
from flask.cli import with_appcontext

from config.database import transaction
from identity.preview import preview_of
from identity.trial_models import ACCEPTED, REFUSED
from identity.trials import prepare_trial, require_trial, shown_trial
from identity.trials_view import trial_document
from tenants import web
from tenants.cli_settings import settings_commands
from tenants.cli_support import actor, now, show, the_tenant
from tenants.drafts import require_draft
from tenants.errors import NotFound
from tenants.paging import is_row_id
from tenants.providers import require_provider
from tenants.settings_documents import settings_from_document
from tenants.wiring import settings as deployment

SLUG = click.argument("slug", metavar="MYDOMAIN")
NAME = click.argument("name", metavar="IDP")
IN_FORCE = click.option("--in-force", is_flag=True, help="The settings in force, and not the draft.")


def install_trial_commands(_app: Flask) -> None:
    """Put these commands among those for settings, which the application has."""
    for command in (test_command, result_command, preview_command):
        settings_commands.add_command(command)


@click.command("test")
@SLUG
@NAME
@IN_FORCE
@click.option("--refused", is_flag=True, help="With somebody who must not come in.")
@with_appcontext
def test_command(slug: str, name: str, in_force: bool, refused: bool) -> None:
    """Print a link that begins a test sign-in, in the browser that opens it, once within 10 minutes."""
    tenant = the_tenant(slug)
    with transaction():
        prepared = prepare_trial(
            tenant, name, of_draft=not in_force, expected=REFUSED if refused else ACCEPTED, actor=actor(), now=now()
        )
    click.echo(f"{prepared.id}\t{deployment().tenant_origin(tenant.slug)}{prepared.path}")


@click.command("test-result")
@SLUG
@click.argument("test_id", metavar="ID")
@with_appcontext
def result_command(slug: str, test_id: str) -> None:
    """Show how a test sign-in went."""
    if not is_row_id(test_id):
        raise NotFound("no such test")
    show(trial_document(shown_trial(require_trial(the_tenant(slug).id, test_id), None)))


@click.command("preview")
@SLUG
@NAME
@IN_FORCE
@with_appcontext
def preview_command(slug: str, name: str, in_force: bool) -> None:
    """Show the authentication request that the draft makes."""
    tenant = the_tenant(slug)
    provider = require_provider(tenant.id, name)
    chosen = settings_from_document(provider.settings) if in_force else require_draft(tenant.id, name).settings
    trust = web.trusts().trial_trust(tenant, provider.id, chosen)
    if trust is None:
        raise NotFound("no such identity provider")
    show(asdict(preview_of(trust, now())))
