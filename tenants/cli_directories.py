"""Commands for directories (LDAP), on the same flows as the API (I2)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from config.database import transaction
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.directories.managing import (
    queue_directory_sync,
    remove_directory,
    require_directory,
    save_directory,
    try_directory,
)
from tenants.directories.records import directories_of
from tenants.directory_schemas import DirectoryPut, DirectoryTest
from tenants.directory_views import directory_document, directory_form, examination_document
from tenants.wiring import end_sessions, keys, settings

MAX_FILE = 256 * 1024
MAX_PASSWORD_LINE = 2048
directory_commands = ManagementGroup("directory", help="Directories (LDAP) that people sign in by.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
NAME = click.argument("name", metavar="NAME")


@directory_commands.command("list")
@SLUG
def list_command(slug: str) -> None:
    """List directories; never their passwords."""
    show([directory_document(item) for item in directories_of(the_tenant(slug).id)])


@directory_commands.command("show")
@SLUG
@NAME
def show_command(slug: str, name: str) -> None:
    """Show a directory, and how its last sync went."""
    show(directory_document(require_directory(the_tenant(slug).id, name)))


@directory_commands.command("save")
@SLUG
@NAME
@click.option(
    "--settings-file", "file", required=True, type=click.Path(exists=True, dir_okay=False), help="JSON as the API takes it."
)
@click.option("--password-stdin", is_flag=True, help="Read the password of the bind DN from standard input.")
def save_command(slug: str, name: str, file: str, password_stdin: bool) -> None:
    """Connect a directory, or change it. A password that is not given stays."""
    tenant, body = the_tenant(slug), _document(file)
    if password_stdin:
        body["password"] = sys.stdin.readline(MAX_PASSWORD_LINE).rstrip("\r\n")
    form = directory_form(checked(DirectoryPut, body))
    with transaction():
        saved = save_directory(tenant, name, form, keys(), actor=actor(), now=now())
    show(directory_document(saved.directory))


@directory_commands.command("test")
@SLUG
@NAME
@click.option("--username", default="", help="Whom to look for; without it, some of all.")
@click.pass_context
def test_command(ctx: click.Context, slug: str, name: str, username: str) -> None:
    """Try the connection stage by stage, with a sample of what would be taken; exit code 1 where it fails."""
    wanted = checked(DirectoryTest, {"username": username})
    examination = try_directory(the_tenant(slug), name, settings(), keys(), username=wanted["username"])
    show(examination_document(examination))
    if not examination.passed:
        ctx.exit(1)


@directory_commands.command("sync")
@SLUG
@NAME
def sync_command(slug: str, name: str) -> None:
    """Have a directory synchronised now; a process with a clock does it within seconds."""
    with transaction():
        queue_directory_sync(the_tenant(slug), name, actor=actor(), now=now())


@directory_commands.command("remove")
@SLUG
@NAME
def remove_command(slug: str, name: str) -> None:
    """Take a directory away: its people's sessions end and its password is erased; they stay."""
    with transaction():
        remove_directory(the_tenant(slug), name, actor=actor(), now=now(), end_sessions=end_sessions())


def _document(file: str) -> dict[str, Any]:
    with Path(file).open("rb") as opened:
        octets = opened.read(MAX_FILE + 1)
    try:
        document = json.loads(octets) if len(octets) <= MAX_FILE else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise click.UsageError(f"{file} does not hold one JSON object of at most {MAX_FILE // 1024} KiB.")
    return document
