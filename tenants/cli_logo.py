"""Commands for a tenant's logo, on the same flows as the API."""

from __future__ import annotations

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
@click.argument("path", type=click.Path(allow_dash=True), metavar="FILE")
def set_command(slug: str, path: str) -> None:
    """Set the logo from a PNG, JPEG or WebP FILE of 256 KiB at most (`-` reads standard input)."""
    found = the_tenant(slug)
    try:
        with click.open_file(path, "rb") as picture:
            content = picture.read(MAX_UPLOAD + 1)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}. Nothing was changed.") from None
    made = read_logo(content)
    with transaction():
        set_logo(found, made, actor=actor(), now=now())
    click.echo(f"{found.slug}: {made.mark.width} x {made.mark.height} pixels, {len(made.png)} octets, {made.mark.path}")


@logo.command("save")
@SLUG
@click.argument("path", type=click.Path(allow_dash=True), metavar="FILE")
def save_command(slug: str, path: str) -> None:
    """Save the logo to FILE, as it is served to people."""
    present = find_logo(the_tenant(slug).id)
    if present is None:
        raise NotFound("no logo")
    try:
        with click.open_file(path, "wb") as picture:
            picture.write(present.png)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from None


@logo.command("remove")
@SLUG
def remove_command(slug: str) -> None:
    """Take the logo away; pages show the initials again."""
    with transaction():
        remove_logo(the_tenant(slug), actor=actor(), now=now())
