"""Commands for staff accounts, on the same flows as the console. The first owner is made here (A1)."""

from __future__ import annotations

import click
from flask import Flask

from admin_ui.staff_accounts import Invitation, change_active, invite, reset
from admin_ui.staff_records import Staff, all_staff, find_staff, find_staff_by_email
from config.database import transaction
from identity.people_letters import post_of
from tenants.cli_support import ManagementGroup, actor, now
from tenants.email_domains import normalise_email
from tenants.paging import is_row_id
from tenants.roles import Role
from tenants.wiring import keys, settings

staff = ManagementGroup("staff", help="Accounts of the company's own people in the console.")
WHO = click.argument("id_or_email", metavar="ID-OR-EMAIL")
LINK_WORDS = "The link works once, within 24 hours. Give it to nobody but the person."


def install_staff_commands(app: Flask) -> None:
    """Give the application these commands."""
    app.cli.add_command(staff)


@staff.command("create")
@click.option("--email", required=True, help="The person's own address.")
@click.option("--name", required=True, help="What colleagues see.")
@click.option("--role", required=True, type=click.Choice([Role.STAFF.value, Role.SUPPORT.value]), help="Owner, or support.")
def create_command(email: str, name: str, role: str) -> None:
    """Make an account and print its invitation, a link that sets password and second factor."""
    with transaction():
        invitation = invite(email, name, Role(role), actor=actor(), now=now())
    _show(invitation)


@staff.command("list")
def list_command() -> None:
    """List accounts by name."""
    for account in all_staff():
        last = account.last_sign_in_at.isoformat(timespec="seconds") if account.last_sign_in_at else "never"
        click.echo(f"{account.id}\t{account.role}\t{account.state(now())}\t{account.email}\t{account.name}\t{last}")


@staff.command("deactivate")
@WHO
def deactivate_command(id_or_email: str) -> None:
    """Switch an account off: its sessions and its invitation end at once."""
    _switch(id_or_email, active=False)


@staff.command("activate")
@WHO
def activate_command(id_or_email: str) -> None:
    """Switch an account on again."""
    _switch(id_or_email, active=True)


@staff.command("reset")
@WHO
def reset_command(id_or_email: str) -> None:
    """Take password, second factors and sessions away, and print a new invitation."""
    account = _the_account(id_or_email)
    with transaction():
        invitation = reset(account.id, post_of(settings(), keys()), actor=actor(), now=now())
    _show(invitation)


def _switch(id_or_email: str, *, active: bool) -> None:
    account = _the_account(id_or_email)
    with transaction():
        changed = change_active(account.id, active, actor=actor(), now=now())
    click.echo(f"{changed.email} is {'active' if changed.active else 'switched off'}.", err=True)


def _the_account(id_or_email: str) -> Staff:
    address = normalise_email(id_or_email)
    found = find_staff(id_or_email) if is_row_id(id_or_email) else find_staff_by_email(address) if address else None
    if found is None:
        raise click.UsageError("There is no such account. `vestibule staff list` shows them all.")
    return found


def _show(invitation: Invitation) -> None:
    """The link alone on standard output, for scripts."""
    click.echo(settings().app_url + invitation.path)
    click.echo(LINK_WORDS, err=True)
