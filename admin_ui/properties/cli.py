"""Commands for properties of the service (I2)."""

from __future__ import annotations

import click
from flask import Flask

from admin_ui.properties.changing import HOLDS, all_properties, change_properties, require_property
from admin_ui.properties.forms import property_document
from config.database import transaction
from config.properties.records import property_values
from tenants.cli_support import ManagementGroup, actor, now, show

prop = ManagementGroup("prop", help="Properties of the service, changed while it runs.")
NAME = click.argument("name", metavar="PROPERTY")


def install_property_commands(app: Flask) -> None:
    """Give the application these commands."""
    app.cli.add_command(prop)


@prop.command("list")
def list_command() -> None:
    """List all of them: name, value, default, what each does."""
    for present in all_properties():
        definition = present.definition
        by = f"set by {present.changed_by}" if present.changed_at else "default"
        click.echo(f"{definition.name}\t{present.value}\t{by}\t{definition.sentence}")


@prop.command("get")
@NAME
@click.option("--facts", is_flag=True, help="Bounds, default, and who set it, as JSON.")
def get_command(name: str, facts: bool) -> None:
    """Print the value that holds."""
    (present,) = property_values([require_property(name)])
    if facts:
        show(property_document(present))
    else:
        click.echo(present.value)


@prop.command("set")
@NAME
@click.argument("value", type=int)
def set_command(name: str, value: int) -> None:
    """Give it another value, everywhere and without a restart."""
    _change(name, value)


@prop.command("unset")
@NAME
def unset_command(name: str) -> None:
    """Let its default hold again."""
    _change(name, None)


def _change(name: str, value: int | None) -> None:
    with transaction():
        change_properties({name: value}, actor=actor(), now=now())
    (present,) = property_values([require_property(name)])
    click.echo(f"{name} is {present.value}. {HOLDS}")
