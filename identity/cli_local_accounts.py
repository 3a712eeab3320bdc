"""Commands for local accounts and break-glass, on the same flows as the API (I2)."""

from __future__ import annotations

from typing import Any

import click

from config.database import transaction
from identity.cli_people import person_id
from identity.local_account_views import account_document, admin_document, break_glass_document, link_document
from identity.local_sign_in.accounts import give_account, show_account, take_account, take_factors
from identity.local_sign_in.break_glass import acknowledge_use, name_break_glass, withdraw_break_glass
from identity.local_sign_in.door import Means
from identity.local_sign_in.links import issue_link
from tenants import wiring
from tenants.cli_support import ManagementGroup, actor, now, show, the_tenant
from tenants.errors import NotFound
from tenants.paging import is_row_id

local_account = ManagementGroup("local-account", help="People with a password of their own here.")
break_glass = ManagementGroup("break-glass", help="Administrators who get in when single sign-on is down.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
PERSON = click.argument("id_or_email", metavar="ID-OR-EMAIL")
PRINT = click.option("--print", "printed", is_flag=True, help="Print the link and send no mail.")


@local_account.command("show")
@SLUG
@PERSON
def show_command(slug: str, id_or_email: str) -> None:
    """Show a person's local account; never its secrets."""
    tenant = the_tenant(slug)
    shown = show_account(tenant.id, person_id(tenant, id_or_email), now())
    if shown is None:
        raise NotFound("no local account")
    show(account_document(shown))


@local_account.command("give")
@SLUG
@PERSON
@PRINT
def give_command(slug: str, id_or_email: str, printed: bool) -> None:
    """Give a person a local account and an invitation; without a mail server the link is printed."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        link = give_account(tenant, user_id, _means(), show=printed, **_operator())
    show({"given": link is not None, "link": link_document(link) if link else None})


@local_account.command("link")
@SLUG
@PERSON
@PRINT
def link_command(slug: str, id_or_email: str, printed: bool) -> None:
    """Make another invitation, or a reset where there is a password."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        show(link_document(issue_link(tenant, user_id, _means(), show=printed, **_operator())))


@local_account.command("remove-second-factors")
@SLUG
@PERSON
def remove_second_factors_command(slug: str, id_or_email: str) -> None:
    """Take all second factors of a person away, which were lost; every session of theirs ends."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        take_factors(tenant, user_id, _means(), actor=actor(), now=now())


@local_account.command("take")
@SLUG
@PERSON
def take_command(slug: str, id_or_email: str) -> None:
    """Take a person's local account away, with all that belongs to it; its sessions end."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        take_account(tenant, user_id, _means(), actor=actor(), now=now())


@break_glass.command("list")
@SLUG
def list_command(slug: str) -> None:
    """Who may come in when single sign-on is down, and the latest times that somebody did."""
    show(break_glass_document(the_tenant(slug).id))


@break_glass.command("name")
@SLUG
@PERSON
@click.option("--reason", required=True, help="Why; it is on record, and told to everybody.")
def name_command(slug: str, id_or_email: str, reason: str) -> None:
    """Name somebody who has a local account; everybody is told."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        show(admin_document(name_break_glass(tenant, user_id, reason, _means(), actor=actor(), now=now())))


@break_glass.command("withdraw")
@SLUG
@PERSON
def withdraw_command(slug: str, id_or_email: str) -> None:
    """Take the name back; sessions that began by it end."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        withdraw_break_glass(tenant.id, user_id, actor=actor(), now=now())


@break_glass.command("acknowledge")
@SLUG
@click.argument("use_id", metavar="ID")
def acknowledge_command(slug: str, use_id: str) -> None:
    """Say that a use is known and in order."""
    tenant = the_tenant(slug)
    if not is_row_id(use_id):
        raise NotFound("no such use")
    with transaction():
        acknowledge_use(tenant.id, use_id, actor=actor(), now=now())


def _operator() -> dict[str, Any]:
    return {"by_staff": True, "actor": actor(), "now": now()}


def _means() -> Means:
    return Means(wiring.settings(), wiring.keys(), wiring.admins_of())
