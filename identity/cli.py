"""Commands for people, on the same flows as the API (I2)."""

from __future__ import annotations

from dataclasses import asdict

import click
from flask import Flask

from config.database import transaction
from identity.cli_attempts import attempts
from identity.cli_local_accounts import break_glass, local_account
from identity.cli_organisations import organisation
from identity.cli_people import people, person_id, sessions
from identity.people import change_active, require_person
from identity.people_search import PeopleFilter, PeopleOrder, list_people
from identity.people_views import access_document
from tenants.cli_support import ManagementGroup, actor, now, show, the_tenant

user = ManagementGroup("user", help="A tenant's people.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
PERSON = click.argument("id_or_email", metavar="ID-OR-EMAIL")
LIMIT = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))


def install_people_commands(app: Flask) -> None:
    """Give the application these commands."""
    for group in (user, people, organisation, sessions, attempts, local_account, break_glass):
        app.cli.add_command(group)


@user.command("list")
@SLUG
@LIMIT
def list_command(slug: str, limit: int) -> None:
    """List people in the order of their coming."""
    for listed in list_people(the_tenant(slug).id, PeopleFilter(), PeopleOrder(), None, limit):
        person = listed.person
        click.echo(f"{person.id}\t{'active' if person.active else 'inactive'}\t{person.email}")


@user.command("deactivate")
@SLUG
@PERSON
def deactivate_command(slug: str, id_or_email: str) -> None:
    """Switch an account off: its sessions end at once, and no sign-in brings it back."""
    _change(slug, id_or_email, active=False)


@user.command("activate")
@SLUG
@PERSON
def activate_command(slug: str, id_or_email: str) -> None:
    """Switch an account on again."""
    _change(slug, id_or_email, active=True)


@user.command("access-end")
@SLUG
@PERSON
def access_end_command(slug: str, id_or_email: str) -> None:
    """Tell when a person's access ended, how long that took, and what ended with it."""
    tenant = the_tenant(slug)
    person = require_person(tenant.id, person_id(tenant, id_or_email))
    show(access_document(tenant.id, person.id, active=person.active))


def _change(slug: str, id_or_email: str, *, active: bool) -> None:
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        show(asdict(change_active(tenant.id, user_id, active, actor=actor(), now=now())))
