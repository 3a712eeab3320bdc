"""Commands for attempts to sign in, and for responses in files, on the same flows as the API (I2)."""

from __future__ import annotations

import datetime as dt
from typing import TextIO

import click

from identity.attempt_records import page_of_attempts
from identity.attempt_schemas import AttemptsQuery
from identity.attempt_views import attempt_filter, explained_document, verdict_document
from identity.diagnosis import diagnose, explain_attempt
from identity.pasted import MAX_PASTED_CHARACTERS
from tenants import web
from tenants.cli_support import ManagementGroup, checked, now, show, the_tenant
from tenants.errors import NotFound
from tenants.records import find_tenant

attempts = ManagementGroup("attempts", help="Attempts to sign in, with their receipts.")
SLUG = click.argument("slug", metavar="MYDOMAIN")


@attempts.command("list")
@SLUG
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--code", help="Code of the refusal.")
@click.option("--result", type=click.Choice(["accepted", "refused"]))
@click.option("--email", help="Of the person.")
@click.option("--reference", help="As the page showed it.")
@click.option("--test/--no-test", default=None, help="Tests of settings alone, or none of them.")
@click.option("--since", help="2026-11-24T08:00:00Z; the first moment that counts.")
@click.option("--until", help="The first moment that does not count any more.")
def list_attempts_command(slug: str, limit: int, test: bool | None, **asked: str | None) -> None:
    """List attempts, newest first."""
    tenant, query = the_tenant(slug), {name: value for name, value in asked.items() if value is not None}
    if test is not None:
        query["test"] = "true" if test else "false"
    filters = attempt_filter(tenant.id, checked(AttemptsQuery, query))
    for attempt in page_of_attempts(tenant.id, None, limit, filters):
        at = attempt.at.isoformat(timespec="seconds")
        outcome = ("test: " if attempt.test else "") + (attempt.code or "accepted")
        click.echo(f"{attempt.id}\t{at}\t{attempt.reference}\t{outcome}\t{attempt.idp or ''}")


@attempts.command("show")
@SLUG
@click.argument("attempt_id", metavar="ID")
def show_attempt_command(slug: str, attempt_id: str) -> None:
    """Show one attempt with its receipt, and what to do about it."""
    tenant = the_tenant(slug)
    try:
        explained = explain_attempt(tenant.id, attempt_id)
    except NotFound:
        raise click.UsageError(f"There is no attempt of this id. `vestibule attempts list {slug}` shows them.") from None
    show(explained_document(explained))


@attempts.command("diagnose")
@SLUG
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option("--at", "moment", help="Judge as of this moment, 2026-11-24T08:00:00Z; now unless told.")
def diagnose_command(slug: str, file: TextIO, moment: str | None) -> None:
    """Judge a response in a file (`-` for standard input) as the ACS would, without effect."""
    view = find_tenant(the_tenant(slug).slug)
    at: dt.datetime | None = checked(AttemptsQuery, {"since": moment})["since"] if moment else None
    if view is None:
        raise click.UsageError("The tenant was deleted meanwhile.")
    pasted = file.read(MAX_PASTED_CHARACTERS + 1)
    show(verdict_document(diagnose(view, web.trusts().trust_of(view), pasted, at or now())))
