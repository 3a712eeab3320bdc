"""Commands for placement, on the same flows as the API (I2)."""

from __future__ import annotations

import json
from typing import Any, TextIO

import click
from flask import Flask

from config.database import transaction
from identity.placement.foreseeing import foresee
from identity.placement.schemas import PlacementBody, foresight_document, placement_document
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.organisations.records import organisations_of
from tenants.placement.changing import change_placement, placement_of
from tenants.placement_rules import DIRECTORY, IDENTITY_PROVIDER, Whose
from tenants.wiring import keys

placement = ManagementGroup("placement", help="Where people of an identity provider or a directory belong, and by which rules.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
NAME = click.argument("name", metavar="IDP")
OF_DIRECTORY = click.option("--directory", "of_directory", is_flag=True, help="The name is that of a directory.")
DOCUMENT = click.argument("document", metavar="FILE", type=click.File(encoding="utf-8"))


def install_placement_commands(app: Flask) -> None:
    """Put these commands into the application."""
    app.cli.add_command(placement)


@placement.command("show")
@SLUG
@NAME
@OF_DIRECTORY
def show_command(slug: str, name: str, of_directory: bool) -> None:
    """Show where people belong, and the rules in their order."""
    show(placement_document(placement_of(the_tenant(slug).id, _whose(name, of_directory))[1]))


@placement.command("set")
@SLUG
@NAME
@DOCUMENT
@OF_DIRECTORY
def set_command(slug: str, name: str, document: TextIO, of_directory: bool) -> None:
    """Change it to what a JSON file says, in the form that `show` prints; `-` reads standard input."""
    tenant = the_tenant(slug)
    wanted = _read(document)
    with transaction():
        state = change_placement(tenant, _whose(name, of_directory), wanted, actor=actor(), now=now())
    show(placement_document(state))


@placement.command("preview")
@SLUG
@NAME
@DOCUMENT
@OF_DIRECTORY
def preview_command(slug: str, name: str, document: TextIO, of_directory: bool) -> None:
    """Show who would move, whose role would change and who would lose access. Changes nothing."""
    tenant = the_tenant(slug)
    foresight = foresee(tenant.id, _whose(name, of_directory), _read(document), keys())[1]
    show(foresight_document(foresight, organisations_of(tenant.id), tenant.name))


def _whose(name: str, of_directory: bool) -> Whose:
    return Whose(DIRECTORY if of_directory else IDENTITY_PROVIDER, name)


def _read(document: TextIO) -> dict[str, Any]:
    try:
        read = json.load(document)
    except ValueError:
        raise click.UsageError("This is no JSON.") from None
    if not isinstance(read, dict):
        raise click.UsageError("It has to be an object, as `vestibule placement show` prints it.")
    return checked(PlacementBody, read)
