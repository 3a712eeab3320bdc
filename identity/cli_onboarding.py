"""Commands for onboarding and set-up links, on the same flows as the API (I2)."""

from __future__ import annotations

import datetime as dt

import click
from flask import Flask

from config.database import transaction
from identity.customers import NewCustomer, link_document, progress_document, start_onboarding
from identity.onboarding import activate
from identity.onboarding_schemas import Activate, OnboardingCreate, SetupLinkCreate
from identity.setup_progress import progress_of
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.onboarding.link_mail import mail_link
from tenants.onboarding.link_records import links_of
from tenants.onboarding.links import IssuedLink, issue_link, release_link, revoke_link
from tenants.paging import is_row_id
from tenants.wiring import keys, settings

setup_link = ManagementGroup("setup-link", help="Links by which a customer's IT people set up sign-in.")
onboarding = ManagementGroup("onboarding", help="New customers, and how far they are.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
LINK = click.argument("link_id", metavar="ID")
MAIL = click.option("--mail", "send_mail", is_flag=True, help="Send it to its person by mail, too.")
DAYS = click.option("--expires-in-days", default=14, show_default=True, type=click.IntRange(1, 90))


def install_onboarding_commands(app: Flask) -> None:
    """Give the application these commands."""
    for group in (onboarding, setup_link):
        app.cli.add_command(group)


@onboarding.command("start")
@SLUG
@click.option("--name", required=True, help="What people see.")
@click.option("--domain", "domains", multiple=True, help="E-mail domain of its people; several are possible.")
@click.option("--attest-reason", help="Why the domains are known to be theirs; without it they wait for their proof by DNS.")
@click.option("--email", required=True, help="Whom the set-up link is for.")
@click.option(
    "--first-admin/--no-first-admin",
    default=True,
    show_default=True,
    help="Whether the link's person becomes the tenant's first administrator when sign-in is activated.",
)
@DAYS
@MAIL
def start_command(
    slug: str,
    name: str,
    domains: tuple[str, ...],
    attest_reason: str | None,
    email: str,
    first_admin: bool,
    expires_in_days: int,
    send_mail: bool,
) -> None:
    """Create a tenant and a set-up link, and print the link alone. It is shown this once."""
    document = {
        "slug": slug,
        "name": name,
        "email_domains": list(domains),
        "attest_reason": attest_reason,
        "setup_email": email,
        "first_admin": first_admin,
        "expires_in_days": expires_in_days,
        "send_mail": send_mail,
    }
    body = checked(OnboardingCreate, document)
    lifetime = dt.timedelta(days=body["expires_in_days"])
    customer = NewCustomer(
        slug,
        body["name"],
        body["email_domains"],
        body["attest_reason"],
        body["setup_email"],
        lifetime,
        body["first_admin"],
        body["send_mail"],
    )
    _, link = start_onboarding(customer, settings(), keys(), actor=actor(), now=now())
    _print(link)


@onboarding.command("show")
@SLUG
def show_command(slug: str) -> None:
    """Show how far a tenant is, by what is there."""
    show(progress_document(progress_of(the_tenant(slug))))


@onboarding.command("activate")
@SLUG
@click.option("--reason", help="Why it goes without the steps that are missing.")
def activate_command(slug: str, reason: str | None) -> None:
    """Let people sign in, and end onboarding."""
    body = checked(Activate, {"reason": reason})
    with transaction():
        activate(the_tenant(slug), reason=body["reason"], actor=actor(), now=now())
    show(progress_document(progress_of(the_tenant(slug))))


@setup_link.command("issue")
@SLUG
@click.option("--email", required=True, help="Whom it is for.")
@DAYS
@MAIL
def issue_command(slug: str, email: str, expires_in_days: int, send_mail: bool) -> None:
    """Make a link and print it, and nothing else. It is shown this once."""
    body = checked(SetupLinkCreate, {"email": email, "expires_in_days": expires_in_days, "send_mail": send_mail})
    lifetime, tenant = dt.timedelta(days=body["expires_in_days"]), the_tenant(slug)
    with transaction():
        link = issue_link(tenant, body["email"], lifetime, settings(), actor=actor(), now=now())
        if body["send_mail"]:
            link = mail_link(tenant, link, settings(), keys(), by_staff=True, actor=actor(), now=now())
    _print(link)


@setup_link.command("list")
@SLUG
def list_command(slug: str) -> None:
    """List links, newest first; never the links themselves."""
    tenant = the_tenant(slug)
    for link in links_of(tenant.id):
        state = link_document(link, tenant, now())["state"]
        click.echo(f"{link.id}\t{state}\t{link.expires_at.isoformat(timespec='seconds')}\t{link.email}")


@setup_link.command("release")
@SLUG
@LINK
def release_command(slug: str, link_id: str) -> None:
    """Let a link be started anew, in whichever browser opens it next."""
    tenant = the_tenant(slug)
    with transaction():
        show(link_document(release_link(tenant, _id(link_id, slug), actor=actor(), now=now()), tenant, now()))


@setup_link.command("revoke")
@SLUG
@LINK
def revoke_command(slug: str, link_id: str) -> None:
    """End a link at once, in the browser that uses it too."""
    tenant = the_tenant(slug)
    with transaction():
        show(link_document(revoke_link(tenant, _id(link_id, slug), actor=actor(), now=now()), tenant, now()))


def _print(link: IssuedLink) -> None:
    """The link alone, for scripts; where it is mailed, too, that stands beside it."""
    click.echo(link.url)
    if link.delivery is not None:
        click.echo(f"On its way to {link.row.email} as delivery {link.delivery}.", err=True)


def _id(text: str, slug: str) -> str:
    if not is_row_id(text):
        raise click.UsageError(f"There is no set-up link of this id. `vestibule setup-link list {slug}` shows them.")
    return text
