"""Commands for a tenant's logo, on the same flows as the API."""

from __future__ import annotations

from typing import BinaryIO

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, now, the_tenant
from tenants.errors import NotFound
from tenants.logo_image import MAX_UPLOAD, read_logo
from tenants.logo_records import find_logo
from tenants.logos import remove_logo, set_logo

logo = ManagementGroup("logo", help="Logos of tenants.")
SLUG = click.argument("slug", metavar="MYDOMAIN")


@logo.command("set")
@SLUG
@click.argument("picture", type=click.File("rb", lazy=True), metavar="FILE")
def set_command(slug: str, picture: BinaryIO) -> None:
    """Set the logo from a PNG, JPEG or WebP FILE of 256 KiB at most (`-` reads standard input)."""
    found, made = the_tenant(slug), read_logo(picture.read(MAX_UPLOAD + 1))
    with transaction():
        set_logo(found, made, actor=actor(), now=now())
    click.echo(f"{found.slug}: {made.mark.width} x {made.mark.height} pixels, {len(made.png)} octets, {made.mark.path}")


@logo.command("save")
@SLUG
@click.argument("picture", type=click.File("wb", lazy=True), metavar="FILE")
def save_command(slug: str, picture: BinaryIO) -> None:
    """Save the logo to FILE, as it is served to people."""
    present = find_logo(the_tenant(slug).id)
    if present is None:
        raise NotFound("no logo")
    picture.write(present.png)


@logo.command("remove")
@SLUG
def remove_command(slug: str) -> None:
    """Take the logo away; pages show the initials again."""
    with transaction():
        remove_logo(the_tenant(slug), actor=actor(), now=now())
